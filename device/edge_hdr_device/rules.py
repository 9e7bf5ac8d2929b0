"""Ruled and squared paper: lines taken out of a mask, the strokes that cross them mended."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.components import components_of
from edge_hdr_device.frames import without_frames
from edge_hdr_device.prints import without_print
from edge_hdr_device.tilted import sheared, slopes, straightened

RULED_PX = 100  # on smaller pictures no ruled lines are looked for
LEAST_INK = 0.02  # of the side, in px: where there is less ink, nothing is a line
RULE_RUN_SHARE = 1 / 50  # of the side: a straight run of this length may belong to a ruled line
RULE_THICK_SHARE = 0.02  # of the side: a ruled line is at most so thick
RULE_SPAN_SHARE = 0.4  # of the side: a ruled line spans at least this
OTHER_SPAN_SHARE = 0.2  # where there is one, others that the frame cuts off span this
RULE_RISE = 0.2  # of its span: a line, with what of digits lies along it, is no higher


def without_rules(
    mask: NDArray[np.uint8], depth: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Take ruled lines out of a mask and mend the strokes that cross them.

    Lines that are fainter than the writing go by their depth, others by their course.

    The sides of boxes drawn in a row look like a rule that runs on through other digits: boxes go
    first.

    Args:
        mask: uint8 (H, W), 1 on ink.
        depth: uint8 (H, W), how deep the ink is; None where that is not known.

    Returns:
        uint8 (H, W); the same array where there is no ruled line.
    """
    import cv2

    side = max(mask.shape)
    if side < RULED_PX or cv2.countNonZero(mask) < LEAST_INK * side:
        return mask
    if depth is not None:
        mask = without_print(mask, depth)
    bare = _without_rules(mask)
    if bare is mask:
        return mask
    components = components_of(mask)
    opened = without_frames(mask, components, components.extents())
    return bare if opened is mask else _without_rules(opened)


def _without_rules(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    turned = _swapped(mask)
    level = _without_level_rules(mask, turned)
    upright = _without_level_rules(turned, mask)
    rest = level if upright is turned else np.minimum(level, upright.T)
    return _without_tilted_rules(rest)


def _without_tilted_rules(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take out lines that run at an angle; gives the same array when there is none."""
    level, upright = slopes(mask)
    if level:
        turned = _swapped(mask)
        rest = turned
        for slope in level:
            rest = _without_slope(rest, slope)
        mask = mask if rest is turned else _swapped(rest)
    for slope in upright:
        mask = _without_slope(mask, slope)
    return mask


def _without_slope(turned: NDArray[np.uint8], slope: float) -> NDArray[np.uint8]:
    """Take lines that fall by a slope to the right out of a mask whose axes are swapped."""
    leaning = sheared(turned, slope)
    level = _swapped(leaning)
    freed = _without_level_rules(level, leaning)
    return turned if freed is level else straightened(_swapped(freed), slope, turned.shape[1])


def _swapped(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Swap the axes; OpenCV is far faster at it than a copy of `mask.T`."""
    import cv2

    return np.asarray(cv2.transpose(mask), np.uint8)


def _without_level_rules(mask: NDArray[np.uint8], turned: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take out lines from left to right; gives the same array when there is none.

    Args:
        mask: uint8 (H, W), 1 on ink.
        turned: uint8 (W, H), the same with its axes swapped.
    """
    import cv2

    width = mask.shape[1]
    run = max(12, round(width * RULE_RUN_SHARE))
    rectangle = partial(cv2.getStructuringElement, cv2.MORPH_RECT)
    # OpenCV is twice as fast on columns as on rows.
    runs = np.asarray(cv2.morphologyEx(turned, cv2.MORPH_OPEN, rectangle((1, run))), np.uint8)
    if not _may_hold_a_rule(runs, run):
        return mask
    bridged = cv2.morphologyEx(cv2.transpose(runs), cv2.MORPH_CLOSE, rectangle((run, 3)))
    components = components_of(np.asarray(bridged, np.uint8))
    ids, boxes, _ = components.extents()
    span, rise = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    line, thickness = np.zeros_like(mask), 0
    flat = rise <= RULE_RISE * span
    far = flat & (span >= RULE_SPAN_SHARE * width)
    if far.any():
        far = flat & (span >= OTHER_SPAN_SHARE * width)
    for label in ids[far]:
        row, column = np.divmod(components.pixels(label), width)
        counts = np.bincount(column, minlength=width)
        thick = float(np.median(counts[counts > 0]))
        if int(thick) <= max(4, RULE_THICK_SHARE * width):
            bare = np.flatnonzero((counts > 0) & (counts <= max(1.0, thick)))
            middle = np.bincount(column, row, minlength=width)[bare] / counts[bare]
            course = _course(bare, middle, (column.min(), column.max()), int(thick), width)
            cv2.polylines(line, [course], False, 1, int(thick) + 2)
            thickness = max(thickness, int(thick))
    if not thickness:
        return mask
    rest = cv2.subtract(mask, line)
    mended = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, rectangle((1, 2 * thickness + 7)))
    return np.asarray(cv2.bitwise_or(rest, cv2.bitwise_and(mended, mask)), np.uint8)


def _may_hold_a_rule(runs: NDArray[np.uint8], run: int) -> bool:
    """Tell at a glance whether runs may add up to a rule: on most pages none do.

    Every run shows in each `run`-th row, but for one that the frame cuts off. Runs with less than
    a run between them, at most 3 px aside, are at most two such rows apart, and a dilation joins
    them. Beyond the first and the last row in which a rule shows, it goes on for less than four
    runs in all.

    Args:
        runs: uint8 (W, H), 1 on straight runs downwards.
        run: their least length, in px.
    """
    import cv2

    span = RULE_SPAN_SHARE * runs.shape[0]
    if cv2.countNonZero(runs) < span / 2:
        return False
    glance = cv2.dilate(runs[::run], np.ones((2, 3), np.uint8))
    outlines, _ = cv2.findContours(glance, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    longest = max((cv2.boundingRect(outline)[3] for outline in outlines), default=0)
    rows = span / run - 4 + 1  # and one more by the dilation
    return bool(longest >= rows + 1)


def _course(
    bare: NDArray[np.intp],
    middle: NDArray[np.float64],
    seen: tuple[int, int],
    thickness: int,
    width: int,
) -> NDArray[np.int32]:
    """Follow a ruled line over the whole width by a parabola.

    Args:
        bare: intp (N,), columns in which no stroke lies along the line.
        middle: float64 (N,), its height there.
        seen: the first and the last column in which there is some of it.
        thickness: in px.
        width: of the picture, in px.

    Returns:
        int32 (M, 2), points x, y.
    """
    keep = np.ones(len(bare), bool)
    for degree in (1, 1, 2):
        course = np.polynomial.Polynomial.fit(bare[keep], middle[keep], degree)
        distance = np.abs(course(bare) - middle)
        keep = distance <= max(1.0, thickness / 2, np.median(distance))
    # Beyond the pixels seen a parabola may bend away: there the line goes on straight.
    x = np.linspace(0, width - 1, 33)
    ends = np.clip(x, *seen)
    y = course(ends) + (x - ends) * course.deriv()(ends)
    return np.rint(np.stack((x, y), axis=1)).astype(np.int32)
