"""Corruptions of single pixels: noise, light, polarity, coarse sampling, edges.

Every function takes float32 (N, 28, 28), ink 1 on background 0, a parameter as
`edge_hdr.robustness.corruptions` lists it, and the source of randomness, and gives a new array
of the same form; values may leave [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Random = np.random.Generator

WEAK_EDGE, STRONG_EDGE = 0.1, 0.2  # Sobel sums at which an edge goes on, and at which it begins


def shot_noise(images: Floats, photons: float, rng: Random) -> Floats:
    """Count `photons` on average where there is full ink, by Poisson's law."""
    return np.asarray(rng.poisson(images * photons) / photons, np.float32)


def impulse_noise(images: Floats, share: float, rng: Random) -> Floats:
    """Turn this share of the pixels into full ink or into background, equally often."""
    draw = rng.random(images.shape, np.float32)
    return np.asarray(
        np.where(draw < share / 2, 0.0, np.where(draw < share, 1.0, images)), np.float32
    )


def gaussian_noise(images: Floats, deviation: float, rng: Random) -> Floats:
    """Add normal noise of this standard deviation."""
    return images + deviation * rng.standard_normal(images.shape, np.float32)


def brightness(images: Floats, lift: float, rng: Random) -> Floats:
    """Lift all pixels towards ink."""
    return images + np.float32(lift)


def contrast(images: Floats, factor: float, rng: Random) -> Floats:
    """Bring all pixels nearer to their picture's mean, to this share of the distance."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(mean + factor * (images - mean), np.float32)


def inversion(images: Floats, factor: float, rng: Random) -> Floats:
    """Swap ink and background, and reduce the contrast to this share around mid grey."""
    return np.asarray(0.5 + factor * (0.5 - images), np.float32)


def stripe(images: Floats, columns: int, rng: Random) -> Floats:
    """Swap ink and background in so many columns at the left and at the right."""
    striped = images.copy()
    striped[:, :, :columns] = 1 - images[:, :, :columns]
    striped[:, :, -columns:] = 1 - images[:, :, -columns:]
    return striped


def pixelate(images: Floats, side_px: int, rng: Random) -> Floats:
    """Average the picture down to so many pixels a side and show those as blocks."""
    import cv2

    def coarse(image: Floats) -> Floats:
        small = cv2.resize(image, (side_px, side_px), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (28, 28), interpolation=cv2.INTER_NEAREST), np.float32)

    return each(images, coarse)


def jpeg(images: Floats, quality: int, rng: Random) -> Floats:
    """Store as JPEG of this quality (1 to 100) and read it again."""
    import cv2

    def stored(image: Floats) -> Floats:
        pixels = np.rint(255 * image).astype(np.uint8)
        _, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        read = np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.float32)
        return np.asarray(read / np.float32(255), np.float32)

    return each(images, stored)


def canny_edges(images: Floats, how: tuple[float, float], rng: Random) -> Floats:
    """Replace a digit by the edges of its blurred picture.

    Args:
        images: as in the module's docstring.
        how: blur before the search in px, and the share of the digit's own ink that stays.
        rng: unused.

    Source: J. Canny, IEEE Transactions on Pattern Analysis and Machine Intelligence 8(6), 1986.
    """
    import cv2

    sigma_px, kept = how

    def edges(image: Floats) -> Floats:
        pixels = np.rint(255 * image).astype(np.uint8)
        soft = cv2.GaussianBlur(pixels, (0, 0), sigma_px)
        found = cv2.Canny(soft, 255 * WEAK_EDGE, 255 * STRONG_EDGE, L2gradient=True)
        ink = np.maximum(found.astype(np.float32) / 255, np.float32(kept) * image)
        return np.asarray(ink, np.float32)

    return each(images, edges)


def each(images: Floats, change: Callable[[Floats], Floats]) -> Floats:
    """Apply a change of one picture float32 (28, 28) to all."""
    changed = np.empty_like(images)
    for index, image in enumerate(images):
        changed[index] = change(image)
    return changed
