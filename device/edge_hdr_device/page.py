"""The digits of a picture, found on its reduction and cut out of the picture itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.edges import on_edges
from edge_hdr_device.ink import (
    Ink,
    faint_mask,
    find_ink,
    sharpen,
    shrink,
    to_grey,
    window_depth,
)
from edge_hdr_device.pieces import (
    MAX_ASPECT,
    MIN_HEIGHT_PX,
    Pieces,
    join,
    measure,
    plausible,
    union_boxes,
)
from edge_hdr_device.region import Region
from edge_hdr_device.rules import without_rules
from edge_hdr_device.sheet import on_paper

TIGHT_PX = 200  # one digit may fill a picture of this size or smaller
SOFT_EDGE = np.ones((5, 5), np.uint8)  # what of its surroundings belongs to a digit's crop
WIDEST = 4.0  # width to height of digits that touch: wider things are lines and words
WIDE_HEIGHT = (0.7, 1.8)  # height of digits that touch, in heights of the page's digits
MOST_INK = 0.55  # of the box of digits that touch
CROP_PX = 40  # a digit lower than this on the working picture is cropped from the original


@dataclass(frozen=True)
class Page:
    """What may be digits in a picture.

    Attributes:
        image: uint8 (H, W) grey or (H, W, 3) BGR, the picture.
        small: uint8 (h, w), its reduction.
        ink: the reduction's.
        pieces: what of it may be a digit's.
        digits: rows of each digit's pieces.
        boxes: float64 (N, 4), left, top, right, bottom of each digit in px of the reduction.
        wide: so many of them, the last, are too wide for one digit: touching ones, if any.
    """

    image: NDArray[np.uint8]
    small: NDArray[np.uint8]
    ink: Ink
    pieces: Pieces
    digits: list[NDArray[np.intp]]
    boxes: NDArray[np.float64]
    wide: int = 0

    @property
    def scale(self) -> float:
        """Give how many px of the picture are one of the reduction."""
        return float(max(self.image.shape[:2]) / max(self.small.shape))

    def regions(self) -> list[Region]:
        """Cut the digits out, in no order, all of line 0."""
        if not self.digits:
            return []
        places = _original(self.boxes, self.scale, self.image.shape)
        crops = _crops(self.image, self.small, self.ink, self.pieces, self.digits, self.boxes)
        single = len(places) - self.wide
        return [
            Region(box, 0, crop, single=index < single)
            for index, (box, crop) in enumerate(zip(places, crops, strict=True))
        ]


def find_page(image: NDArray[np.uint8], long_side_px: int) -> Page:
    """Find a picture's digits on a reduction whose longer side is at most `long_side_px`.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, ink darker or lighter than the paper.
        long_side_px: digits are found from about 12 px high on the reduction.
    """
    small = to_grey(shrink(image, long_side_px))
    ink = find_ink(small, tight=max(small.shape) <= TIGHT_PX)
    found = measure(sharpen(without_rules(faint_mask(ink), ink.depth), ink), ink)
    pieces = plausible(found.take(on_paper(small, ink, found)), ink.texture)
    digits = join(pieces)
    wide = _wide(pieces, digits)
    digits = _off_edges(digits, pieces, small, ink) + wide
    boxes = union_boxes(pieces, digits) if digits else np.zeros((0, 4))
    return Page(image, small, ink, pieces, digits, boxes, len(wide))


def _off_edges(
    digits: list[NDArray[np.intp]], pieces: Pieces, small: NDArray[np.uint8], ink: Ink
) -> list[NDArray[np.intp]]:
    """Leave out what lies along the side of a sheet."""
    if not digits:
        return []
    edge = on_edges(small, union_boxes(pieces, digits), light=ink.light)
    return [rows for rows, out in zip(digits, edge, strict=True) if not out]


def _wide(pieces: Pieces, digits: list[NDArray[np.intp]]) -> list[NDArray[np.intp]]:
    """Find pieces that may be several digits: as high as digits, and wider than one may be."""
    if not len(pieces):
        return []
    width, height = pieces.width, pieces.height
    like = (width > MAX_ASPECT * height) & (width <= WIDEST * height)
    like &= (height >= 2 * MIN_HEIGHT_PX) & (pieces.touch == 0)
    like &= pieces.area <= MOST_INK * width * height
    if digits:
        boxes = union_boxes(pieces, digits)
        typical = float(np.median(boxes[:, 3] - boxes[:, 1]))
        like &= (height >= WIDE_HEIGHT[0] * typical) & (height <= WIDE_HEIGHT[1] * typical)
    taken = np.concatenate([np.zeros(0, np.intp), *digits])
    return [np.array([row]) for row in np.flatnonzero(like) if row not in taken]


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
    tables = soft_tables(np.array([pieces.level[rows].max() for rows in digits]), ink.noise)
    coarse = (boxes[:, 3] - boxes[:, 1] < CROP_PX) & (image.shape[1] > small.shape[1])
    crops = []
    for rows, window, table, original in zip(digits, windows, tables, coarse, strict=True):
        source = image if original else small
        depth = window_depth(source, ink, window, source.shape[1] / small.shape[1])
        mask = _enlarge(own_mask(pieces, rows, window), depth.shape)
        crops.append(soft(depth, mask, table))
    return crops


def own_mask(
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


def soft_tables(full: NDArray[np.float64], noise: float) -> NDArray[np.uint8]:
    """Tabulate, for digits whose ink is so deep, what each depth becomes: uint8 (N, 256).

    Full ink becomes 255, the paper's noise 0.
    """
    low = np.minimum(2.5 * noise, 0.35 * full)[:, None]
    stretched = (np.arange(256) - low) * (255.0 / np.maximum(1.0, full[:, None] - low))
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)


def soft(
    depth: NDArray[np.uint8], mask: NDArray[np.uint8], table: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Give a digit's depth by its table, nothing beyond its mask."""
    import cv2

    return np.asarray(cv2.bitwise_and(cv2.LUT(depth, table), mask), np.uint8)
