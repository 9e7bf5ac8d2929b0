"""Damage of training examples: what a camera, a pen or a wrong threshold may do to a crop.

The ways are general ones, drawn over wide ranges. None of them is code of `edge_hdr.robustness`,
which measures models on damage of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

SIDE_PX = 28
STREAM = (7, 11)  # added to the seed of a batch, which its augmentation takes as it is


def degrade(images: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Damage a share of a batch, each example in a way drawn for it; the same seed does the same.

    Args:
        images: float32 (N, 28, 28, 1) in [0, 1], ink 1 on background 0.
        seed: int32 (2,), of this batch alone.
        share: of the examples that are damaged, 0 to 1.

    Returns:
        float32 (N, 28, 28, 1) in [0, 1].
    """
    count = tf.shape(images)[0]
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed + STREAM, len(WAYS) + 2))
    chosen = tf.random.stateless_uniform((count,), seeds[0]) < share
    ways = tf.random.stateless_uniform((count,), seeds[1], 0, len(WAYS), tf.int32)
    result = images
    for number, (way, own) in enumerate(zip(WAYS, seeds[2:], strict=True)):
        index = tf.where(chosen & (ways == number))[:, 0]
        damaged = tf.clip_by_value(way(tf.gather(images, index), own), 0.0, 1.0)
        result = tf.tensor_scatter_nd_update(result, index[:, None], damaged)
    return result


def _uniform(images: tf.Tensor, seed: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Draw one value an example, float32 (N, 1, 1, 1)."""
    return tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, low, high)


def _grain(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Add a sensor's noise, of every pixel alone or twice as coarse."""
    strength = _uniform(images, seed, 0.05, 0.4)
    fine = tf.random.stateless_normal(tf.shape(images), seed + 1)
    coarse = tf.nn.avg_pool2d(fine, 2, 1, "SAME") * 2
    return images + strength * tf.where(_uniform(images, seed + 2, 0, 1) < 0.5, fine, coarse)


def _specks(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turn single pixels into ink, and others into holes."""
    draw = tf.random.stateless_uniform(tf.shape(images), seed)
    ink, holes = _uniform(images, seed + 1, 0, 0.15), _uniform(images, seed + 2, 0, 0.3)
    return tf.where(draw < ink, 1.0, tf.where(draw > 1 - holes, 0.0, images))


def _soft(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Blur a little or much."""
    once = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    much = tf.nn.avg_pool2d(tf.nn.avg_pool2d(once, 3, 1, "SAME"), 3, 1, "SAME")
    share = _uniform(images, seed, 0.3, 2.0)
    near = images + tf.minimum(share, 1.0) * (once - images)
    return near + tf.maximum(share - 1.0, 0.0) * (much - near)


def _line(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw a line across, straight or bent or broken into dashes, in ink or as a scratch."""
    x, y = tf.meshgrid(tf.range(SIDE_PX) - 14, tf.range(SIDE_PX) - 14)
    x, y = (tf.cast(axis, tf.float32)[None, :, :, None] for axis in (x, y))
    angle = _uniform(images, seed, 0, math.pi)
    along, across = x * tf.cos(angle) + y * tf.sin(angle), y * tf.cos(angle) - x * tf.sin(angle)
    period = _uniform(images, seed + 1, 4, 24)
    swing = tf.nn.relu(_uniform(images, seed + 2, -5, 6))  # a good part of them straight
    phase = 2 * math.pi * along / period + _uniform(images, seed + 3, 0, 6.3)
    away = across - _uniform(images, seed + 4, -10, 10) - swing * tf.asin(0.99 * tf.sin(phase))
    drawn = tf.clip_by_value(_uniform(images, seed + 5, 0.5, 1.6) + 0.5 - tf.abs(away), 0, 1)
    dashed = tf.cast(tf.sin(2 * math.pi * along / _uniform(images, seed + 6, 2, 7)) > 0, tf.float32)
    drawn *= tf.where(_uniform(images, seed + 7, 0, 1) < 0.3, dashed, 1.0)
    drawn *= _uniform(images, seed + 8, 0.4, 1)
    scratched = _uniform(images, seed + 9, 0, 1) < 0.25
    return tf.where(scratched, images * (1 - drawn), tf.maximum(images, drawn))


def _box(images: tf.Tensor, seed: tf.Tensor, bands: float = 0.0) -> tf.Tensor:
    """Mark a rectangle an example, or for a share of each axis a band, bool (N, 28, 28, 1)."""
    axis = tf.range(SIDE_PX, dtype=tf.float32)

    def stretch(own: tf.Tensor) -> tf.Tensor:
        middle, half = _uniform(images, own, 0, SIDE_PX), _uniform(images, own + 1, 1, 6)
        whole = _uniform(images, own + 2, 0, 1) < bands
        return (whole | (tf.abs(axis - middle) < half))[:, 0, 0]

    rows = stretch(seed)[:, :, None]
    columns = stretch(seed + 3)[:, None, :]
    return (rows & columns)[..., None]


def _inverted(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Invert a rectangle or two, as a local threshold does at the edge of a shadow."""
    for own in (seed, seed + 10):
        images = tf.where(_box(images, own, bands=0.3), 1 - images, images)
    return images


def _covered(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Cover a rectangle with paper, or a smaller share of them with ink."""
    tone = tf.cast(_uniform(images, seed + 10, 0, 1) < 0.3, tf.float32)
    return tf.where(_box(images, seed), tone, images)


def _light(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Change contrast and brightness, evenly or along a gradient, and the curve between."""
    curve = images ** tf.exp(_uniform(images, seed, -1.0, 1.0))
    ramp = tf.linspace(-1.0, 1.0, SIDE_PX)
    tilt = _uniform(images, seed + 1, -0.2, 0.2) * ramp[None, None, :, None]
    tilt += _uniform(images, seed + 2, -0.2, 0.2) * ramp[None, :, None, None]
    low = _uniform(images, seed + 3, 0.0, 0.4)
    return low + tilt + (_uniform(images, seed + 4, 0.5, 1.0) - low) * curve


def _blotches(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Lay stains or mist over the picture: smooth noise, soft or hard."""
    coarse = tf.random.stateless_normal((tf.shape(images)[0], 8, 8, 1), seed)
    field = tf.image.resize(coarse, (SIDE_PX, SIDE_PX), method="bicubic")
    level = _uniform(images, seed + 1, 0.2, 1.6)
    steep = _uniform(images, seed + 2, 0.5, 6.0)
    cover = tf.clip_by_value((field - level) * steep, 0, 1) * _uniform(images, seed + 3, 0.4, 1)
    erased = _uniform(images, seed + 4, 0, 1) < 0.25
    return tf.where(erased, images * (1 - cover), tf.maximum(images, cover))


def _hollow(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Keep the outlines of strokes only, as of digits drawn double, at times faintly filled."""
    inner = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    outer = tf.nn.max_pool2d(images, 3, 1, "SAME")
    wide = _uniform(images, seed, 0, 1) < 0.5
    outline = tf.where(wide, outer - images, images - inner)
    gain = _uniform(images, seed + 1, 1.0, 2.5)
    return tf.maximum(gain * outline, _uniform(images, seed + 2, -0.3, 0.3) * images)


WAYS: tuple[Callable[[tf.Tensor, tf.Tensor], tf.Tensor], ...] = (
    _grain, _specks, _soft, _line, _inverted, _covered, _light, _blotches, _hollow,
)  # fmt: skip
