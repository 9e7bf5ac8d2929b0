"""A tight picture read as it is: a second way where parting its ink into pieces went wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.ink import find_ink, shrink, to_grey
from edge_hdr_device.locate import TIGHT_PX, Region
from edge_hdr_device.normalize import INK_LEVEL, SIDE_PX
from edge_hdr_device.outline import filled

LEAST_CONTRAST = 24  # of 255: a picture with less holds no ink
EVEN_BORDER = 0.12  # of the contrast: a border whose levels differ by less is of one paper
SPECK_SHARE = 0.06  # of the largest piece's area: a smaller one is a speck
ALIKE = 64  # of 255: a pixel that differs by less from another is like it
OWN_LEVEL = 100  # of 255: what is fainter and does not border deeper ink is none
LINE_MARGIN_PX = 3  # of 28: a line that crosses the picture ends at most so far from its side
LINE_SPAN_SHARE = 0.75  # of the width: a level piece as long as this is a line beside the digit
LINE_SHARE = 0.6  # of the ink at most belongs to a line
LINE_END_PX = 2  # of 28: a line that crosses the picture shows so much on either side
LINE_EXTENT_PX = 6  # of 28: what a line covers of a column, jagged as it may be
Bytes = NDArray[np.uint8]


def whole(image: NDArray[np.uint8]) -> Region | None:
    """Take a tight picture for one digit, in the form of MNIST.

    The picture is reduced to 28 px, its paper told from its border (which may be light in some
    columns or rows and dark in others), single pixels of noise are mended, lines that come in from
    the frame are cut off up to the digit, and an outline of strokes is filled.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, ink darker or lighter than the paper.

    Returns:
        All of its ink as one region; None where the picture is not tight (longer side above
        200 px) or has no ink. It is a second reading beside `locate`'s, for a classifier to judge.
    """
    if max(image.shape[:2]) > TIGHT_PX:
        return None
    grey = to_grey(shrink(image, SIDE_PX))
    depth = _depth(grey)
    if int(depth.max()) < LEAST_CONTRAST:
        return None
    depth = _kept(_without_line(_kept(_stretched(_mended(depth)))))
    if not (depth >= INK_LEVEL).any():
        return None
    depth = filled(depth)
    scale = max(image.shape[:2]) / max(grey.shape)
    return Region(box=_box(depth, scale, image.shape), line=0, ink=depth)


def _depth(grey: Bytes) -> Bytes:
    """Measure how far each pixel is from the paper: uint8 (H, W)."""
    level = _patched(grey.astype(np.float32))
    if level is None:
        return find_ink(grey, tight=True).depth
    reach = np.maximum(level, 255 - level)
    return np.asarray(np.rint(255 * np.abs(grey - level) / reach), np.uint8)


def _patched(grey: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Give the paper's level where columns or rows of it are light and others dark.

    None where one level explains the picture's border about as well.
    """
    contrast = float(np.ptp(grey))
    if min(grey.shape) < 8 or contrast == 0:
        return None
    border = np.ones(grey.shape, bool)
    border[1:-1, 1:-1] = False
    one_paper = float(np.abs(grey[border] - np.median(grey[border])).mean())
    if one_paper <= EVEN_BORDER * contrast:
        return None
    by_column = np.broadcast_to(grey[[0, -1]].mean(axis=0), grey.shape)
    by_row = np.broadcast_to(grey[:, [0, -1]].mean(axis=1)[:, None], grey.shape)
    misfits = [float(np.abs(grey - level)[border].mean()) for level in (by_column, by_row)]
    if min(misfits) > one_paper / 3:
        return None
    return np.asarray(by_row if misfits[1] < misfits[0] else by_column, np.float32)


def _mended(depth: Bytes) -> Bytes:
    """Replace single pixels that differ from nearly all around them by their median."""
    import cv2

    for _ in range(2):
        median = np.asarray(cv2.medianBlur(depth, 3), np.uint8)
        alone = (cv2.absdiff(depth, median) > ALIKE) & (_alike(depth) < 2)
        if not alone.any():
            break
        depth = np.where(alone, median, depth)
    return depth


def _alike(depth: Bytes) -> NDArray[np.intp]:
    """Count those of the eight pixels around each that are like it: intp (H, W)."""
    height, width = depth.shape
    padded = np.pad(depth.astype(np.int16), 1, mode="reflect" if min(depth.shape) > 1 else "edge")
    count = np.zeros(depth.shape, np.intp)
    for down in range(3):
        for right in range(3):
            other = padded[down : down + height, right : right + width]
            count += np.abs(other - depth) < ALIKE
    return np.asarray(count - 1, np.intp)


def _stretched(depth: Bytes) -> Bytes:
    """Bring the deepest ink to 255 and the paper's noise to 0."""
    noise = 2.5 * 1.4826 * float(np.median(depth))
    full = float(np.percentile(depth, 97))
    low = min(noise, 0.35 * full)
    stretched = (depth - low) * (255 / max(full - low, 1.0))
    return np.asarray(np.clip(np.rint(stretched), 0, 255), np.uint8)


def _without_line(depth: Bytes) -> Bytes:
    """Cut a thin line that crosses the picture from side to side off, up to the digit."""
    upright = _without_level_line(np.ascontiguousarray(depth.T)).T
    return _without_level_line(np.ascontiguousarray(upright))


def _without_level_line(depth: Bytes) -> Bytes:
    """Blank the columns on either side that hold a line's end only.

    There must be ink near both sides, and none there that is thick: a line of text would be.
    """
    mask = depth >= 2 * INK_LEVEL
    inked = np.asarray(mask.any(axis=0))
    columns = np.flatnonzero(inked)
    if not len(columns) or max(columns[0], len(inked) - 1 - columns[-1]) > LINE_MARGIN_PX:
        return depth
    extent = np.where(inked, len(mask) - mask[::-1].argmax(axis=0) - mask.argmax(axis=0), 0)
    thick = np.flatnonzero(extent > LINE_EXTENT_PX)
    if not len(thick) or min(thick[0] - columns[0], columns[-1] - thick[-1]) < LINE_END_PX:
        return depth
    rest = np.zeros_like(depth)
    first, last = max(0, thick[0] - 1), thick[-1] + 2
    rest[:, first:last] = depth[:, first:last]
    return rest if rest.sum() >= (1 - LINE_SHARE) * depth.sum() else depth


def _kept(depth: Bytes) -> Bytes:
    """Leave out what is far fainter or far smaller than the rest, soft edges apart."""
    import cv2

    mask = (depth >= OWN_LEVEL).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    keep = area >= SPECK_SHARE * area.max()
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    across = (width >= LINE_SPAN_SHARE * mask.shape[1]) & (height <= LINE_SPAN_SHARE * width / 2)
    if (keep & ~across)[1:].any():
        keep &= ~across
    keep[0] = False
    own = cv2.dilate(keep[labels].astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(depth * own, np.uint8)


def _box(depth: Bytes, scale: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Give the ink's box in px of the picture."""
    import cv2

    x, y, width, height = cv2.boundingRect((depth >= INK_LEVEL).view(np.uint8))
    left, top = int(x * scale), int(y * scale)
    right = min(shape[1], int(np.ceil((x + width) * scale)))
    bottom = min(shape[0], int(np.ceil((y + height) * scale)))
    return left, top, right - left, bottom - top
