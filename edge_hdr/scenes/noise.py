"""Fields of noise that are drawn once and cut from, since drawing anew costs too much time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

TILE_PX = 512
REPEATS = 2  # of the tile beside itself that are kept, so that most pictures need no new ones
TINT = 0.5  # deviation of the noise of a channel of its own to that of all three
SMOOTH_PX = 0.7


def field(
    shape: tuple[int, ...], rng: np.random.Generator, sigma_px: float = 0.0
) -> NDArray[np.float32]:
    """Cut a field of smooth noise with mean 0 and deviation 1.

    Args:
        shape: rows and columns of the field, float32 (H, W).
        rng: chooses the place that it is cut from.
        sigma_px: blur of the noise; 0 for white noise.
    """
    import cv2

    coarse = max(1, int(sigma_px / 3))
    rows, columns = (1 + (side - 1) // coarse + (coarse > 1) for side in shape[:2])
    cut = _cut(_tile(round(sigma_px / coarse * 2) / 2, 0), rows, columns, rng)
    if coarse == 1:
        return np.ascontiguousarray(cut)
    large = cv2.resize(np.ascontiguousarray(cut), (shape[1], shape[0]))
    return large.astype(np.float32, copy=False)


def colored_field(
    shape: tuple[int, ...], rng: np.random.Generator, *, smooth: bool
) -> NDArray[np.float32]:
    """Cut a sensor's noise, float32 (H, W, 3), mean 0 and deviation 1, the same in most of it.

    Args:
        shape: rows and columns.
        rng: chooses the place that it is cut from.
        smooth: whether a camera's own processing has smeared it.
    """
    return _cut(_colored_tile(smooth), shape[0], shape[1], rng)


def _cut(
    tile: NDArray[np.float32], rows: int, columns: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Cut (rows, columns) out of a repeated tile, turned over at random."""
    spare = [REPEATS * TILE_PX - side for side in (rows, columns)]
    enough = min(spare) > 0
    places = rng.integers([min(TILE_PX, room) if enough else TILE_PX for room in spare])
    flips = rng.integers(2, size=2) * 2 - 1
    wide: NDArray[Any] = tile
    if not enough:
        missing = [1 + -(-side // TILE_PX) for side in (rows, columns)]
        wide = np.tile(tile[:TILE_PX, :TILE_PX], (*missing, *[1] * (tile.ndim - 2)))
    cut = wide[places[0] : places[0] + rows, places[1] : places[1] + columns]
    return cut[:: flips[0], :: flips[1]]


@lru_cache(maxsize=16)
def _tile(sigma_px: float, stream: int) -> NDArray[np.float32]:
    """Make a tile that repeats seamlessly, `REPEATS` times each way, the same in every process."""
    import cv2

    seed = [round(sigma_px * 2), stream]
    raw = np.random.default_rng(seed).standard_normal((TILE_PX, TILE_PX)).astype(np.float32)
    wrapped = np.pad(raw, 32, mode="wrap")
    if sigma_px > 0.0:
        wrapped = cv2.GaussianBlur(wrapped, (0, 0), sigma_px).astype(np.float32, copy=False)
    tile = wrapped[32:-32, 32:-32]
    return np.tile((tile / tile.std()).astype(np.float32), (REPEATS, REPEATS))


@lru_cache(maxsize=2)
def _colored_tile(smooth: bool) -> NDArray[np.float32]:
    sigma_px = SMOOTH_PX if smooth else 0.0
    grey, *own = (_tile(sigma_px, stream)[:TILE_PX, :TILE_PX] for stream in range(1, 5))
    mixed = np.stack([grey + TINT * channel for channel in own], axis=-1)
    return np.tile((mixed / mixed.std()).astype(np.float32), (REPEATS, REPEATS, 1))
