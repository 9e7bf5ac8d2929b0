"""Drawn boxes found by what they enclose, at any angle, one alone or many in a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_PX = 20  # a cell is no lower or narrower
LARGEST = 0.3  # of the picture: a larger cell is a sheet
CONTENT = (0.35, 0.98)  # of a cell's height: the tallest thing in it
RECTANGULAR = 0.8  # of the rectangle around a cell: what it fills; a circle fills 0.785
THICKEST = 0.2  # of a cell's lesser side: its wall
LEFT_HEIGHT = 0.6  # of a cell's content: a lower rest of a wall is no digit
MOST_OUTLINES = 1500  # in a picture: more are texture


def without_cells(mask: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Take out the walls of boxes that hold something as high as a digit in them.

    What lies within a wall is never touched, and what a wall is tied to on the outside stays where
    it is as high as what the box holds.

    Args:
        mask: uint8 (H, W), 1 on ink.
        boxes: float64 (N, 4), left, top, right, bottom of its pieces in px.

    Returns:
        uint8 (H, W); the same array, at little cost, where there is no such box.
    """
    import cv2

    if not _one_in_another(boxes):
        return mask
    found, tree = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    outlines = [np.asarray(outline, np.int32) for outline in found]
    if len(outlines) > MOST_OUTLINES:
        return mask
    cells: dict[int, list[tuple[int, int]]] = {}
    for hole, (_, _, child, parent) in enumerate(tree[0].tolist()):
        if child < 0 or parent < 0 or not _is_hole(tree[0], hole):
            continue
        content = _content(outlines, tree[0], child)
        if _is_cell(outlines[hole], content, mask.size):
            cells.setdefault(parent, []).append((hole, content))
    rest = mask
    for parent, held in cells.items():
        holes = [outlines[hole] for hole, _ in held]
        rest = _without_walls(rest, outlines[parent], holes, max(height for _, height in held))
    return rest


def _one_in_another(boxes: NDArray[np.float64]) -> bool:
    """Tell whether a large piece's box lies in that of another, not much larger in height."""
    large = boxes[(boxes[:, 3] - boxes[:, 1]) >= CONTENT[0] * LEAST_PX]
    if len(large) > MOST_OUTLINES:
        return False
    left, top, right, bottom = (column[:, None] for column in large.T)
    inside = (left < left.T) & (top < top.T) & (right > right.T) & (bottom > bottom.T)
    return bool(inside.any())


def _is_hole(tree: NDArray[np.int32], outline: int) -> bool:
    """Tell whether an outline is the inner one of a piece: an odd number of others are around."""
    depth, parent = 0, int(tree[outline][3])
    while parent >= 0:
        depth, parent = depth + 1, int(tree[parent][3])
    return depth % 2 == 1


def _content(outlines: Sequence[NDArray[np.int32]], tree: NDArray[np.int32], child: int) -> int:
    """Give the height of the tallest piece in a hole, from the first on."""
    import cv2

    tallest = 0
    while child >= 0:
        tallest = max(tallest, cv2.boundingRect(outlines[child])[3])
        child = int(tree[child][0])
    return tallest


def _is_cell(hole: NDArray[np.int32], content: int, picture: int) -> bool:
    """Tell whether a hole is a rectangle at any angle that holds something as high as a digit."""
    import cv2

    width, height = cv2.boundingRect(hole)[2:]
    if min(width, height) < LEAST_PX or width * height > LARGEST * picture:
        return False
    if not CONTENT[0] * height <= content <= CONTENT[1] * height:
        return False
    sides = cv2.minAreaRect(hole)[1]
    return bool(cv2.contourArea(hole) >= RECTANGULAR * sides[0] * sides[1])


def _without_walls(
    mask: NDArray[np.uint8], outer: NDArray[np.int32], holes: list[NDArray[np.int32]], digit: int
) -> NDArray[np.uint8]:
    """Take the walls around cells out of one piece.

    Args:
        mask: uint8 (H, W), 1 on ink.
        outer: the piece's outline.
        holes: the cells' outlines.
        digit: the height of what they hold, in px.
    """
    import cv2

    left, top, width, height = cv2.boundingRect(outer)
    place, origin = (slice(top, top + height), slice(left, left + width)), (-left, -top)
    inner, drawn = np.zeros((2, height, width), np.uint8)
    cv2.drawContours(inner, holes, -1, 1, cv2.FILLED, offset=origin)
    # The outline of a hole runs along the wall's own pixels.
    cv2.drawContours(inner, holes, -1, 0, 1, offset=origin)
    own = np.asarray(cv2.bitwise_and(mask[place], 1 - inner), np.uint8)
    reach = _thickness(own, holes)
    cv2.drawContours(drawn, holes, -1, 1, 2 * reach + 1, offset=origin)
    rest = np.asarray(cv2.subtract(own, drawn), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    near = np.unique(labels[(cv2.dilate(drawn, np.ones((3, 3), np.uint8)) > 0) & (rest > 0)])
    low = stats[:, cv2.CC_STAT_HEIGHT] < LEFT_HEIGHT * digit
    low |= stats[:, cv2.CC_STAT_AREA] < reach * stats[:, cv2.CC_STAT_HEIGHT]
    low &= np.isin(np.arange(count), near)
    rest[low[labels]] = 0
    changed = mask.copy()
    changed[place] = np.where(own > 0, rest, mask[place])
    return changed


def _thickness(own: NDArray[np.uint8], holes: list[NDArray[np.int32]]) -> int:
    """Give in px how far the walls of cells reach from what they hold."""
    import cv2

    depth = np.asarray(cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 3), np.float64)
    half = float(np.percentile(depth[depth > 0], 90))
    lesser = min(min(cv2.minAreaRect(hole)[1]) for hole in holes)
    return max(2, min(round(2 * half) + 1, round(THICKEST * lesser)))
