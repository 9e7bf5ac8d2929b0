"""Ruled and squared paper: lines taken out of a mask, the strokes that cross them mended."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.pieces import label_ink, measure_extents

RULED_PX = 100  # on smaller pictures no ruled lines are looked for
RULE_RUN_SHARE = 1 / 50  # of the side: a straight run of this length may belong to a ruled line
RULE_THICK_SHARE = 0.01  # of the side: a ruled line is at most so thick
RULE_SPAN_SHARE = 0.4  # of the side: a ruled line spans at least this


def without_rules(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take ruled lines out of a mask and mend the strokes that cross them.

    Args:
        mask: uint8 (H, W), 1 on ink.
    """
    import cv2

    across = np.asarray(cv2.transpose(mask), np.uint8)
    mask = _without_horizontal_rules(mask)
    cleaned = _without_horizontal_rules(across)
    return mask if cleaned is across else np.minimum(mask, cleaned.T)


def _without_horizontal_rules(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the same array when there is no rule in it."""
    import cv2

    width = mask.shape[1]
    if max(mask.shape) < RULED_PX:
        return mask
    run = max(12, round(width * RULE_RUN_SHARE))
    rectangle = partial(cv2.getStructuringElement, cv2.MORPH_RECT)
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, rectangle((run, 1)))
    if cv2.countNonZero(runs) < RULE_SPAN_SHARE * width / 2:
        return mask
    bridged = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, rectangle((run, 3)))
    _, owner, where = label_ink(np.asarray(bridged, np.uint8))
    ids, boxes, _ = measure_extents(owner, where, width)
    span, rise = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    line, thickness = np.zeros_like(mask), 0
    for label in ids[(span >= RULE_SPAN_SHARE * width) & (rise <= 0.1 * span)]:
        row, column = np.divmod(where[owner == label], width)
        thick = int(np.median(np.unique(column, return_counts=True)[1]))
        if thick <= max(4, RULE_THICK_SHARE * width):
            course = _course(column, row, thick, width)
            cv2.polylines(line, [course], False, 1, thick + 2)
            thickness = max(thickness, thick)
    if not thickness:
        return mask
    rest = cv2.subtract(mask, line)
    mended = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, rectangle((1, 2 * thickness + 7)))
    return np.asarray(cv2.bitwise_or(rest, cv2.bitwise_and(mended, mask)), np.uint8)


def _course(
    column: NDArray[np.int64], row: NDArray[np.int64], thickness: int, width: int
) -> NDArray[np.int32]:
    """Follow a ruled line over the whole width by a parabola; strokes along it do not count.

    Returns:
        int32 (M, 2), points x, y.
    """
    counts = np.bincount(column, minlength=width)
    middle = np.bincount(column, row, minlength=width) / np.maximum(counts, 1)
    bare = np.flatnonzero((counts > 0) & (counts <= max(1, np.median(counts[counts > 0]))))
    middle, keep = middle[bare], np.ones(len(bare), bool)
    for degree in (1, 1, 2):
        course = np.polynomial.Polynomial.fit(bare[keep], middle[keep], degree)
        distance = np.abs(course(bare) - middle)
        keep = distance <= max(1.0, thickness / 2, np.median(distance))
    # Beyond the pixels seen a parabola may bend away: there the line goes on straight.
    ends = np.clip(np.linspace(0, width - 1, 33), column.min(), column.max())
    x = np.linspace(0, width - 1, 33)
    y = course(ends) + (x - ends) * course.deriv()(ends)
    return np.rint(np.stack((x, y), axis=1)).astype(np.int32)
