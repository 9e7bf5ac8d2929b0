"""Steps from one ground to another, as a sheet's side on a dark table: they are no strokes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLENDER = 0.45  # width to height, or height to width: wider things are no piece of a straight edge
INK_RANK = 0.2  # of the levels within a box, from the ink's side: what counts as ink
LEAST_RIDGE = 0.4  # of the step between both sides: ink stands out by as much from the nearer one
GAP_PX, LEAST_STRIP_PX = 2, 3


def on_edges(
    grey: NDArray[np.uint8], boxes: NDArray[np.float64], *, light: bool
) -> NDArray[np.bool_]:
    """Tell which slender finds lie where one ground ends and another begins.

    A stroke is deeper than the ground on either side. An edge is as deep as one of the sides: it
    only looks like ink because the ground's level is smoothed over it.

    Args:
        grey: uint8 (H, W), the picture.
        boxes: float64 (N, 4), left, top, right, bottom in px.
        light: the ink is lighter than the paper.

    Returns:
        bool (N,).
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    found = np.zeros(len(boxes), bool)
    for row in np.flatnonzero(np.minimum(width, height) <= SLENDER * np.maximum(width, height)):
        left, top, right, bottom = boxes[row].astype(int).tolist()
        upright = height[row] >= width[row]
        found[row] = _on_edge(
            grey if upright else grey.T,
            (left, top, right, bottom) if upright else (top, left, bottom, right),
            light=light,
        )
    return found


def _on_edge(grey: NDArray[np.uint8], box: tuple[int, int, int, int], *, light: bool) -> bool:
    """Tell it of one upright box, left, top, right, bottom in px."""
    left, top, right, bottom = box
    strip = max(LEAST_STRIP_PX, (right - left) // 2)
    before = grey[top:bottom, max(0, left - GAP_PX - strip) : max(0, left - GAP_PX)]
    after = grey[top:bottom, right + GAP_PX : right + GAP_PX + strip]
    if not before.size or not after.size:
        return False
    sides = _ranked(before, 0.5), _ranked(after, 0.5)
    ink = _ranked(grey[top:bottom, left:right], 1 - INK_RANK if light else INK_RANK)
    ridge = ink - max(sides) if light else min(sides) - ink
    return ridge < LEAST_RIDGE * abs(sides[0] - sides[1])


def _ranked(levels: NDArray[np.uint8], rank: float) -> float:
    """Give a percentile of some hundred levels; NumPy's own takes ten times as long.

    Args:
        levels: uint8 (h, w), one level or more.
        rank: in [0, 1].
    """
    ordered = np.sort(levels, axis=None)
    place = rank * (ordered.size - 1)
    low, high = float(ordered[int(place)]), float(ordered[int(np.ceil(place))])
    return low + (high - low) * (place - int(place))
