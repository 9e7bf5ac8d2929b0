"""The paper beneath the ink: its level under uneven light, and its noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FLAT_LEVEL = 200.0  # of paper once the light's fall is divided out
LEAST_FALL = 0.08  # a smaller change of light over the picture is left to the closing
PLANE_SAMPLE_PX = 40  # a grid of about so many points a side is enough to fit a plane
CLOSE_SHARE = 0.3  # of the long side: ink strokes are narrower than this
SHADOW_SHARE = 0.11  # of the long side: a darker area that is wider is no stroke
SHADOW_DEPTH = 0.12  # of the smooth level: what the paper may be away from it
SHADOW_AREA = 0.01  # of the picture: where so much of it is further away, there is a shadow
DARKEST_PAPER = 24  # darker backgrounds count as this, or their noise would look like ink
LEAST_BEYOND = 1 / 16  # of the pixels: fewer on the far side of the mode are edges, not noise
NOISE_SAMPLE_PX = 400  # a grid of about so many points a side is enough to measure the noise


def spread(paper: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Enlarge the paper's level to a picture's size."""
    import cv2

    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(paper, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def paper_level(small: NDArray[np.uint8], *, shadows: bool = False) -> NDArray[np.uint8]:
    """Estimate the paper's level: dark strokes closed, then the mean of what is not ink.

    The light's fall over the picture is divided out before, because a closing takes the darker
    end of a slope for a stroke.
    """
    import cv2

    plane = _plane(small)
    flat = np.clip(small * (FLAT_LEVEL / plane), 0, 255).astype(np.uint8)
    side = round(CLOSE_SHARE * max(small.shape)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    closed = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, kernel)
    depth = np.asarray(cv2.subtract(closed, flat), np.uint8)
    bare = (depth <= max(3.0, 2.0 * median_of_bytes(depth))).astype(np.float32)
    weight = cv2.blur(bare, (side, side))
    level = cv2.blur(bare * flat, (side, side)) / np.maximum(weight, 1e-3)
    level = np.where(weight > 0.02, level, closed) * (plane / FLAT_LEVEL)
    if shadows:
        level = _shaded(small, level)
    return np.asarray(np.clip(np.rint(level), DARKEST_PAPER, 255), np.uint8)


def _shaded(small: NDArray[np.uint8], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Follow shadows with an edge, pools of light and other changes too steep for the level.

    Args:
        small: uint8 (h, w).
        level: float64 (h, w), the paper's smooth level.

    Returns:
        float64 (h, w), the same array where the paper is nowhere far from it.
    """
    import cv2

    side = round(SHADOW_SHARE * max(small.shape)) | 1
    half = np.ones((side // 2, side // 2), np.uint8)
    glance = cv2.morphologyEx(small[::2, ::2], cv2.MORPH_CLOSE, half)
    away = np.abs(glance - level[::2, ::2]) > SHADOW_DEPTH * level[::2, ::2]
    if np.count_nonzero(away) < SHADOW_AREA * away.size:
        return level
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, kernel)
    # Enlarged, the level falls too late at a shadow's edge, and the edge would be ink.
    return np.asarray(np.minimum(closed, cv2.blur(closed, (5, 5))), np.float64)


def _plane(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Fit a plane to the paper's level, leaving out what is darker or lighter: float32 (h, w)."""
    height, width = small.shape
    step = 1 + max(small.shape) // PLANE_SAMPLE_PX
    basis = _plane_basis(height, width, step)
    # The ridge keeps a picture of few pixels, or of one row, solvable.
    ridge = np.diag([1e-6, 1e-3, 1e-3]).astype(np.float32)
    value = small[::step, ::step].ravel().astype(np.float32)
    keep = value >= median(value) - 1
    for _ in range(4):
        chosen = basis.compress(keep, axis=0)
        weights = np.linalg.solve(chosen.T @ chosen + ridge, chosen.T @ value[keep])
        distance = np.abs(value - basis @ weights)
        before, keep = keep, distance <= max(4.0, 2.0 * median(distance))
        if np.array_equal(before, keep):
            break
    rows = weights[2] * np.arange(height, dtype=np.float32)[:, None]
    fitted = weights[0] + weights[1] * np.arange(width, dtype=np.float32)[None, :] + rows
    if np.ptp(fitted) < LEAST_FALL * fitted.mean():
        fitted[:] = fitted.mean()
    return np.asarray(np.clip(fitted, DARKEST_PAPER, 255), np.float32)


@lru_cache(maxsize=16)
def _plane_basis(height: int, width: int, step: int) -> NDArray[np.float32]:
    """Give 1, x, y of each `step`-th point, float32 (N, 3), for pictures of one size."""
    y, x = (axis.ravel() for axis in np.mgrid[0:height:step, 0:width:step].astype(np.float32))
    return np.stack((np.ones_like(x), x, y), axis=1)


def median(values: NDArray[np.float32]) -> float:
    """Give the median of (N,); on some hundred values several times as fast as NumPy's own."""
    middle = len(values) // 2
    ordered = np.partition(values, (middle - 1, middle))
    low = ordered[middle if len(values) % 2 else middle - 1]
    return (float(low) + float(ordered[middle])) / 2


def median_of_bytes(picture: NDArray[np.uint8]) -> float:
    """Give the median of a picture by its histogram."""
    import cv2

    reached = np.cumsum(cv2.calcHist([picture], [0], None, [256], [0, 256]))
    ranks = ((picture.size - 1) // 2, picture.size // 2)
    return float(np.searchsorted(reached, ranks, side="right").mean())


def offset_and_noise(dark: NDArray[np.uint8], level: NDArray[np.uint8]) -> tuple[float, float]:
    """Estimate the paper's most frequent relative depth and its standard deviation around it.

    Only paper lies on the far side of the mode, so ink does not widen the estimate however much
    of the picture it covers.

    Returns:
        Two numbers as shares of the paper's level.
    """
    step = 1 + max(dark.shape) // NOISE_SAMPLE_PX
    counts = depth_counts(dark[::step, ::step], level[::step, ::step])
    smooth = np.convolve(counts, (1, 2, 3, 4, 3, 2, 1), "same")
    mode = int(smooth.argmax())
    beyond = np.cumsum(counts[:mode])
    if mode == 0 or beyond[-1] < LEAST_BEYOND * dark[::step, ::step].size:
        return (mode + 0.5) / 256 - 0.5, 0.0
    middle = float(np.interp(beyond[-1] / 2, beyond, np.arange(mode)))
    return (mode + 0.5) / 256 - 0.5, (mode - middle) / 256 / 0.6745


def depth_counts(dark: NDArray[np.uint8], level: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Count relative depths, 1 − dark / level, in 256 bins from −0.5 to 0.5: float32 (256,)."""
    import cv2

    share = cv2.divide(dark, level, scale=256, dtype=cv2.CV_32F)
    # The bin is ⌊256 · (1 − dark / level) + 128⌋. What is no whole number is at least 1 / 255 from
    # one, so the 0.001 undoes a division that is rounded up and changes nothing else.
    first = 256 * 255 // DARKEST_PAPER  # so that the lightest pixels, which do not count, are ≥ 0
    bins = (first + 384.001 - share).astype(np.uint16)
    counts = cv2.calcHist([bins], [0], None, [256], [first, first + 256])
    return np.asarray(counts, np.float32).ravel()
