"""Digits drawn as the outline of their strokes, filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LINE_LEVEL = 72  # of 255: what is part of the outline
SEES_PAPER = 0.4  # of what lies across its line, for an area to be inside a stroke
STROKE_SHARE = 0.22  # of the digit's height: half of a filled stroke's width at most
LOOSE_SHARE = 0.3  # of the ink may border no filled area
GAPS_PX = (1, 3, 5)  # gaps in the outline are closed by squares of this side, one after another
LEAST_FILL = 0.35  # filled pixels to pixels of the outline


def filled(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill the strokes of a digit of which only the edges are drawn.

    An area inside a stroke borders the paper outside across its line; the hole of a 0 that is
    drawn so borders only the stroke's inside. What would become no stroke, as an ordinary 0 that
    is filled, is left as it is.

    Args:
        ink: uint8 (h, w), ink bright on background 0, lines a pixel or two thick.

    Returns:
        uint8 (h, w); the same array where it is no outline.
    """
    import cv2

    line = np.pad((ink >= LINE_LEVEL).astype(np.uint8), 3)
    for reach in GAPS_PX:
        square = np.ones((reach, reach), np.uint8)
        closed = np.asarray(cv2.morphologyEx(line, cv2.MORPH_CLOSE, square), np.uint8)
        inside = _inside(closed) | (closed & ~line)
        if _is_a_stroke(inside, line):
            fill = inside[3:-3, 3:-3] * np.uint8(255)
            return np.asarray(np.maximum(ink, fill), np.uint8)
    return ink


def _inside(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Find the areas inside of strokes whose edges are given: uint8 (H, W), 1 there."""
    import cv2

    count, areas = cv2.connectedComponents(1 - line, connectivity=4)
    outside = areas == areas[0, 0]
    inside = np.zeros(line.shape, np.uint8)
    for label in range(1, count):
        if label != areas[0, 0]:
            inside |= _if_within_a_stroke((areas == label).view(np.uint8), outside, line)
    return inside


def _if_within_a_stroke(
    area: NDArray[np.uint8], outside: NDArray[np.bool_], line: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Give the area, or nothing where too little of what lies across its line is paper."""
    import cv2

    grown = cv2.dilate(area, np.ones((5, 5), np.uint8))
    across = (grown > 0) & (area == 0) & (line == 0)
    if not across.any() or (across & outside).sum() < SEES_PAPER * across.sum():
        return np.zeros_like(area)
    return area


def _is_a_stroke(inside: NDArray[np.uint8], line: NDArray[np.uint8]) -> bool:
    """Tell whether filled areas and their outline look like a pen's strokes."""
    import cv2

    if inside.sum() < LEAST_FILL * line.sum():
        return False
    both = inside | line
    height = cv2.boundingRect(both)[3]
    half = float(cv2.distanceTransform(both, cv2.DIST_L2, 3).max())
    near = np.asarray(cv2.dilate(inside, np.ones((3, 3), np.uint8)), np.uint8)
    loose = int((line & (1 - near)).sum())
    return half <= STROKE_SHARE * height and loose <= LOOSE_SHARE * int(line.sum())
