"""Frame to digits: where they are, in reading order, each as a soft crop of its ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import ImageError
from edge_hdr_device.ink import (
    Ink,
    faint_mask,
    find_ink,
    sharpen,
    shrink,
    to_grey,
    window_depth,
)
from edge_hdr_device.lines import reading_order
from edge_hdr_device.pieces import Pieces, join, measure, plausible, union_boxes
from edge_hdr_device.rules import without_rules

WORKING_PX = 1600  # long side of the picture on which digits are looked for
ISOLATE_PX = 400  # long side of a one-digit picture
TIGHT_PX = 200  # one digit may fill a picture of this size or smaller
SOFT_EDGE = np.ones((5, 5), np.uint8)  # what of its surroundings belongs to a digit's crop
CROP_PX = 40  # a digit lower than this on the working picture is cropped from the original


@dataclass(frozen=True)
class Region:
    """One digit found in a picture.

    Attributes:
        box: x, y, width, height in px of the picture given.
        line: number of its line of text, from the top, from 0.
        ink: uint8 (h, w), ink bright on background 0, other pieces masked out; its size is that of
            the box, or of the box on a reduced picture, with a small margin.
    """

    box: tuple[int, int, int, int]
    line: int
    ink: NDArray[np.uint8]


def locate(image: NDArray[np.uint8]) -> list[Region]:
    """Find the digits of a picture in reading order.

    Light is flattened, the ink's polarity found, pieces of ink are parted from the paper by local
    contrast, cleaned (specks, ruled lines, drawn boxes, what enters from the frame), joined into
    digits, and put into lines. Digits are found from about 12 px high on a picture of up to
    1600 px; a larger picture is searched on a reduction to that size, and cropped from its own
    pixels.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, ink darker or lighter than the paper.

    Returns:
        Digits in reading order; none when there is no ink that could be one.
    """
    small = to_grey(shrink(image, WORKING_PX))
    ink = find_ink(small, tight=max(small.shape) <= TIGHT_PX)
    pieces = plausible(measure(sharpen(without_rules(faint_mask(ink)), ink), ink), ink.noise)
    digits = join(pieces)
    if not digits:
        return []
    boxes = union_boxes(pieces, digits)
    scale = max(image.shape[:2]) / max(small.shape)
    places = _original(boxes, scale, image.shape)
    crops = _crops(image, small, ink, pieces, digits, boxes)
    return [
        Region(box=places[index], line=number, ink=crops[index])
        for number, line in enumerate(reading_order(boxes))
        for index in line
    ]


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
    (table,) = _soft_tables(pieces.level[rows].max(keepdims=True), ink.noise)
    return _soft(ink.depth, _own_mask(pieces, rows), table)


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


def _original(
    boxes: NDArray[np.float64], scale: float, shape: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Give boxes float64 (N, 4) of the working picture as x, y, width, height of the original."""
    corners = np.hstack((np.floor(boxes[:, :2] * scale), np.ceil(boxes[:, 2:] * scale)))
    corners[:, 2:] = np.minimum(corners[:, 2:], (shape[1], shape[0]))
    corners[:, 2:] -= corners[:, :2]
    return [(x, y, width, height) for x, y, width, height in corners.astype(int).tolist()]


def _crops(
    image: NDArray[np.uint8],
    small: NDArray[np.uint8],
    ink: Ink,
    pieces: Pieces,
    digits: list[NDArray[np.intp]],
    boxes: NDArray[np.float64],
) -> list[NDArray[np.uint8]]:
    """Cut digits out, each from the original where the working picture is too coarse."""
    height, width = small.shape
    margin = np.array([-2, -2, 2, 2])
    windows = np.clip(boxes.astype(int) + margin, 0, (width, height, width, height)).tolist()
    tables = _soft_tables(np.array([pieces.level[rows].max() for rows in digits]), ink.noise)
    coarse = (boxes[:, 3] - boxes[:, 1] < CROP_PX) & (image.shape[1] > small.shape[1])
    crops = []
    for rows, window, table, original in zip(digits, windows, tables, coarse, strict=True):
        source = image if original else small
        depth = window_depth(source, ink, window, source.shape[1] / small.shape[1])
        mask = _enlarge(_own_mask(pieces, rows, window), depth.shape)
        crops.append(_soft(depth, mask, table))
    return crops


def _own_mask(
    pieces: Pieces, rows: NDArray[np.intp], window: tuple[int, int, int, int] | None = None
) -> NDArray[np.uint8]:
    """Mask a digit with its soft edge, uint8 0 or 255, other pieces left out."""
    import cv2

    left, top, right, bottom = window or (0, 0, *reversed(pieces.labels.shape))
    labels = pieces.labels[top:bottom, left:right]
    first, *others = pieces.ids[rows].tolist()
    own = labels == first
    for label in others:
        own |= labels == label
    grown = np.asarray(cv2.dilate(own.view(np.uint8), SOFT_EDGE), np.uint8)
    grown &= ((labels == 0) | own).view(np.uint8)
    return grown * np.uint8(255)


def _enlarge(mask: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    import cv2

    size = (shape[1], shape[0])
    if size == mask.shape[::-1]:
        return mask
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _soft_tables(full: NDArray[np.float64], noise: float) -> NDArray[np.uint8]:
    """Tabulate, for digits whose ink is so deep, what each depth becomes: uint8 (N, 256).

    Full ink becomes 255, the paper's noise 0.
    """
    low = np.minimum(2.5 * noise, 0.35 * full)[:, None]
    stretched = (np.arange(256) - low) * (255.0 / np.maximum(1.0, full[:, None] - low))
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)


def _soft(
    depth: NDArray[np.uint8], mask: NDArray[np.uint8], table: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Give a digit's depth by its table, nothing beyond its mask."""
    import cv2

    return np.asarray(cv2.bitwise_and(cv2.LUT(depth, table), mask), np.uint8)
