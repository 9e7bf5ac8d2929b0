"""Frame to digits: where they are, in reading order, each as a soft crop of its ink."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import ImageError
from edge_hdr_device.finer import with_small_digits
from edge_hdr_device.ink import faint_mask, find_ink, sharpen, shrink, to_grey
from edge_hdr_device.lines import reading_order
from edge_hdr_device.page import TIGHT_PX, find_page, own_mask, soft, soft_tables
from edge_hdr_device.pieces import Pieces, measure, plausible
from edge_hdr_device.region import Region
from edge_hdr_device.skew import skew_deg, turn

__all__ = ["TIGHT_PX", "Region", "View", "isolate", "locate", "look"]

WORKING_PX = 1600  # long side of the picture on which digits are looked for
ISOLATE_PX = 400  # long side of a one-digit picture


@dataclass(frozen=True)
class View:
    """The digits of a picture, and the picture as it was when they were found.

    Attributes:
        regions: in reading order, in px of the picture given.
        grey: uint8 (h, w), the picture, reduced and turned level.
        boxes: float64 (N, 4), x, y, width and height of the regions in px of `grey`.
    """

    regions: list[Region]
    grey: NDArray[np.uint8]
    boxes: NDArray[np.float64]


def locate(image: NDArray[np.uint8], *, wide: bool = False) -> list[Region]:
    """Find the digits of a picture in reading order.

    Light is flattened, the ink's polarity found, pieces of ink are parted from the paper by local
    contrast, cleaned (specks, ruled lines, drawn boxes, what enters from the frame), joined into
    digits, and put into lines. A page whose lines slope is turned level first, so that its digits
    stand upright in their crops. Digits are found from about 12 px high: a picture larger than
    1600 px is searched on a reduction to that size, once more from close by where there is
    something small, and cropped from its own pixels.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, ink darker or lighter than the paper.
        wide: give what is too wide for one digit as well: digits that touch, a word, or a line.

    Returns:
        Digits in reading order; none when there is no ink that could be one.
    """
    return look(image, wide=wide).regions


def look(image: NDArray[np.uint8], *, wide: bool = False) -> View:
    """Find the digits of a picture as `locate` does, and tell where they were seen."""
    view = _view(image, WORKING_PX, wide=wide)
    slope = skew_deg(_corners(view.regions))
    if not slope:
        return view
    turned = turn(image, slope)
    share = max(turned.image.shape[:2]) / max(image.shape[:2])
    level = _view(turned.image, round(WORKING_PX * share), wide=wide)
    if 2 * len(level.regions) < len(view.regions):  # turned, it was taken for a texture
        return view
    return replace(level, regions=[region.within(turned.back) for region in level.regions])


def _view(image: NDArray[np.uint8], long_side_px: int, *, wide: bool) -> View:
    """Find the digits of a picture as it is."""
    page = find_page(image, long_side_px)
    found = _in_order([one for one in with_small_digits(page) if one.single or wide])
    boxes = np.array([region.box for region in found], np.float64).reshape(-1, 4)
    return View(found, page.small, boxes / page.scale)


def _in_order(regions: list[Region]) -> list[Region]:
    """Put regions into reading order and number their lines."""
    return [
        replace(regions[index], line=number)
        for number, line in enumerate(reading_order(_corners(regions)))
        for index in line
    ]


def _corners(regions: list[Region]) -> NDArray[np.float64]:
    """Give left, top, right, bottom of regions, float64 (N, 4), in px."""
    boxes = np.array([region.box for region in regions], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def isolate(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the ink of a picture that shows one digit.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, any size, ink darker or lighter than the paper.

    Returns:
        uint8 (h, w), ink bright on background 0: all pieces of the digit, without specks, grid
        lines and what enters from the frame. The size is the picture's, reduced to 400 px on its
        longer side where that is larger. A picture in the form of MNIST comes back as it is.

    Raises:
        ImageError: there is no ink.
    """
    grey = to_grey(shrink(image, ISOLATE_PX))
    ink = find_ink(grey, tight=True)
    mask = sharpen(faint_mask(ink), ink)
    pieces = measure(mask, ink)
    if not len(pieces):
        raise ImageError(
            f"no ink in a picture of {image.shape[1]}×{image.shape[0]} px",
            hint="give a picture of one digit that stands out from its background",
        )
    if ink.noise == 0 and not pieces.touch.any():
        return ink.depth
    rows = _of_the_digit(pieces, ink.noise)
    (table,) = soft_tables(pieces.level[rows].max(keepdims=True), ink.noise)
    return soft(ink.depth, own_mask(pieces, rows), table)


def _of_the_digit(pieces: Pieces, noise: float) -> NDArray[np.intp]:
    """Choose the rows of the largest plausible piece and of those that lie close to it."""
    rows = np.flatnonzero(np.isin(pieces.ids, plausible(pieces, noise, min_height_px=3).ids))
    if not len(rows):
        rows = np.arange(len(pieces))
    main = rows[pieces.area[rows].argmax()]
    box = pieces.boxes[main]
    reach = 0.35 * max(box[2] - box[0], box[3] - box[1])
    near = (pieces.boxes[rows, :2] < box[2:] + reach).all(1) & (
        pieces.boxes[rows, 2:] > box[:2] - reach
    ).all(1)
    return np.asarray(rows[near & (pieces.area[rows] > 0.01 * pieces.area[main])], np.intp)
