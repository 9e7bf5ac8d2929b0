"""Printed lines told from what is written over them by their depth: print is fainter than ink."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.components import Components, Extents, components_of

FAR_SHARE = 0.5  # of the long side: thin ink that spans as much is a net, or a line
NET_FILL = 0.4  # of its box: what has more ink is no net of thin lines
LINE_PX = 8.0  # the box of a level or upright line counts as at least so wide
DEEPER = 1.45  # ink is so many times as deep as print
APART = 3.2  # spreads between the depths of ink and print: less is one kind of ink
LEAST_CRESTS = 30  # of each kind: fewer are chance
BAR_ASPECT = 0.35  # width to length: a fainter piece so narrow is what is left of a line
WRITTEN = 0.4  # of what is deep in a net: less of it in pieces like digits is something else
SPECK_PX = 10  # and so is one so small


def without_print(mask: NDArray[np.uint8], depth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take lines out of a mask that are fainter than what is written over them.

    Where the crests of all ink that hangs together over a good part of the picture are of two
    depths, the fainter ones are print. Its lines need not be straight, and no stroke is cut.

    Args:
        mask: uint8 (H, W), 1 on ink.
        depth: uint8 (H, W), how deep the ink is.

    Returns:
        uint8 (H, W); the same array where there is no such net, or all of it is as deep.
    """
    import cv2

    if not _goes_far(mask):
        return mask
    components = components_of(mask)
    extents = components.extents()
    nets = _nets(components, extents)
    if not nets.any():
        return mask
    square = np.ones((3, 3), np.uint8)
    net = components.where[components.per_pixel(nets.view(np.uint8)).view(np.bool_)]
    around = np.asarray(cv2.dilate(depth, square), np.uint8).ravel()[net]
    own = depth.ravel()[net]
    limit = _between(own[own == around])
    if limit is None:
        return mask
    above = cv2.threshold(depth, limit, 1, cv2.THRESH_BINARY)[1]
    deep = np.asarray(cv2.bitwise_and(mask, above), np.uint8)
    if not _is_writing(components_of(deep), components, nets):
        return mask  # the lines are deeper than the writing, or something else than writing is
    rest = np.asarray(cv2.bitwise_and(cv2.dilate(deep, square), mask), np.uint8)
    faint = _faint_writing(components, extents, nets, deep)
    rest.ravel()[components.where] |= components.per_pixel(faint.view(np.uint8))
    return rest


def _goes_far(mask: NDArray[np.uint8]) -> bool:
    """Tell at a glance whether there may be a net: on most pages there is none.

    A hair line of 1 px between two rows that are looked at is missed.
    """
    import cv2

    look = cv2.dilate(np.ascontiguousarray(mask[::2, ::2]), np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(look, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    longest = max((max(cv2.boundingRect(outline)[2:]) for outline in outlines), default=0)
    return bool(longest >= FAR_SHARE * max(look.shape))


def _nets(components: Components, extents: Extents) -> NDArray[np.bool_]:
    """Mark labels, bool (largest label + 1,), of thin ink that goes far."""
    found = np.zeros(int(components.owner.max(initial=0)) + 1, np.bool_)
    ids, boxes, area = extents
    size = boxes[:, 2:] - boxes[:, :2]
    far = size.max(1) >= FAR_SHARE * max(components.labels.shape)
    far &= area < NET_FILL * np.maximum(size, LINE_PX / NET_FILL).prod(axis=1)
    found[ids[far]] = True
    return found


def _between(crests: NDArray[np.uint8]) -> float | None:
    """Give the depth that parts print from ink; None where all is of one kind.

    Args:
        crests: uint8 (N,), depths in the middle of lines and strokes.

    Source: N. Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979.
    """
    import cv2

    if len(crests) < 2 * LEAST_CRESTS:
        return None
    limit, _ = cv2.threshold(crests.reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    kinds = crests[crests <= limit], crests[crests > limit]
    if min(map(len, kinds)) < LEAST_CRESTS:
        return None
    low, deep = (_percentiles(kind, (0.16, 0.5, 0.84)) for kind in kinds)
    spread = float(np.hypot(low[2] - low[0], deep[2] - deep[0])) / 2
    parted = deep[1] >= DEEPER * low[1] and deep[1] - low[1] >= APART * spread
    return float(limit) if parted else None


def _percentiles(levels: NDArray[np.uint8], ranks: Sequence[float]) -> NDArray[np.float64]:
    """Give the levels at some ranks in [0, 1] of many: NumPy's own takes several times as long."""
    reached = np.cumsum(np.bincount(levels))
    places = np.array(ranks) * (len(levels) - 1)
    low = np.searchsorted(reached, np.floor(places), side="right")
    high = np.searchsorted(reached, np.ceil(places), side="right")
    return np.asarray(low + (high - low) * (places - np.floor(places)), np.float64)


def _is_writing(deep: Components, components: Components, nets: NDArray[np.bool_]) -> bool:
    """Tell whether what is deep in nets is mostly writing: no net, no table and no sheet's side.

    Args:
        deep: what of the components is deep.
        components: all ink.
        nets: bool (largest label + 1,), which of them are nets.
    """
    extents = deep.extents()
    if _nets(deep, extents).any():
        return False
    ids, boxes, area = extents
    within = np.zeros(int(deep.owner.max(initial=0)) + 1, np.bool_)
    within[deep.owner] = nets[components.labels.ravel()[deep.where[deep.first]]]
    boxes, area = boxes[within[ids]], area[within[ids]]
    size, shape = boxes[:, 2:] - boxes[:, :2], deep.labels.shape
    like = (size.min(1) > BAR_ASPECT * size.max(1)) & (size.max(1) < FAR_SHARE * max(shape))
    like &= (boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < shape[::-1]).all(1)
    return bool(area[like].sum() >= WRITTEN * area.sum())


def _faint_writing(
    components: Components, extents: Extents, nets: NDArray[np.bool_], deep: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Mark labels of pieces as faint as print, apart from its net, that are no bits of a line."""
    ids, boxes, _ = extents
    size = boxes[:, 2:] - boxes[:, :2]
    keep = np.zeros(len(nets), np.bool_)
    keep[ids] = size.min(1) > BAR_ASPECT * size.max(1)
    keep[ids[size.max(1) < SPECK_PX]] = False
    keep[nets] = False
    inked = np.add.reduceat(deep.ravel()[components.where], components.first, dtype=np.intp)
    keep[components.owner[inked > 0]] = False
    return keep
