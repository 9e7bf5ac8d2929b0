"""Which located box is which written digit, by how far they cover each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_hdr.photos.labels import Box

SAME_IOU = 0.3  # two boxes that cover each other so far are of one digit
LOCATED_IOU = 0.5  # a box that covers its digit so far is in its place


def overlaps(written: Sequence[Box], located: Sequence[Box]) -> NDArray[np.float64]:
    """Give the intersection over union of each two boxes, float64 (written, located), in [0, 1]."""
    one, other = _corners(written)[:, None], _corners(located)[None]
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., 2:], other[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, other)]
    return np.asarray(shared / np.maximum(areas[0] + areas[1] - shared, 1e-9), np.float64)


def same(overlap: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair written and located digits, those that cover each other most first, each once.

    Args:
        overlap: float64 (written, located), of `overlaps`.

    Returns:
        Pairs of places whose boxes cover each other at `SAME_IOU` or more.
    """
    left = overlap.copy()
    pairs: list[tuple[int, int]] = []
    while left.size and left.max() >= SAME_IOU:
        row, column = (int(at) for at in np.unravel_index(left.argmax(), left.shape))
        pairs.append((row, column))
        left[row], left[:, column] = 0, 0
    return pairs


def _corners(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Give left, top, right and bottom, float64 (N, 4)."""
    sides = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.hstack((sides[:, :2], sides[:, :2] + sides[:, 2:]))
