"""Corruptions that lie over a digit: fog, spatter, dotted and zigzag lines.

The form of the functions is that of `edge_hdr.robustness.pixels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.robustness.blurs import gaussian_blur
from edge_hdr.robustness.pixels import Floats, Random

SKY_PX = 256  # side of the cloud that fog is cut from
PICTURES_A_SKY = 64
MUD = 63 / 255  # how dark a splash of mud is
WET_MEAN, WET_DEVIATION = 0.65, 0.3  # of the noise that becomes splashes
SPLASH_PX = 1.0  # blur that joins its drops
EDGE_PX, DENSE = 1.5, 0.8  # blur of a splash's edge, and what of it counts as covered
LINE_REACH = 2.3  # px above and below its course at which a line has faded out
TOOTH_PX = 2.0  # height of a zigzag's tooth, and half of its width


def fog(images: Floats, how: tuple[float, float], rng: Random) -> Floats:
    """Mix in a cloud and bring the sum back into range.

    Args:
        images: as in the module's docstring.
        how: how many times as strong as the digit the cloud is, and by which factor its detail
            weakens from one octave to the next.
        rng: draws the clouds.
    """
    strength, decay = how
    peak = np.maximum(images.max(axis=(1, 2), keepdims=True), 1e-6)
    mixed = images + np.float32(strength) * _clouds(len(images), decay, rng)
    return np.asarray(mixed * (peak / (peak + strength)), np.float32)


def _clouds(count: int, decay: float, rng: Random) -> Floats:
    """Cut pictures out of clouds that reach from 0 to 1; float32 (count, 28, 28)."""
    pieces = np.empty((count, 28, 28), np.float32)
    for start in range(0, count, PICTURES_A_SKY):
        sky = _sky(decay, rng)
        corners = rng.integers(0, SKY_PX - 28, (min(PICTURES_A_SKY, count - start), 2))
        for index, (top, left) in enumerate(corners.tolist(), start):
            pieces[index] = sky[top : top + 28, left : left + 28]
    return pieces


def _sky(decay: float, rng: Random) -> Floats:
    """Shape noise to the spectrum of a fractal; float32 (256, 256) from 0 to 1.

    Source: fractional Brownian noise in two dimensions has amplitudes f^−(H + 1), where detail
    weakens by 2^H an octave (R. Voss, Random fractal forgeries, 1985).
    """
    along = np.fft.fftfreq(SKY_PX) * SKY_PX
    frequency = np.hypot(along[:, None], along[None, : SKY_PX // 2 + 1])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((SKY_PX, SKY_PX)))
    sky = np.fft.irfft2(spectrum * frequency ** -(np.log2(decay) + 1), (SKY_PX, SKY_PX))
    return np.asarray((sky - sky.min()) / (sky.max() - sky.min()), np.float32)


def spatter(images: Floats, limit: float, rng: Random) -> Floats:
    """Splash mud where smooth noise exceeds the limit; it hides the ink and darkens the paper."""
    noise = WET_MEAN + WET_DEVIATION * rng.standard_normal(images.shape, np.float32)
    wet = gaussian_blur(noise, SPLASH_PX, rng) > limit
    cover = gaussian_blur(wet.astype(np.float32), EDGE_PX, rng)
    cover[cover < DENSE] = 0
    return np.asarray(images * (1 - cover) + MUD * cover, np.float32)


def dotted_line(images: Floats, how: tuple[int, float], rng: Random) -> Floats:
    """Draw dotted lines from the left to the right edge.

    Args:
        images: as in the module's docstring.
        how: number of lines, and how dark they are.
        rng: draws where they begin and end.
    """
    lines, depth = how
    column = np.arange(28)
    drawn = images
    for _ in range(lines):
        ends = rng.integers(0, 27, (2, len(images), 1))
        course = ends[0] + (ends[1] - ends[0]) * column / 27
        drawn = _drawn(drawn, course, depth * (column // 2 % 2 == 1))
    return drawn


def zigzag(images: Floats, how: tuple[int, float], rng: Random) -> Floats:
    """Draw zigzag lines, nearly level.

    Args:
        images: as in the module's docstring.
        how: number of lines, and how dark they are.
        rng: draws where they begin and how they lean.
    """
    lines, depth = how
    column = np.arange(28)
    tooth = TOOTH_PX * (2 / np.pi) * np.arcsin(np.sin(np.pi * (column - 2) / (2 * TOOTH_PX)))
    drawn = images
    for _ in range(lines):
        begin = rng.integers(0, 27, (len(images), 1))
        rise = rng.integers(-5, 5, (len(images), 1))
        course = begin + rise * (column - 2) / 23 + tooth
        drawn = _drawn(drawn, course, depth * ((column >= 2) & (column < 25)))
    return drawn


def _drawn(images: Floats, course: NDArray[np.floating], depth: NDArray[np.floating]) -> Floats:
    """Add a line's ink.

    Args:
        images: float32 (N, 28, 28).
        course: float64 (N, 28), the row at which the line crosses each column.
        depth: float64 (28,), how dark the line is in each column.

    Source: the fading 1 + ln(1 − d / 2.3) of MNIST-C's lines, with d the distance along the
    column.
    """
    away = np.abs(np.arange(28)[None, :, None] - course[:, None, :])
    ink = np.maximum(1 + np.log(1 - np.minimum(away, LINE_REACH - 1e-6) / LINE_REACH), 0)
    return np.asarray(np.minimum(images + depth * ink, 1), np.float32)
