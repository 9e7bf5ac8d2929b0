"""Underlines and strokes through several digits: taken out of the pieces that they tie together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TIED_ASPECT = 1.9  # width to height: a wider piece is no digit, but a line may tie digits together
LEAST_PX = 24  # a narrower piece is a dash
LOOK_PX = 150  # lines are looked for on a piece that is thinned out to about so many columns
PIECE_SHARE = 0.3  # of the picture's pixels: a larger piece is a net
LINE_SHARE = 0.6  # of the piece's width: what a line through it covers at least
GAP_SHARE = 0.08  # of the width: gaps in a line
MOST_LINES = 1  # parts of one line, or an underline and a stroke through
LINE_COVER = 0.9  # of its length: what is ink
STEEPEST = 0.6  # rise to run of a line
THICKEST = 0.25  # of the piece's height: what a line may be thick


def without_strikes(
    mask: NDArray[np.uint8], boxes: NDArray[np.float64], owner: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Take long straight lines out of pieces that are too wide for a digit.

    Args:
        mask: uint8 (H, W), 1 on ink.
        boxes: float64 (N, 4), left, top, right, bottom of all pieces.
        owner: int32 (H, W), the piece of each pixel; 0 is paper.

    Returns:
        uint8 (H, W); the same array where there is no such line.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    wide = (width > TIED_ASPECT * height) & (width >= LEAST_PX) & (height >= LEAST_PX / 3)
    wide &= width * height < PIECE_SHARE * mask.size
    changed = mask
    for left, top, right, bottom in boxes[wide].astype(int).tolist():
        place = (slice(top, bottom), slice(left, right))
        counts = np.bincount(owner[place].ravel())
        counts[0] = 0
        label = counts.argmax()
        own = np.asarray(owner[place] == label).view(np.uint8)
        rest = own
        for line in _long_lines(own):
            rest = _erased(rest, line)
        if rest is own:
            continue
        if changed is mask:
            changed = mask.copy()
        changed[place] = np.where(own > 0, rest, mask[place])
    return changed


def _long_lines(own: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Find the long straight lines of a piece: intp (N, 4), x, y of both ends, the longest first.

    A line drawn by hand bends, and is found in parts.
    """
    import cv2

    step = 1 + own.shape[1] // LOOK_PX
    look = np.ascontiguousarray(own[::step, ::step])
    width = look.shape[1]
    shortest, gap = LINE_SHARE * width, GAP_SHARE * width
    found = cv2.HoughLinesP(
        look, 1, np.pi / 360, int(shortest / 2), minLineLength=shortest, maxLineGap=gap
    )
    if found is None:
        return np.zeros((0, 4), np.intp)
    lines = step * np.asarray(found, np.intp).reshape(-1, 4)
    across, down = np.abs(lines[:, 2] - lines[:, 0]), np.abs(lines[:, 3] - lines[:, 1])
    order = np.argsort(-across)[:MOST_LINES]
    return np.asarray(lines[order[down[order] <= STEEPEST * across[order]]], np.intp)


def _erased(own: NDArray[np.uint8], line: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Erase a line and mend the strokes that cross it."""
    import cv2

    left, top, right, bottom = (float(value) for value in line)
    rise = (bottom - top) / max(1.0, right - left)
    columns = np.arange(own.shape[1])
    course = np.asarray(top + (columns - left) * rise, np.float64)
    rows = np.clip(np.rint(course), 0, own.shape[0] - 1).astype(np.intp)
    near = np.asarray(cv2.dilate(own, np.ones((3, 1), np.uint8)), np.uint8)
    if near[rows, columns][int(left) : int(right) + 1].mean() < LINE_COVER:
        return own  # a row of digits that happen to lie on one line
    thick = _thickness(own[:, int(left) : int(right) + 1], course[int(left) : int(right) + 1])
    if thick > max(3.0, THICKEST * own.shape[0]):
        return own
    reach = round(GAP_SHARE * own.shape[1])
    first, last = max(0, round(left) - reach), min(own.shape[1] - 1, round(right) + reach)
    drawn = np.zeros_like(own)
    cv2.line(drawn, (first, round(course[first])), (last, round(course[last])), 1, int(thick) + 2)
    rest = np.asarray(cv2.subtract(own, drawn), np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (1, int(thick) + 5))
    mended = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.bitwise_or(rest, cv2.bitwise_and(mended, own)), np.uint8)


def _thickness(own: NDArray[np.uint8], course: NDArray[np.float64]) -> float:
    """Give how thick the ink along a course is where nothing crosses it: its lower quartile."""
    rows = np.arange(own.shape[0])[:, None]
    away = np.abs(rows - course[None, :])
    blank = np.where(own == 0, away, np.inf)
    above = np.where(rows <= course, blank, np.inf).min(axis=0)
    below = np.where(rows > course, blank, np.inf).min(axis=0)
    extent = np.minimum(above, own.shape[0]) + np.minimum(below, own.shape[0])
    inked = np.minimum(above, below) > 0.5
    return float(np.percentile(extent[inked], 25)) if inked.any() else float(own.shape[0])
