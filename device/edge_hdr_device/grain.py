"""The paper's level and noise place by place, where one figure for a whole picture misleads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_PX = 320  # a grid of about so many points a side is looked at
TILE = 12  # points of it a side: the level and the noise of so small a place
INK_DEPTH = 4.2  # of the picture's noise: a place that is deeper on the median is full of ink
RANKS = (0.7, 0.9)  # from the ink's side: even in a place full of writing, paper lies beyond
DEVIATIONS = (0.5244, 1.2816)  # these ranks of a normal distribution
CALMEST = 3  # places a side: the noise of the calmest but few around counts
CALM_SHARE = 1.1  # of it: the typical noise
AROUND = 5  # places a side: the paper's level is alike
QUARTILE = 0.6745  # standard deviations from the median of a normal distribution to a quartile


def local_offset_and_noise(
    dark: NDArray[np.uint8], level: NDArray[np.uint8], noise: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate how far the paper is from its level, and its noise, in each place.

    Light that falls unevenly, a table and a squared paper's lines widen what looks like noise over
    the whole picture; in a small place there is little of them. Only the half of the pixels on the
    far side of the ink counts.

    Args:
        dark: uint8 (H, W), dark ink.
        level: uint8 (H, W), the paper's level.
        noise: the whole picture's, as a share of the level.

    Returns:
        float32 (h, w) each, shares of the level: how much darker the paper is than its level, 0
        where a place is full of ink; the standard deviation.
    """
    import cv2

    step = 1 + (max(dark.shape) - 1) // SAMPLE_PX
    share = cv2.divide(dark[::step, ::step], level[::step, ::step], dtype=cv2.CV_32F)
    rows, columns = (max(1, round(side / TILE)) for side in share.shape)
    size = (columns * TILE, rows * TILE)
    even = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_NEAREST), np.float32)
    tiles = even.reshape(rows, TILE, columns, TILE).swapaxes(1, 2).reshape(rows, columns, -1)
    low, high = _levels(tiles)
    within = _calmest((high - low) / (DEVIATIONS[1] - DEVIATIONS[0]))
    offset = 1 - (low - DEVIATIONS[0] * within)
    offset[np.abs(offset) > INK_DEPTH * noise] = 0
    between = float(np.median(np.abs(offset - cv2.medianBlur(offset, AROUND)))) / QUARTILE
    return offset, np.asarray(np.hypot(within, between), np.float32)


def _levels(tiles: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give the levels at both `RANKS` of the last axis of float32 (h, w, N): float32 (h, w) each.

    NumPy parts by one rank several times as fast as by two at once.
    """
    near, far = (round(rank * tiles.shape[2]) for rank in RANKS)
    beyond = np.partition(tiles, near, axis=2)[:, :, near:]
    return beyond[:, :, 0], np.partition(beyond, far - near, axis=2)[:, :, far - near]


def _calmest(noises: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give for each place the noise of the calmer ones around: writing is no noise."""
    import cv2

    even = cv2.medianBlur(noises, 3)
    calm = cv2.erode(even, np.ones((CALMEST, CALMEST), np.uint8))
    return np.asarray(CALM_SHARE * cv2.blur(calm, (3, 3)), np.float32)
