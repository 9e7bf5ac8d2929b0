"""Drawn boxes around digits, and cells of a form: taken out where they tie digits together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.cells import without_cells
from edge_hdr_device.components import Components, Extents, components_of

LEAST_PX = 20  # a lower or narrower piece is no box
MOST_INK = 0.7  # of its bounding box: what has more is no box
LONG_RUN = 0.6  # of the piece's lesser side, or of a digit's height: a run of a box's side
WALL = 0.8  # of a digit's height: the shortest upright side of a box
WALL_THICK = 0.3  # of its length: the thickest
FREE = 1  # px: how far a side may stray from its column
MOST_WALLS = 120  # of a piece: more are texture
TILTS = np.linspace(-0.12, 0.12, 9)  # rise to run of a box's level sides
WIDEST = 3.0  # of a wall's length: how far apart two walls of a box may be
COVER = 0.95  # of a level side: what is ink
LONE_ASPECT = (0.6, 1.3)  # width to height of a lone box
RECTANGULAR = 0.85  # of the rectangle around a lone box: what its outline holds
CONTENT = 0.4  # of a wall's length: the height of what a box must hold


@dataclass(frozen=True)
class _Wall:
    """An upright side of a box: from (x[0], top) to (x[1], bottom), so many px thick."""

    x: tuple[float, float]
    top: int
    bottom: int
    thick: float

    def at(self, y: float) -> float:
        """Give the wall's column in a row."""
        share = (y - self.top) / max(1, self.bottom - self.top)
        return self.x[0] + share * (self.x[1] - self.x[0])


def without_frames(
    mask: NDArray[np.uint8], components: Components, extents: Extents
) -> NDArray[np.uint8]:
    """Take drawn boxes out of the pieces that they tie together.

    A box is made of straight upright sides, each of whose ends is tied to another by a straight
    level one. What looks like a box and holds nothing stays: it may be a 0.

    Args:
        mask: uint8 (H, W), 1 on ink.
        components: the mask's.
        extents: theirs.

    Returns:
        uint8 (H, W); the same array where there is no such box.
    """
    enclosing = mask
    mask = without_cells(enclosing, extents[1])
    if mask is not enclosing:
        components = components_of(mask)
        extents = components.extents()
    ids, boxes, _ = extents
    height = boxes[:, 3] - boxes[:, 1]
    high = height[height >= LEAST_PX]
    if not len(high):
        return mask
    digit = float(np.sort(high)[len(high) // 2])
    changed = mask
    for row in _candidates(components, extents, digit):
        left, top, right, bottom = boxes[row].astype(int).tolist()
        place = (slice(top, bottom), slice(left, right))
        own = np.asarray(components.labels[place] == ids[row]).view(np.uint8)
        rest = _opened(own, mask[place], digit)
        if rest is own:
            continue
        if changed is mask:
            changed = mask.copy()
        changed[place] = np.where(own > 0, rest, changed[place])
    return changed


def _candidates(components: Components, extents: Extents, digit: float) -> NDArray[np.intp]:
    """Choose at a glance the rows of pieces with long runs near their top and their bottom."""
    ids, boxes, area = extents
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    lesser = np.minimum(width, height)
    like = (lesser >= LEAST_PX) & (area < MOST_INK * width * height) & (height >= WALL * digit)
    # A net of squared paper ends where the picture does.
    like &= (boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < components.labels.shape[::-1]).all(1)
    rows = np.flatnonzero(like)
    row_of = np.full(int(components.owner.max()) + 1, -1)
    row_of[ids[rows]] = rows
    long = np.flatnonzero(components.length >= LONG_RUN * LEAST_PX)
    owner = row_of[components.owner[long]]
    long, owner = long[owner >= 0], owner[owner >= 0]
    sides = components.length[long] >= LONG_RUN * np.minimum(lesser, digit)[owner]
    long, owner = long[sides], owner[sides]
    line = components.where[components.first[long]] // components.labels.shape[1]
    above, below = line - boxes[owner, 1], boxes[owner, 3] - line
    high = np.bincount(owner[above < below / 2], minlength=len(ids))
    low = np.bincount(owner[below < above / 2], minlength=len(ids))
    return np.flatnonzero((high >= 2) & (low >= 2))


def _opened(own: NDArray[np.uint8], around: NDArray[np.uint8], digit: float) -> NDArray[np.uint8]:
    """Take the boxes out of a piece; gives the same array when there is none, or it is empty.

    Args:
        own: uint8 (h, w), 1 on the piece's ink.
        around: uint8 (h, w), 1 on all ink there.
        digit: the height of a common digit, in px.
    """
    import cv2

    if _may_be_lone(own) and not _rectangular(own):
        return own
    walls = _walls(own, max(LEAST_PX, WALL * digit))
    if not 2 <= len(walls) <= MOST_WALLS:
        return own
    drawn, thickness, length = np.zeros_like(own), 0.0, 0
    near = np.asarray(cv2.dilate(own, np.ones((3, 1), np.uint8)), np.uint8)
    for wall in walls:
        sides = [_level_sides(near, wall, y, walls) for y in (wall.top, wall.bottom)]
        if not all(sides):
            continue
        thick = round(wall.thick)
        upper, lower = (round(wall.x[0]), wall.top), (round(wall.x[1]), wall.bottom)
        cv2.line(drawn, upper, lower, 1, thick + 2)
        for start, end in (side for both in sides for side in both):
            cv2.line(drawn, start, end, 1, thick + 2)
        thickness, length = max(thickness, wall.thick), max(length, wall.bottom - wall.top)
    if not thickness:
        return own
    rest = np.asarray(cv2.subtract(own, drawn), np.uint8)
    held = cv2.subtract(np.maximum(around, own), drawn)
    outlines, _ = cv2.findContours(held, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    tallest = max((cv2.boundingRect(outline)[3] for outline in outlines), default=0)
    if tallest < CONTENT * min(length, 2 * digit):
        return own
    return _mended(rest, own, round(thickness))


def _may_be_lone(own: NDArray[np.uint8]) -> bool:
    """Tell whether a piece has the shape of one box, or of one large digit."""
    height, width = own.shape
    return bool(LONE_ASPECT[0] * height <= width <= LONE_ASPECT[1] * height)


def _rectangular(own: NDArray[np.uint8]) -> bool:
    """Tell whether a piece's outline is a rectangle at any angle: an 8's and a letter's is not."""
    import cv2

    outlines, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(outlines, key=cv2.contourArea)
    width, height = cv2.minAreaRect(largest)[1]
    return bool(cv2.contourArea(largest) >= RECTANGULAR * width * height)


def _mended(rest: NDArray[np.uint8], own: NDArray[np.uint8], thick: int) -> NDArray[np.uint8]:
    """Close the gaps that a side has left in strokes which cross it."""
    import cv2

    gap = thick + 5
    whole = rest
    for size in ((1, gap), (gap, 1)):
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, size)
        closed = np.asarray(cv2.morphologyEx(rest, cv2.MORPH_CLOSE, kernel), np.uint8)
        whole = np.maximum(whole, closed & own)
    return whole


def _walls(own: NDArray[np.uint8], shortest: float) -> list[_Wall]:
    """Find straight upright lines of a piece."""
    import cv2

    wide = cv2.dilate(own, np.ones((1, 2 * FREE + 1), np.uint8))
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (1, round(shortest)))
    upright = np.asarray(cv2.bitwise_and(cv2.morphologyEx(wide, cv2.MORPH_OPEN, kernel), own))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(upright, connectivity=8)
    walls = []
    for label in range(1, min(count, MOST_WALLS + 2)):
        left, top, width, height, area = stats[label].tolist()
        thick = area / height
        if height < shortest or thick > max(3.0, WALL_THICK * height):
            continue
        part = labels[top : top + height, left : left + width] == label
        ends = tuple(
            left + float(np.flatnonzero(rows.any(0)).mean()) for rows in (part[:4], part[-4:])
        )
        walls.append(_Wall((ends[0], ends[1]), top, top + height - 1, thick))
    return walls


def _level_sides(
    near: NDArray[np.uint8], wall: _Wall, y: int, others: list[_Wall]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Find straight ink from an end of a wall to the next wall on either side.

    Args:
        near: uint8 (h, w), 1 on ink and just above and below it.
        wall: the one whose end it is.
        y: the end's row.
        others: all walls.
    """
    x = wall.at(y)
    inner = y + (wall.thick / 2 if y == wall.top else -wall.thick / 2)
    reach, slack = WIDEST * (wall.bottom - wall.top), wall.thick + 3
    sides = []
    for sign in (-1, 1):
        away = sorted(
            (sign * (other.at(y) - x), index)
            for index, other in enumerate(others)
            if other is not wall and other.top - slack <= y <= other.bottom + slack
        )
        for far, _ in away:
            if far < 6 or far > reach:
                continue
            end = _along(near, (x, inner), sign * far)
            if end is not None:
                sides.append(((round(x), round(inner)), end))
                break
    return sides


def _along(
    near: NDArray[np.uint8], start: tuple[float, float], far: float
) -> tuple[int, int] | None:
    """Give where straight ink ends that goes so far to the right, or left, nearly level."""
    x, y = start
    steps = np.linspace(0, far, max(2, round(abs(far))))
    columns = np.clip(np.rint(x + steps), 0, near.shape[1] - 1).astype(np.intp)
    rows = np.clip(np.rint(y + TILTS[:, None] * steps), 0, near.shape[0] - 1).astype(np.intp)
    cover = near[rows, columns[None, :]].mean(axis=1)
    best = int((cover - 1e-3 * np.abs(TILTS)).argmax())
    if cover[best] < COVER:
        return None
    return int(columns[-1]), int(rows[best, -1])
