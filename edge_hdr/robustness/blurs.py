"""Corruptions that spread a pixel over its neighbours: Gaussian, defocus, motion, glass.

The form of the functions is that of `edge_hdr.robustness.pixels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.robustness.pixels import Floats, Random, each

STEEPEST_DEG = 45  # of the direction of a motion against the lines of text
FINE = 8  # parts of a pixel on which a disk's edge is found


def gaussian_blur(images: Floats, sigma_px: float, rng: Random) -> Floats:
    """Convolve with a Gaussian of this standard deviation."""
    import cv2

    def soft(image: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32)

    return each(images, soft)


def defocus_blur(images: Floats, radius_px: float, rng: Random) -> Floats:
    """Convolve with a disk of this radius, as a lens out of focus does."""
    import cv2

    kernel = disk(radius_px)

    def soft(image: Floats) -> Floats:
        return np.asarray(cv2.filter2D(image, -1, kernel), np.float32)

    return each(images, soft)


def disk(radius_px: float) -> Floats:
    """Give the share of each pixel that a centred disk covers, float32 (k, k) of sum 1."""
    reach = int(np.ceil(radius_px - 0.5))
    at = (np.arange((2 * reach + 1) * FINE) + 0.5) / FINE - reach - 0.5
    inside = (at[:, None] ** 2 + at[None, :] ** 2 <= radius_px**2).astype(np.float32)
    cover = inside.reshape(2 * reach + 1, FINE, 2 * reach + 1, FINE).mean(axis=(1, 3))
    return np.asarray(cover / cover.sum(), np.float32)


def motion_blur(images: Floats, sigma_px: float, rng: Random) -> Floats:
    """Smear each picture in a direction drawn within ±45° of the lines of text.

    The trail falls off as half a Gaussian of this standard deviation, so a digit moves as well.
    """
    import cv2

    angles = rng.integers(-STEEPEST_DEG, STEEPEST_DEG, len(images), endpoint=True)
    blurred = np.empty_like(images)
    for angle in np.unique(angles).tolist():
        kernel = trail(sigma_px, angle)
        for index in np.flatnonzero(angles == angle):
            blurred[index] = cv2.filter2D(
                images[index], -1, kernel, borderType=cv2.BORDER_REPLICATE
            )
    return blurred


def trail(sigma_px: float, angle_deg: float) -> Floats:
    """Give the kernel float32 (k, k), sum 1, of a trail that begins at its centre."""
    reach = int(np.ceil(3 * sigma_px))
    step = np.arange(reach + 1)
    weight = np.exp(-0.5 * (step / sigma_px) ** 2)
    angle = np.deg2rad(angle_deg)
    x, y = reach + step * np.cos(angle), reach + step * np.sin(angle)
    kernel = np.zeros((2 * reach + 2, 2 * reach + 2))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = abs(1 - down - (y - top)) * abs(1 - right - (x - left))
            np.add.at(kernel, (top + down, left + right), weight * share)
    return np.asarray(kernel[:-1, :-1] / kernel[:-1, :-1].sum(), np.float32)


def glass_blur(images: Floats, how: tuple[float, int, int], rng: Random) -> Floats:
    """Look through frosted glass: blur, let pixels wander, blur again.

    Args:
        images: as in the module's docstring.
        how: blur in px, how far a pixel is taken from at most in px, and how many times.
        rng: decides where from.
    """
    sigma_px, reach_px, rounds = how
    wandered = gaussian_blur(images, sigma_px, rng)
    for _ in range(rounds):
        wandered = _wander(wandered, reach_px, rng)
    return gaussian_blur(wandered, sigma_px, rng)


def _wander(images: Floats, reach_px: int, rng: Random) -> Floats:
    """Give each pixel the value of one drawn from its surroundings; half of them stay."""
    count, height, width = images.shape
    row = _drawn(np.arange(height)[:, None], images.shape, reach_px, rng)
    column = _drawn(np.arange(width)[None, :], images.shape, reach_px, rng)
    stay = rng.random(images.shape, np.float32) < 0.5
    moved = images[np.arange(count)[:, None, None], row, column]
    return np.asarray(np.where(stay, images, moved), np.float32)


def _drawn(
    place: NDArray[np.int64], shape: tuple[int, ...], reach_px: int, rng: Random
) -> NDArray[np.int64]:
    away = rng.integers(-reach_px, reach_px, shape, endpoint=True)
    return np.asarray(np.clip(place + away, 0, shape[1] - 1), np.int64)
