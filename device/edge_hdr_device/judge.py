"""Of the ways to read a picture, the one of which the classifier is surest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.classifier import Predictions
from edge_hdr_device.normalize import SIDE_PX, normalize
from edge_hdr_device.region import Region

CLEARLY = 0.1  # of the doubt about one digit: that about its parts is less, or it stays one
COMMON_ASPECT = 1.1  # width to height, up to which one digit is common
WIDER = 1.5  # what a width of one more height adds to `CLEARLY`, at most to 1

Way = tuple[Region, ...]  # the parts of a region, from left to right


@dataclass(frozen=True)
class Candidates:
    """All ways to read a picture, each part once, for one batch.

    Attributes:
        regions: of each region, the ways to read it; first the region itself.
        alone: the whole picture as one digit, where it is so small that it may be.
        rows: row of each part in `crops`, by the part's id.
        crops: uint8 (N, 28, 28), ink 255 on background 0.
    """

    regions: list[list[Way]]
    alone: Region | None
    rows: dict[int, int]
    crops: NDArray[np.uint8]


def candidates(regions: list[list[Way]], alone: Region | None = None) -> Candidates:
    """Normalize every part of every way once."""
    parts = {id(part): part for ways in regions for way in ways for part in way}
    if alone is not None:
        parts[id(alone)] = alone
    crops = np.zeros((len(parts), SIDE_PX, SIDE_PX), np.uint8)
    for row, part in enumerate(parts.values()):
        crops[row] = normalize(part.ink)
    return Candidates(regions, alone, {key: row for row, key in enumerate(parts)}, crops)


def surest(batch: Candidates, predictions: Predictions) -> list[tuple[Region, int]]:
    """Choose how to read a picture.

    A way is as sure as its least sure part. Fewer parts are preferred unless more are clearly
    surer: a digit's halves look like digits now and then. What is too wide for one digit counts
    only where all of its parts are accepted, as words are cut as well.

    Args:
        batch: what was classified.
        predictions: of each of its crops.

    Returns:
        The parts of the chosen ways in order, each with its row in the batch.
    """
    doubt = 1.0 - predictions.confidences.astype(np.float64)
    chosen = []
    for ways in batch.regions:
        way = ways[0]
        if len(ways) > 1:
            way = ways[best([_doubt(batch, doubt, one) for one in ways], ways)]
        rows = [batch.rows[id(part)] for part in way]
        if ways[0][0].single or (len(way) > 1 and predictions.accepted[rows].all()):
            chosen += list(zip(way, rows, strict=True))
    if batch.alone is not None:
        row = np.array([batch.rows[id(batch.alone)]])
        located = np.array([max((float(doubt[other]) for _, other in chosen), default=1.0)])
        if as_a_whole(doubt[row], located, np.array([len(chosen)]), predictions.accepted[row])[0]:
            return [(batch.alone, int(row[0]))]
    return chosen


def best(doubts: Sequence[float], ways: Sequence[Way]) -> int:
    """Choose among the ways to read a region.

    Args:
        doubts: of each way, 1 − the least confidence of its parts; 1 for what is no digit itself.
        ways: the region itself, then what it may be cut into, fewer parts first.

    Returns:
        The index of the way: more parts than another has are taken where their doubt is a share
        of the other's, a smaller one the narrower the region.
    """
    _, _, width, height = ways[0][0].box
    share = min(1.0, CLEARLY + WIDER * max(0.0, width / max(1, height) - COMMON_ASPECT))
    chosen = 0
    for index in range(1, len(ways)):
        needed = share if len(ways[index]) > len(ways[chosen]) else 1.0
        if doubts[index] < needed * doubts[chosen]:
            chosen = index
    return chosen


def _doubt(batch: Candidates, doubt: NDArray[np.float64], way: Way) -> float:
    return max(float(doubt[batch.rows[id(part)]]) if part.single else 1.0 for part in way)


def as_a_whole(
    doubt: NDArray[np.floating[Any]],
    located: NDArray[np.floating[Any]],
    found: NDArray[np.int64],
    accepted: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Tell which small pictures are one digit rather than those that were found in them.

    Args:
        doubt: float (N,), about each picture taken as one digit.
        located: float (N,), the largest about the digits found in it; any where there are none.
        found: int64 (N,), how many were found.
        accepted: bool (N,), whether the picture as one digit is accepted.

    Returns:
        bool (N,): it is accepted, and there is nothing else, or one find and more doubt about
        it, or several and far more doubt about them.
    """
    share = np.where(found == 1, 1.0, CLEARLY)
    return np.asarray(accepted & ((found == 0) | (doubt < share * located)), np.bool_)
