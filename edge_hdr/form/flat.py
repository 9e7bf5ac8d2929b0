"""A photo's page laid flat: to scale, every box where the layout has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.form.find import FoundPage
from edge_hdr.form.layout import COLUMNS, Layout

SCALE_PX = (5.0, 12.0)  # px per mm of the flat page: a coarser photo is enlarged, a finer reduced
LEAST_REDUCTION = 0.7  # a photo that is hardly finer is not reduced first
CELL_PX = 12
SEARCH_MM = 2.2  # how far a box's frame may lie off, where the paper is bent
STRETCH_MM = 0.5  # how much a box's two sides may differ in that, or two neighbours
PROFILE_SHARE = 0.1  # of a frame's side left out at either end, where other lines join
SURE = 0.4  # of the page's typical frame: a fainter one says nothing of its place
AROUND_MM = 1.2  # of a box's surroundings that have to be in the photo: it is cut with them
SIDES = 3  # of a frame that have to be seen where the boxes around have theirs


@dataclass(frozen=True)
class FlatPage:
    """A page laid flat.

    Attributes:
        layout: what is on it.
        image: uint8 (H, W) grey, to scale.
        px_per_mm: of the image.
        blur_px: how far the photo's own pixels smear a line on it.
        frames: float64 (boxes, 4), left, top, right and bottom of each box's frame in px of it.
        inside: bool (boxes,), whether a box is wholly in the photo; of others nothing is known.
        sure: bool (boxes,), whether its frame was seen, where the boxes around have theirs.
    """

    layout: Layout
    image: NDArray[np.uint8]
    px_per_mm: float
    blur_px: float
    frames: NDArray[np.float64]
    inside: NDArray[np.bool_]
    sure: NDArray[np.bool_]


def flatten(image: NDArray[np.uint8], found: FoundPage) -> FlatPage:
    """Lay the page of a photo flat, and find each box by its own frame.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, the photo.
        found: where its page is.
    """
    import cv2

    from edge_hdr_device.ink import to_grey

    grey = to_grey(image)
    if found.mirrored:
        grey = np.ascontiguousarray(grey[:, ::-1])
    native = found.surface.px_per_mm
    scale = float(np.clip(native, *SCALE_PX))
    reduction = min(1.0, scale / native)
    if reduction > LEAST_REDUCTION:
        reduction = 1.0
    else:
        resized = cv2.resize(grey, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA)
        grey = np.asarray(resized, np.uint8)
    flat = _laid_flat(grey, found, scale, reduction)
    size = grey.shape[1] / reduction, grey.shape[0] / reduction
    inside = _inside(found, _edges_mm(found.layout), size)
    frames, sure = _frames(flat, found.layout, scale, inside)
    inside &= _inside(found, (frames + 0.5) / scale, size)
    return FlatPage(found.layout, flat, scale, scale / native, frames, inside, sure & inside)


def _edges_mm(layout: Layout) -> NDArray[np.float64]:
    """Give left, top, right and bottom of each box on the page, float64 (boxes, 4)."""
    return np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in layout.boxes])


def _inside(
    found: FoundPage, edges: NDArray[np.float64], size: tuple[float, float]
) -> NDArray[np.bool_]:
    """Tell of each box, float64 (boxes, 4) in mm, whether all of it is in a photo of `size` px."""
    wide = edges + AROUND_MM * np.array([-1, -1, 1, 1])
    corners = wide[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].reshape(-1, 2)
    places = found.surface.at(corners).reshape(-1, 4, 2)
    within = (places >= 0) & (places <= np.array(size) - 1)
    return np.asarray(within.all(axis=(1, 2)), np.bool_)


def _laid_flat(
    grey: NDArray[np.uint8], found: FoundPage, scale: float, reduction: float
) -> NDArray[np.uint8]:
    """Draw the page to scale, uint8 (H, W); what is outside the photo repeats its border."""
    import cv2

    width, height = (round(side * scale / CELL_PX) for side in found.layout.size)
    # the way to the photo is so smooth that it is computed for the middles of cells only
    columns, rows = ((np.arange(count) + 0.5) * CELL_PX / scale for count in (width, height))
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    places = (found.surface.at(points) + 0.5) * reduction - 0.5
    x, y = (
        cv2.resize(part.astype(np.float32), (CELL_PX * width, CELL_PX * height))
        for part in places.T.reshape(2, height, width)
    )
    flat = cv2.remap(grey, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def _frames(
    flat: NDArray[np.uint8], layout: Layout, scale: float, inside: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Find the four edges of each box's frame on the flat page, if it is inside the photo.

    Returns:
        float64 (boxes, 4) in px, and bool (boxes,), whether a frame was seen there.
    """
    import cv2

    reach, near = round(SEARCH_MM * scale), max(1, round(STRETCH_MM * scale))
    kernel = np.ones((2 * round(scale) + 1,) * 2, np.uint8)  # wider than any printed line
    dark = np.asarray(cv2.morphologyEx(flat, cv2.MORPH_BLACKHAT, kernel), np.uint8)
    expected = np.rint(_edges_mm(layout) * scale - 0.5)
    shifts, depths = np.zeros_like(expected), np.full_like(expected, np.nan)
    if not inside.any():
        return expected, inside
    for index in np.flatnonzero(inside):
        left, top, right, bottom = expected[index].astype(int).tolist()
        pairs = (
            (0, dark, (top, bottom), (left, right)),
            (1, dark.T, (left, right), (top, bottom)),
        )
        for first, field, ends, places in pairs:
            one, other = (_profile(field, ends, at, reach) for at in places)
            shifts[index, first::2], depths[index, first::2] = _pair(one, other, near)
    shifts, agrees = _smooth(shifts - reach, depths, layout.code.rows, near)
    return expected + shifts, agrees.sum(axis=1) >= SIDES


def _profile(
    dark: NDArray[np.uint8], ends: tuple[int, int], at: int, reach: int
) -> NDArray[np.float64]:
    """Give how dark the lines beside a column are, most of their length; float64 (2·reach + 1,)."""
    inset = round(PROFILE_SHARE * (ends[1] - ends[0]))
    strip = dark[ends[0] + inset : ends[1] - inset, at - reach : at + reach + 1]
    return np.asarray(np.median(strip, axis=0), np.float64)


def _pair(
    first: NDArray[np.float64], second: NDArray[np.float64], near: int
) -> tuple[list[int], list[float]]:
    """Find two opposite edges, at about the same place of their profiles, and how dark they are."""
    import cv2

    window = np.ones(2 * near + 1, np.uint8)
    wide = [cv2.dilate(line, window).ravel() for line in (first, second)]
    middle = int(np.argmax(wide[0] + wide[1] + 1e-3 * (first + second)))
    low = max(0, middle - near)
    found = [low + int(line[low : middle + near + 1].argmax()) for line in (first, second)]
    return found, [float(first[found[0]]), float(second[found[1]])]


def _smooth(
    shifts: NDArray[np.float64], depths: NDArray[np.float64], rows: int, near: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Keep what agrees with the boxes around, else take their median: paper bends smoothly.

    Args:
        shifts: float64 (boxes, 4) in px.
        depths: float64 (boxes, 4), how dark the line is there; NaN where nothing is known.
        rows: of boxes.
        near: how many px neighbours may differ.

    Returns:
        The shifts, and bool (boxes, 4), which were kept.
    """
    sure = depths >= SURE * np.nanmedian(depths, axis=0)
    grid = np.where(sure, shifts, np.nan).reshape(rows, COLUMNS, 4)
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    typical = _median(windows.reshape(-1, 4, 9))
    agrees = sure & (np.abs(shifts - typical) <= near)
    return np.asarray(np.where(agrees, shifts, typical), np.float64), agrees


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the median along the last axis of what is no NaN; 0 where all is."""
    ordered = np.sort(values, axis=-1)  # puts NaN last
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    places = np.concatenate((np.maximum(count - 1, 0) // 2, count // 2), axis=-1)
    middle = np.take_along_axis(ordered, places, axis=-1).mean(axis=-1)
    return np.asarray(np.nan_to_num(middle), np.float64)
