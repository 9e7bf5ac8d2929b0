"""Augmentation of whole batches: one affine resample, stroke width, optional elastic distortion."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Augmentation:
    """How far a batch is varied; each example draws its own values, uniformly.

    Attributes:
        rotation_deg: largest rotation either way.
        shift_px: largest shift either way, along each axis.
        scale: largest relative change of size either way, along each axis apart.
        shear: largest horizontal shear either way.
        stroke: largest share of a 3×3 dilation or erosion that is blended in, 0 to 1.
        elastic_px: standard deviation of the elastic displacement; 0 is off.
        clean_share: share of the examples that stay as they are.
    """

    rotation_deg: float = 12.0
    shift_px: float = 1.5
    scale: float = 0.12
    shear: float = 0.2
    stroke: float = 0.35
    elastic_px: float = 0.0
    clean_share: float = 0.3


def augment(images: tf.Tensor, seed: tf.Tensor, how: Augmentation) -> tf.Tensor:
    """Vary a batch; the same seed gives the same batch.

    Args:
        images: float32 (N, 28, 28, 1) in [0, 1], ink 1 on background 0.
        seed: int32 (2,), of this batch alone.
        how: the ranges.

    Returns:
        float32 (N, 28, 28, 1) in [0, 1].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    count = tf.shape(images)[0]
    varied = _affine(images, seeds[0], how)
    if how.elastic_px > 0:
        varied = _elastic(varied, seeds[1], how.elastic_px)
    if how.stroke > 0:
        varied = _stroke_width(varied, seeds[2], how.stroke)
    clean = tf.random.stateless_uniform((count, 1, 1, 1), seeds[3]) < how.clean_share
    return tf.where(clean, images, tf.clip_by_value(varied, 0.0, 1.0))


def _affine(images: tf.Tensor, seed: tf.Tensor, how: Augmentation) -> tf.Tensor:
    """Resample once through the product of rotation, shear, scale and shift about the centre."""
    count, side = tf.shape(images)[0], images.shape[1]
    draws = tf.random.stateless_uniform((6, count), seed, -1.0, 1.0)
    angle = draws[0] * (how.rotation_deg * math.pi / 180)
    shear = draws[1] * how.shear
    wide, high = 1 / (1 + draws[2] * how.scale), 1 / (1 + draws[3] * how.scale)
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b = wide * cos, wide * (shear * cos - sin)
    c, d = high * sin, high * (shear * sin + cos)
    centre = (side - 1) / 2
    dx = centre - a * centre - b * centre + draws[4] * how.shift_px
    dy = centre - c * centre - d * centre + draws[5] * how.shift_px
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, dx, c, d, dy, zero, zero], axis=1),
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _stroke_width(images: tf.Tensor, seed: tf.Tensor, largest: float) -> tf.Tensor:
    """Blend in a share of the 3×3 dilation (thicker) or erosion (thinner)."""
    share = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, -largest, largest)
    thick = tf.nn.max_pool2d(images, 3, 1, "SAME")
    thin = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    return images + tf.abs(share) * (tf.where(share > 0, thick, thin) - images)


def _elastic(images: tf.Tensor, seed: tf.Tensor, sigma_px: float) -> tf.Tensor:
    """Move pixels by a smooth random field.

    Source: P. Simard et al., Best practices for convolutional neural networks, 2003, with the
    field drawn on a 5×5 grid and resized, which is smooth by construction.
    """
    count, side = tf.shape(images)[0], images.shape[1]
    grid = tf.random.stateless_normal((count, 5, 5, 2), seed, stddev=sigma_px)
    field = tf.image.resize(grid, (side, side), method="bicubic")
    rows, columns = tf.meshgrid(tf.range(side), tf.range(side), indexing="ij")
    y = tf.clip_by_value(tf.cast(rows, tf.float32) + field[..., 0], 0.0, side - 1.001)
    x = tf.clip_by_value(tf.cast(columns, tf.float32) + field[..., 1], 0.0, side - 1.001)
    top, left = tf.floor(y), tf.floor(x)
    down, right = y - top, x - left
    flat = tf.reshape(images, (count, side * side))
    start = tf.cast(top, tf.int32) * side + tf.cast(left, tf.int32)

    def pixel(offset: int) -> tf.Tensor:
        index = tf.reshape(start + offset, (count, side * side))
        return tf.reshape(tf.gather(flat, index, batch_dims=1), (count, side, side))

    upper = pixel(0) * (1 - right) + pixel(1) * right
    lower = pixel(side) * (1 - right) + pixel(side + 1) * right
    return (upper * (1 - down) + lower * down)[..., tf.newaxis]
