"""Digits that touch: where a region may be cut into several, for the classifier to judge."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.normalize import INK_LEVEL
from edge_hdr_device.region import Region, box_of_ink

WIDE = 0.85  # width to height: what is narrower is not looked at
HEIGHT_PX = 32  # of the reduction on which cuts are looked for
SWING_PX = 4  # how far a cut may stray from the upright, on the reduction
SLANTS = (0.0, 0.25, 0.5)  # px aside for each px up: how a cut may lean
STEP_PX = 3  # from one place where a cut is tried to the next, on the reduction
APART_PX = 2.5  # two cuts closer than this, on the mean, are one
LEAST_PART = 0.14  # width of the narrowest part, in heights
LOWEST_PART = 0.5  # height of the lowest part, in heights
WIDEST_PART = 1.15  # width of the widest part, in heights
PART_WIDTH = 0.65  # of a common digit, in heights: how many may stand in a width
MOST_PARTS = 6
MOST_SEAMS = 9  # of a region
SEAMS_PER_HEIGHT = 4.5  # of a wide region: how many in a width of its height
MOST_HYPOTHESES = 15  # of each number of parts
STEP_COST = 0.03  # of a px of paper; a px of full ink costs 1
HOLE_COST = 0.15  # of a px of paper that ink encloses: a cut rarely goes through a loop
HOLE_LEVEL = 96  # of 255: lighter ink encloses nothing
WAIST = 0.5  # of the height: a cut this short goes between round digits, if it is any
WAIST_COST = 0.2  # of a px of a waist
BEND_COST = 0.06  # of a px aside
LIKELY = 30.0  # a normalized cut beyond this goes through too much ink where a region is narrow
LIKELIER = 60.0  # what a width of one more height adds to that
LEAST_PIECE = 0.08  # of the largest piece of a part: smaller ones are the neighbour's remains


def cuts(region: Region) -> list[tuple[Region, ...]]:
    """Give the ways to read a region as several digits that touch.

    A cut runs from top to bottom where it meets the least ink. Most regions are too narrow for two
    digits: they have none, and that costs next to nothing.

    Args:
        region: what `locate` gave.

    Returns:
        Hypotheses, those that cut the least ink first among those of as many parts; each two parts
        or more from left to right. Hypotheses share parts: the same object stands for the same
        part.
    """
    left, top, right, bottom = box_of_ink(region.ink)
    width, height = right - left, bottom - top
    if height < 8 or width < WIDE * height:
        return []
    seams = _seams(region.ink[top:bottom, left:right])
    parts = _Parts(region, (left, top, right, bottom), seams.columns)
    found: list[tuple[Region, ...]] = []
    for choices in _choices(seams, width / height):
        hypotheses = (parts.between(chosen) for chosen in choices)
        found += islice(filter(None, hypotheses), MOST_HYPOTHESES)
    return found


@dataclass(frozen=True)
class _Seams:
    """Cuts from top to bottom, from left to right, on a reduction to `HEIGHT_PX` rows.

    Attributes:
        columns: float64 (N, 32), the column of each cut in each row.
        costs: float64 (N,), the ink that it meets, in px, and a little for its way.
        before: float64 (N,), share of all ink that lies left of it.
    """

    columns: NDArray[np.float64]
    costs: NDArray[np.float64]
    before: NDArray[np.float64]


class _Parts:
    """The parts of a region between its seams, each made once."""

    def __init__(
        self, region: Region, box: tuple[int, int, int, int], seams: NDArray[np.float64]
    ) -> None:
        self._region = region
        self._box = box
        left, top, _right, bottom = box
        rows = (np.arange(bottom - top) + 0.5) * HEIGHT_PX / (bottom - top) - 0.5
        steps = np.arange(HEIGHT_PX)
        scale = (bottom - top) / HEIGHT_PX
        self._seams = [left + np.interp(rows, steps, seam + 0.5) * scale for seam in seams]
        self._made: dict[tuple[int, int], Region | None] = {}

    def between(self, chosen: tuple[int, ...]) -> tuple[Region, ...]:
        """Give the parts that some seams leave; none where one would be no digit's size."""
        ends = (-1, *chosen, -2)
        parts = []
        for pair in pairwise(ends):
            if pair not in self._made:
                self._made[pair] = self._make(*pair)
            part = self._made[pair]
            if part is None:
                return ()
            parts.append(part)
        return tuple(parts)

    def _make(self, first: int, last: int) -> Region | None:
        """Cut out what lies between two seams; −1 and −2 stand for the sides."""
        left, top, right, bottom = self._box
        columns = np.arange(left, right)[None, :] + 0.5
        inside = np.ones((bottom - top, right - left), np.bool_)
        if first >= 0:
            inside &= columns >= self._seams[first][:, None]
        if last >= 0:
            inside &= columns < self._seams[last][:, None]
        ink = _main_pieces(self._region.ink[top:bottom, left:right] * inside)
        x0, y0, x1, y1 = box_of_ink(ink)
        height = bottom - top
        if y1 - y0 < LOWEST_PART * height or x1 - x0 > WIDEST_PART * height:
            return None
        margin = np.zeros((y1 - y0 + 2, x1 - x0 + 2), np.uint8)
        margin[1:-1, 1:-1] = ink[y0:y1, x0:x1]
        return self._region.part(margin, left + x0 - 1, top + y0 - 1)


def _main_pieces(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leave out pieces that are small beside the largest."""
    import cv2

    mask = (ink >= INK_LEVEL).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 2:
        return ink
    area = stats[1:, cv2.CC_STAT_AREA]
    small = np.flatnonzero(area < LEAST_PIECE * area.max()) + 1
    if not len(small):
        return ink
    return np.where(np.isin(labels, small), np.uint8(0), ink)


def _choices(seams: _Seams, aspect: float) -> list[list[tuple[int, ...]]]:
    """List, for each number of parts, which seams to cut at, the best balanced first."""
    width = aspect * HEIGHT_PX
    most = min(MOST_PARTS, max(2, round(aspect / PART_WIDTH + 0.4)))
    least = max(2, int(np.ceil(aspect / WIDEST_PART)))
    limit = LIKELY + LIKELIER * (aspect - WIDE)
    middles = seams.columns[:, HEIGHT_PX // 2]
    chosen = []
    for parts in range(least, most + 1):
        some = []
        for group in combinations(range(len(middles)), parts - 1):
            edges = np.array([0.0, *middles[list(group)], width])
            widths = np.diff(edges) / HEIGHT_PX
            if widths.min() >= LEAST_PART and widths.max() <= WIDEST_PART:
                some.append((_unlikely(seams, list(group)), group))
        chosen.append([group for cost, group in sorted(some) if cost <= limit * (parts - 1)])
    return chosen


def _unlikely(seams: _Seams, group: list[int]) -> float:
    """Give what cuts cost, each weighed by how little ink it parts: a normalized cut.

    Source: J. Shi, J. Malik, Normalized Cuts and Image Segmentation, 2000.
    """
    shares = np.diff([0.0, *seams.before[group], 1.0]) * (len(group) + 1)
    weight = 1 / np.maximum(shares, 0.02)
    return float((seams.costs[group] * (weight[:-1] + weight[1:])).sum())


def _seams(ink: NDArray[np.uint8]) -> _Seams:
    """Find the cheapest cuts from top to bottom through the box uint8 (h, w) of a region's ink."""
    import cv2

    height, width = ink.shape
    size = (max(1, round(width * HEIGHT_PX / height)), HEIGHT_PX)
    interpolation = cv2.INTER_AREA if height > HEIGHT_PX else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(ink, size, interpolation=interpolation), np.uint8)
    least = LEAST_PART * HEIGHT_PX
    centres = np.tile(np.arange(least, size[0] - least, STEP_PX).astype(np.intp), len(SLANTS))
    lean = np.repeat(np.array(SLANTS), len(centres) // len(SLANTS))
    rows = np.arange(HEIGHT_PX)
    start = centres + np.rint(lean * (HEIGHT_PX / 2 - rows[:, None])).astype(np.intp) - SWING_PX
    columns = start[:, :, None] + np.arange(2 * SWING_PX + 1)
    inside = (columns >= 0) & (columns < size[0])
    price = _price(small)[rows[:, None, None], np.clip(columns, 0, size[0] - 1)]
    costs, paths = _cheapest(np.where(inside, price, np.float32(STEP_COST)))
    straight, waists = _waists(small)
    paths = np.vstack((paths + start.T, straight))
    costs = np.append(costs, waists)
    sums = np.cumsum(np.hstack((np.zeros((HEIGHT_PX, 1)), small)), axis=1)
    before = sums[rows, np.clip(paths, 0, size[0])].sum(1) / max(1.0, sums[:, -1].sum())
    most = max(MOST_SEAMS, round(SEAMS_PER_HEIGHT * size[0] / HEIGHT_PX))
    keep = _apart(costs, before, paths, most)
    return _Seams(paths[keep].astype(np.float64), costs[keep], before[keep])


def _waists(small: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find straight cuts where round digits lean on each other: short, however much ink they meet.

    Returns:
        intp (N, 32), the column of each cut in each row; float64 (N,), what it counts for.
    """
    width = small.shape[1]
    rows = np.arange(HEIGHT_PX)
    found, costs = [], []
    for lean in SLANTS:
        aside = np.rint(lean * (HEIGHT_PX / 2 - rows)).astype(np.intp)
        columns = np.arange(width)[:, None] + aside
        inked = (small[rows, np.clip(columns, 0, width - 1)] >= INK_LEVEL) & (columns < width)
        inked &= columns >= 0
        first, last = inked.argmax(1), HEIGHT_PX - 1 - inked[:, ::-1].argmax(1)
        extent = np.where(inked.any(1), last - first + 1, 0)
        padded = np.pad(extent, 3, constant_values=0)
        around = np.stack((padded[:-6], padded[6:])).min(0)
        short = np.flatnonzero((extent > 0) & (extent <= WAIST * HEIGHT_PX) & (around > extent + 4))
        found.append(columns[short])
        costs.append(WAIST_COST * extent[short])
    return np.vstack(found), np.concatenate(costs)


def _price(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give what a cut pays in each px, float32 (h, w): for ink, and in a digit's hole."""
    import cv2

    open_paper = cv2.copyMakeBorder((small < HOLE_LEVEL).view(np.uint8), 1, 1, 1, 1, 0, value=1)
    cv2.floodFill(open_paper, None, (0, 0), 2, flags=4)
    price = small.astype(np.float32) / 255 + np.float32(STEP_COST)
    price[open_paper[1:-1, 1:-1] == 1] += HOLE_COST
    return np.asarray(price, np.float32)


def _apart(
    costs: NDArray[np.float64], before: NDArray[np.float64], paths: NDArray[np.intp], most: int
) -> NDArray[np.intp]:
    """Keep the most likely of the seams that lie apart, from left to right."""
    weight = 1 / np.maximum(before, 0.02) + 1 / np.maximum(1 - before, 0.02)
    kept: list[int] = []
    for index in np.argsort(costs * weight, kind="stable").tolist():
        if not kept or np.abs(paths[kept] - paths[index]).mean(1).min() >= APART_PX:
            kept.append(index)
        if len(kept) >= most:
            break
    return np.array(sorted(kept, key=lambda index: before[index]), np.intp)


def _cheapest(price: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Find the cheapest way down through each of K windows.

    Args:
        price: float32 (rows, K, columns), of each px.

    Returns:
        float64 (K,), what the way costs; intp (K, rows), its columns.
    """
    rows, count, columns = price.shape
    total = price[0].copy()
    came = np.zeros((rows, count, columns), np.int8)
    ways = np.full((3, count, columns), np.inf, np.float32)
    for row in range(1, rows):
        ways[0, :, 1:] = total[:, :-1] + BEND_COST
        ways[1] = total
        ways[2, :, :-1] = total[:, 1:] + BEND_COST
        came[row] = ways.argmin(axis=0) - 1
        total = ways.min(axis=0) + price[row]
    paths = np.zeros((count, rows), np.intp)
    paths[:, -1] = total.argmin(axis=1)
    every = np.arange(count)
    for row in range(rows - 1, 0, -1):
        paths[:, row - 1] = paths[:, row] + came[row, every, paths[:, row]]
    return total.min(axis=1).astype(np.float64), paths
