"""Connected pieces of ink: measured, cleaned of what is no digit, and joined into digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.components import components_of
from edge_hdr_device.frames import without_frames
from edge_hdr_device.ink import Ink
from edge_hdr_device.strikes import without_strikes

MAX_PIECES = 1500  # the largest by area; a page with more is texture
MIN_HEIGHT_PX = 8  # a digit on the working picture
FILLED_PX = 200  # a digit may touch a smaller picture's frame all round
SOLID_FILL = 0.78  # a piece that fills more of its box, and is no bar, is a blob
BLOT_FILL = 0.6  # a piece that fills more of its box is a blot, if it is no stroke
BESIDE_BLOT = 2  # where no more large pieces are, none is told for a blot by its circle
BLOT_HALF = 0.38  # of its mean side: the radius of the circle that a blot holds
TEXTURE_FACTOR = 6.8  # ink is typically this many deviations of the paper deep, or it is none
WRITING_FACTOR = 5.0  # where much looks like writing, and pencil is faint, so many are enough
WRITTEN = 6  # pieces that look like writing are much
WRITTEN_PX = 20  # height of them
WRITTEN_SHARE = 0.6  # of the ink is in them
CLEAN_SHARE = 0.95  # of the ink, where they are fewer
TEXTURE_RANK = 0.8  # of the ink is no deeper than what is compared with the texture
FAINT_SHARE = 0.4  # of the typical depth: fainter pieces are grid lines and shadows
HEIGHT_RANGE = (0.38, 2.6)  # of the typical height
MAX_ASPECT = 1.9  # width to height: beyond it stand dashes and words
JOINED_HEIGHT = 1.35  # of the typical height: what two joined pieces may reach
BAR_ASPECT = 2.5  # width to height: beyond it a piece is a bar
BAR_WIDTH = 1.2  # of the typical height: a longer bar belongs to no digit
BAR_OVERLAP = 0.3  # of the bar's height: what of it may reach into the digit above
FRAGMENT_HEIGHT = 0.7  # of the typical height: a lower piece may be a part of a digit beside it
FRAGMENT_GAP = 0.03  # of the typical height: how far apart their boxes may be
FRAGMENT_UNION = 1.15  # of the typical height: what both may reach
FRAGMENT_BREADTH = 0.8  # of the typical height: how wide both may be
WHOLE_RANK = 0.75  # of the ink is no higher than a digit that is whole, where pens break off
JOIN_GAP = 0.25  # of the typical height: how far apart, one above the other, they may be


@dataclass(frozen=True)
class Pieces:
    """Measured pieces; row i of each array is piece i.

    Attributes:
        labels: int32 (H, W), 0 is paper; piece i has the label `ids[i]`.
        ids: intp (N,).
        boxes: float64 (N, 4), left, top, right, bottom in px, right and bottom exclusive.
        area: float64 (N,), ink pixels.
        level: float64 (N,), typical depth of the ink.
        touch: float64 (N,), ink pixels on the picture's border.
    """

    labels: NDArray[np.int32]
    ids: NDArray[np.intp]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]
    level: NDArray[np.float64]
    touch: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> NDArray[np.float64]:
        """Give each piece's width in px."""
        return self.boxes[:, 2] - self.boxes[:, 0]

    @property
    def height(self) -> NDArray[np.float64]:
        """Give each piece's height in px."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    @property
    def ink(self) -> NDArray[np.float64]:
        """Give each piece's weight among others: bold writing counts for more than faint."""
        return self.area * np.square(self.level)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Pieces:
        """Give the pieces of an index or a boolean mask."""
        return Pieces(
            self.labels,
            self.ids[keep],
            self.boxes[keep],
            self.area[keep],
            self.level[keep],
            self.touch[keep],
        )


def measure(mask: NDArray[np.uint8], ink: Ink) -> Pieces:
    """Measure the pieces of a mask uint8 (H, W), 1 on ink, freed of lines that tie them."""
    components = components_of(mask)
    ids, boxes, area = components.extents()
    opened = without_frames(mask, components, (ids, boxes, area))
    if opened is not mask:
        mask, components = opened, components_of(opened)
        ids, boxes, area = components.extents()
    freed = without_strikes(mask, boxes, components.labels)
    if freed is not mask:
        components = components_of(freed)
        ids, boxes, area = components.extents()
    labels = components.labels
    level = components.typical(ink.depth.ravel()[components.where])
    border = np.concatenate((labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]))
    touch = np.bincount(border, minlength=len(level))
    pieces = Pieces(labels, ids, boxes, area, level[ids], touch[ids].astype(np.float64))
    if len(pieces) > MAX_PIECES:
        pieces = pieces.take(np.sort(np.argsort(-pieces.area)[:MAX_PIECES]))
    return pieces


def plausible(pieces: Pieces, noise: float, *, min_height_px: float = MIN_HEIGHT_PX) -> Pieces:
    """Drop table edges, frames around digits, blobs, and specks far too small to matter.

    Args:
        pieces: all pieces of a picture.
        noise: the paper's standard deviation; when the pieces are hardly deeper, they are its
            texture and none is kept.
        min_height_px: the lowest digit; pieces of a third of it may belong to one.
    """
    size = np.maximum(pieces.height, pieces.width)
    pieces = pieces.take(size >= min_height_px / 3)
    pieces = pieces.take(~_solid(pieces))
    pieces = pieces.take(~_around_others(pieces))
    pieces = pieces.take(~_at_frame(pieces))
    if not len(pieces):
        return pieces
    typical = weighted_median(pieces.level, pieces.ink)
    least = WRITING_FACTOR if _written(pieces) else TEXTURE_FACTOR
    if weighted_median(pieces.level, pieces.ink, TEXTURE_RANK) < least * noise:
        return pieces.take(np.zeros(len(pieces), bool))
    return pieces.take(pieces.level >= FAINT_SHARE * typical)


def join(pieces: Pieces) -> list[NDArray[np.intp]]:
    """Join pieces that lie one above or inside the other into digits.

    Returns:
        For each digit the rows of its pieces, in no order; what is too small, too large or too
        wide for a digit among its neighbours is left out.
    """
    if not len(pieces):
        return []
    typical = weighted_median(pieces.height, pieces.ink)
    tall = weighted_median(pieces.height, pieces.ink, WHOLE_RANK)
    groups = _unite(len(pieces), _pairs(pieces, typical, tall))
    like = _like_a_digit(union_boxes(pieces, groups), typical)
    return [rows for rows, wanted in zip(groups, like, strict=True) if wanted]


def union_boxes(pieces: Pieces, digits: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Give the boxes float64 (N, 4) around the pieces of each of N ≥ 1 digits."""
    first = np.cumsum([0, *map(len, digits)])[:-1]
    boxes = pieces.boxes[np.concatenate(digits)]
    return np.hstack(
        (np.minimum.reduceat(boxes[:, :2], first), np.maximum.reduceat(boxes[:, 2:], first))
    )


def weighted_median(
    values: NDArray[np.float64], weights: NDArray[np.float64], rank: float = 0.5
) -> float:
    """Give the value float64 at which half of the weight is reached; (N,) each, N ≥ 1.

    Args:
        values: any.
        weights: > 0.
        rank: another share of the weight than half, in (0, 1].
    """
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, rank * total[-1])]])


def _like_a_digit(boxes: NDArray[np.float64], typical: float) -> NDArray[np.bool_]:
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    low, high = (typical * share for share in HEIGHT_RANGE)
    fits = (height >= max(MIN_HEIGHT_PX, low)) & (height <= high)
    return np.asarray(fits & (width <= MAX_ASPECT * height), bool)


def _solid(pieces: Pieces) -> NDArray[np.bool_]:
    width, height = pieces.width, pieces.height
    compact = np.minimum(width, height) > 0.45 * np.maximum(width, height)
    solid = pieces.area > SOLID_FILL * width * height
    large = compact & (height > 20)
    doubtful = large & ~solid & (pieces.area > BLOT_FILL * width * height)
    if np.count_nonzero(height > 20) <= BESIDE_BLOT:
        doubtful[:] = False  # a bold digit on its own
    for row in np.flatnonzero(doubtful):
        solid[row] = _half_width(pieces, row) > BLOT_HALF * np.sqrt(width[row] * height[row])
    return np.asarray(large & solid, bool)


def _written(pieces: Pieces) -> bool:
    """Tell whether most ink lies in many pieces as large as digits: a texture is mostly specks."""
    large = pieces.height >= WRITTEN_PX
    share = pieces.area[large].sum() / pieces.area.sum()
    return bool(share >= (WRITTEN_SHARE if np.count_nonzero(large) >= WRITTEN else CLEAN_SHARE))


def _half_width(pieces: Pieces, row: np.intp) -> float:
    """Give the radius, in px, of the largest circle within a piece."""
    import cv2

    left, top, right, bottom = pieces.boxes[row].astype(int).tolist()
    own = np.pad(pieces.labels[top:bottom, left:right] == pieces.ids[row], 1)
    return float(cv2.distanceTransform(own.view(np.uint8), cv2.DIST_L2, 3).max())


def _at_frame(pieces: Pieces) -> NDArray[np.bool_]:
    """Mark what enters the picture from outside: edges of tables, fingers, cut-off lines."""
    touching = pieces.touch > 0
    size = np.maximum(pieces.width, pieces.height)
    inner = ~touching & (pieces.height >= MIN_HEIGHT_PX)
    if not inner.any():
        alone = max(pieces.labels.shape) > FILLED_PX
        return np.asarray(touching & (pieces.touch > 0.8 * size) & alone, bool)
    typical = weighted_median(pieces.height[inner], pieces.area[inner])
    like_a_digit = (pieces.height > 0.6 * typical) & (pieces.height < 1.5 * typical)
    like_a_digit &= pieces.width <= MAX_ASPECT * pieces.height
    return np.asarray(touching & ~(like_a_digit & (pieces.touch < 0.4 * size)), bool)


def _around_others(pieces: Pieces) -> NDArray[np.bool_]:
    """Mark drawn boxes: thin pieces that hold others of a quarter of their height or more.

    A piece that stands far above the others' heights is a box around smaller ones too.
    """
    if len(pieces) < 2:
        return np.zeros(len(pieces), bool)
    left, top, right, bottom = (column[:, None] for column in pieces.boxes.T)
    height = pieces.height
    inside = (left < left.T) & (top < top.T) & (right > right.T) & (bottom > bottom.T)
    share = height[None, :] / height[:, None]
    others = height[height >= MIN_HEIGHT_PX]
    tall = height > 2.5 * np.median(others) if len(others) > 2 else np.zeros(len(pieces), bool)
    large = (share >= 0.25) | (tall[:, None] & (share >= 0.1))
    hollow = pieces.area < 0.3 * pieces.width * height
    return np.asarray((inside & large).any(1) & hollow, bool)


def _pairs(pieces: Pieces, typical: float, tall: float) -> NDArray[np.intp]:
    """List pairs of rows intp (M, 2) that belong to one digit.

    One lies above or inside the other; two tall ones side by side are two digits.
    """
    left, top, right, bottom = (column[:, None] for column in pieces.boxes.T)
    width, height = right - left, bottom - top
    overlap = np.minimum(right, right.T) - np.maximum(left, left.T)
    gap = np.maximum(top, top.T) - np.minimum(bottom, bottom.T)
    union = np.maximum(bottom, bottom.T) - np.minimum(top, top.T)
    lower = np.minimum(height, height.T)
    limit = np.maximum(typical, np.maximum(height, height.T))
    near = (gap <= JOIN_GAP * limit) & (overlap >= 0.3 * np.minimum(width, width.T))
    abreast = (lower >= 0.6 * limit) & (-gap > 0.5 * lower)
    # Below a digit a bar is an underline; above, a 5's top. One that is longer is neither.
    bar = width > BAR_ASPECT * height
    line = bar & (width > BAR_WIDTH * typical)
    under = bar & (top >= bottom.T - BAR_OVERLAP * lower)
    apart = under | under.T | line | line.T
    # A pen that broke off leaves parts whose boxes overlap, and makes the typical piece too low.
    whole = np.where(gap < 0, np.maximum(limit, tall), limit)
    fits = ~abreast & ~apart & (union <= JOINED_HEIGHT * whole)
    # A fragment beside the rest of its digit: a 4 whose strokes do not meet.
    breadth = np.maximum(right, right.T) - np.minimum(left, left.T)
    beside = (overlap >= -FRAGMENT_GAP * typical) & (-gap >= 0.3 * lower)
    fragment = (lower < FRAGMENT_HEIGHT * typical) & (union < FRAGMENT_UNION * typical)
    beside &= fragment & (breadth < FRAGMENT_BREADTH * typical)
    return np.argwhere(np.triu(fits & (near | beside), 1))


def _unite(count: int, pairs: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Group the rows 0 … count − 1 by the pairs that connect them."""
    owner = np.arange(count)
    for one, other in pairs:
        if owner[one] != owner[other]:
            owner[owner == owner[other]] = owner[one]
    order = np.argsort(owner, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(owner[order])) + 1)
