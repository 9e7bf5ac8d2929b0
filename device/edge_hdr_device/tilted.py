"""Ruled lines that do not run along the picture's sides: which slopes they have, and shears."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LOOK_PX = 400  # lines are looked for on a mask that is thinned out to about so many points
LONG_SHARE = 0.3  # of the long side: where no ink is connected over more, there are no lines
LINE_SHARE = 0.3  # of the short side: so much ink lies on a line
ANGLE_STEP_DEG = 1.5
APART_DEG = 5.0  # lines whose directions differ by less are taken out together
LEAST_DEG = 3.0  # lines nearer to the picture's sides are found without a shear
MOST_SLOPES = 4  # of lines nearer to level, and as many of upright ones


def slopes(mask: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Propose directions in which a page may be ruled, the strongest first.

    Args:
        mask: uint8 (H, W), 1 on ink.

    Returns:
        Rise to run of lines nearer to level, and run to rise of lines nearer to upright; both
        empty, at little cost, where no ink goes far.
    """
    import cv2

    step = 1 + max(mask.shape) // LOOK_PX
    look = np.ascontiguousarray(mask[::step, ::step])
    if not _goes_far(look):
        return [], []
    votes = int(LINE_SHARE * min(look.shape))
    found = cv2.HoughLines(look, 1, np.radians(ANGLE_STEP_DEG), votes)
    if found is None:
        return [], []
    # The normal's angle, 0° to 180°: a level line's is 90°, an upright one's 0° or 180°.
    normals = np.degrees(np.asarray(found, np.float64).reshape(-1, 2)[:, 1])
    level = normals[np.abs(normals - 90) <= 45] - 90
    upright = normals[np.abs(normals - 90) > 45]
    upright = np.where(upright > 90, upright - 180, upright)
    return _distinct(level), [-slope for slope in _distinct(upright)]


def _goes_far(look: NDArray[np.uint8]) -> bool:
    """Tell whether there is ink that is connected, but for gaps, over a good part of a mask."""
    import cv2

    joined = cv2.dilate(look, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    longest = max((max(cv2.boundingRect(outline)[2:]) for outline in outlines), default=0)
    return bool(longest >= LONG_SHARE * max(look.shape))


def _distinct(angles_deg: NDArray[np.float64]) -> list[float]:
    """Give the tangents of angles that lie apart, in the order given."""
    chosen: list[float] = []
    for angle in angles_deg.tolist():
        if abs(angle) >= LEAST_DEG and all(abs(angle - one) > APART_DEG for one in chosen):
            chosen.append(angle)
        if len(chosen) == MOST_SLOPES:
            break
    return [float(np.tan(np.radians(angle))) for angle in chosen]


def sheared(turned: NDArray[np.uint8], slope: float) -> NDArray[np.uint8]:
    """Move a mask's columns up or down so that lines of a slope become level.

    Args:
        turned: uint8 (W, H), the mask with its axes swapped: a column is moved as a whole.
        slope: rise to run, above 0 for lines that fall to the right.

    Returns:
        uint8 (W, H + n), axes swapped; n is how far the outermost columns have moved apart.
    """
    width, height = turned.shape
    blocks = _blocks(slope, width)
    moved = np.zeros((width, height + max(down for down, _, _ in blocks)), np.uint8)
    for down, left, right in blocks:
        moved[left:right, down : down + height] = turned[left:right]
    return moved


def straightened(turned: NDArray[np.uint8], slope: float, height: int) -> NDArray[np.uint8]:
    """Undo `sheared`: uint8 (W, height)."""
    width = len(turned)
    moved = np.empty((width, height), np.uint8)
    for down, left, right in _blocks(slope, width):
        moved[left:right] = turned[left:right, down : down + height]
    return moved


def _blocks(slope: float, width: int) -> list[tuple[int, int, int]]:
    """List by how many px, ≥ 0, which columns are moved down: shift, first, last + 1."""
    shift = np.rint(-slope * np.arange(width)).astype(np.intp)
    shift -= shift.min()
    edges = [0, *(np.flatnonzero(np.diff(shift)) + 1).tolist(), width]
    return [(int(shift[left]), left, right) for left, right in pairwise(edges)]
