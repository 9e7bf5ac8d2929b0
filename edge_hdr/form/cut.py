"""Cut the boxes of a flat page: their printed frames taken out, empty and blackened ones told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_hdr.form.draw import LINE_MM
from edge_hdr.form.flat import FlatPage
from edge_hdr.form.layout import Box

State = Literal["written", "empty", "blackened", "outside", "repeated"]
NOTHING: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
AROUND_MM = (1.2, 0.9, 1.2, 1.2)  # left, top, right, bottom: cut beyond the frame, no prompt in it
FRAME_MM = LINE_MM / 2 + 0.2  # half of what is taken out: the line and what it moved
LINE_PERCENTILE = 65.0  # of what a line darkens along its length: strokes on it darken more
REST_SHARE = 0.6  # of a line's depth: what is fainter is the line, not ink
COARSE_PX = 4.0  # per mm: where ink is sought, coarse enough to even out the camera's noise
PAPER_MM = 5.0  # window of the closing that finds the paper: wider than a marker's stroke
QUANTILES_APART = 0.97  # of a normal distribution, from 5 % to 25 %, in its deviations
CALM_MM = 0.25  # deviation of the blur that parts thin strokes from noise
NOISE_FACTOR, LEAST_DEPTH = 6.0, 0.08  # ink is so much darker than its paper
LEAST_INK_MM = 1.8  # longer side of the smallest digit
LEAST_INK_MM2 = 0.5
BEYOND_MM = (0.7, 1.9)  # where the paper around a box is looked at, from its frame outward
BLACK_SHARE = 0.7  # of the paper's brightness
FILLED_SHARE = 0.75  # of a box so dark was blackened; no digit covers as much


@dataclass(frozen=True)
class CutBox:
    """One box of a page.

    Attributes:
        box: which one.
        state: whether there is a digit in it; "outside" where the photo does not show all of it,
            "repeated" where an earlier photo of the same paper has it written.
        image: uint8 (h, w) grey, the box with a margin, its frame taken out; (0, 0) if outside.
    """

    box: Box
    state: State
    image: NDArray[np.uint8]


def cut(page: FlatPage) -> list[CutBox]:
    """Cut all boxes of a page, row by row; of those outside the photo there is nothing to cut."""
    states = iter(_states(page))
    return [
        CutBox(box, next(states), _without_frame(page, edges))
        if inside
        else CutBox(box, "outside", NOTHING)
        for box, inside, edges in zip(page.layout.boxes, page.inside, page.frames, strict=True)
    ]


def _without_frame(page: FlatPage, edges: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Cut a box out and take its frame away."""
    outward = np.array([-1, -1, 1, 1])
    window = np.rint(edges + outward * np.array(AROUND_MM) * page.px_per_mm)
    limits = np.tile(page.image.shape[::-1], 2)
    left, top, right, bottom = np.clip(window, 0, limits).astype(int).tolist()
    crop = page.image[top:bottom, left:right].astype(np.float32)
    half = FRAME_MM * page.px_per_mm + page.blur_px
    x0, y0, x1, y1 = edges - (left, top, left, top)
    for at in (x0, x1):
        _erase(crop, at, half, (y0 - half, y1 + half))
    for at in (y0, y1):
        _erase(crop.T, at, half, (x0 - half, x1 + half))
    return np.clip(np.rint(crop), 0, 255).astype(np.uint8)


def _erase(crop: NDArray[np.float32], at: float, half: float, ends: tuple[float, float]) -> None:
    """Take a printed line out of the columns `at` ± `half`, in place, between the rows `ends`.

    What the line darkens is measured along all of it and added again, up to the paper beside it:
    a stroke across the line or on it stays. What is left of the line then is smoothed over.
    """
    first, last = max(0, int(np.floor(at - half))), int(np.ceil(at + half))
    last = min(crop.shape[1] - 1, last)
    low, high = max(0, int(np.floor(ends[0]))), int(np.ceil(ends[1])) + 1
    share = np.linspace(0, 1, last - first + 1, dtype=np.float32)
    band = crop[low:high, first : last + 1]
    bridge = band[:, :1] * (1 - share) + band[:, -1:] * share
    paper = np.maximum(band[:, :1], band[:, -1:])
    line = np.percentile(np.maximum(bridge - band, 0), LINE_PERCENTILE, axis=0).astype(np.float32)
    cleared = np.minimum(band + line, np.maximum(paper, band))
    rest = paper - cleared < REST_SHARE * line.max()
    band[:] = np.where(rest, np.maximum(bridge, cleared), cleared)


def _states(page: FlatPage) -> list[State]:
    """Tell for each box inside the photo whether it is written in."""
    import cv2

    frames = page.frames[page.inside]
    if not len(frames):
        return []

    reduction = COARSE_PX / page.px_per_mm
    resized = cv2.resize(page.image, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA)
    coarse = np.asarray(resized, np.uint8)
    calm = cv2.GaussianBlur(coarse, (0, 0), CALM_MM * COARSE_PX)
    window = np.ones((int(PAPER_MM * COARSE_PX) | 1,) * 2, np.uint8)
    paper = np.maximum(cv2.morphologyEx(calm, cv2.MORPH_CLOSE, window), 1)
    depth = np.asarray(1 - calm.astype(np.float32) / paper, np.float32)
    half = FRAME_MM * page.px_per_mm + page.blur_px
    insides = [_within(reduction * edges, -reduction * half - 1) for edges in frames]
    light = np.array([np.percentile(depth[inside], (25, 5)) for inside in insides])
    noise = (light[:, 0] - light[:, 1]) / QUANTILES_APART
    least = light[:, 0] + np.maximum(
        LEAST_DEPTH, NOISE_FACTOR * np.maximum(noise, np.median(noise))
    )
    return [
        "blackened" if _is_black(coarse, inside, reduction * edges)
        else "written" if _has_ink(depth[inside] > enough)
        else "empty"
        for inside, enough, edges in zip(insides, least, frames, strict=True)
    ]  # fmt: skip


def _is_black(
    coarse: NDArray[np.uint8], inside: tuple[slice, slice], edges: NDArray[np.float64]
) -> bool:
    """Compare a box with the paper around its frame, on the reduced page."""
    outside = _within(edges, BEYOND_MM[1] * COARSE_PX)
    ring = np.ones(coarse.shape, bool)
    ring[_within(edges, BEYOND_MM[0] * COARSE_PX)] = False
    paper = np.percentile(coarse[outside][ring[outside]], 40)
    return bool(np.percentile(coarse[inside], 100 * FILLED_SHARE) < BLACK_SHARE * paper)


def _has_ink(mask: NDArray[np.bool_]) -> bool:
    """Tell whether a piece of ink in bool (h, w) is large enough for a digit."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    pieces = stats[1:]
    if not len(pieces):
        return False
    longer = pieces[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) / COARSE_PX
    area = pieces[:, cv2.CC_STAT_AREA] / COARSE_PX**2
    return bool(((longer >= LEAST_INK_MM) & (area >= LEAST_INK_MM2)).any())


def _within(edges: NDArray[np.float64], outward: float) -> tuple[slice, slice]:
    """Give the rows and columns within a frame that is widened by so many px, or narrowed."""
    left, top, right, bottom = edges + outward * np.array([-1, -1, 1, 1])
    return (
        slice(max(0, int(np.ceil(top))), int(bottom) + 1),
        slice(max(0, int(np.ceil(left))), int(right) + 1),
    )
