"""Of the ways to read a picture, the one that the classifier finds the most probable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.classifier import Predictions
from edge_hdr_device.normalize import SIDE_PX, normalize
from edge_hdr_device.region import Region, box_of_ink
from edge_hdr_device.touching import cuts

CLEARLY = 0.1  # of the doubt about several finds: that about the whole picture is less
SURE = 0.99  # confidence from which on a region is one digit, and no cut is tried
PART_COST = 0.4  # nats for each part: one digit is commoner than two that touch
NARROW_COST = 4.0  # nats a part more, for each height that a region is narrower than high
ACCEPTED_SHARE = 0.6  # of the parts of a region at least: else it is no row of digits
LEAST_CONFIDENCE = 1e-6  # what is less counts as this

Way = tuple[Region, ...]  # the parts of a region, from left to right


@dataclass(frozen=True)
class Candidates:
    """Ways to read a picture, each part once, for a batch.

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


def candidates(regions: Sequence[Sequence[Way]], alone: Region | None = None) -> Candidates:
    """Normalize every part of every way once."""
    parts = {id(part): part for ways in regions for way in ways for part in way}
    if alone is not None:
        parts[id(alone)] = alone
    crops = _normalized(list(parts.values()))
    return Candidates(
        [list(ways) for ways in regions], alone, {key: row for row, key in enumerate(parts)}, crops
    )


def _normalized(parts: list[Region]) -> NDArray[np.uint8]:
    crops = np.zeros((len(parts), SIDE_PX, SIDE_PX), np.uint8)
    for row, part in enumerate(parts):
        crops[row] = normalize(part.ink)
    return crops


def with_cuts(batch: Candidates, predictions: Predictions) -> Candidates:
    """Add the ways to cut each region that the classifier does not take for one digit.

    Args:
        batch: regions as they were found, each with one way.
        predictions: of each of its crops.

    Returns:
        The same candidates with more ways; the crops of new parts stand behind the others. The
        same object where nothing is doubted.
    """
    regions = []
    for ways in batch.regions:
        (whole,) = ways[0]
        sure = whole.single and predictions.confidences[batch.rows[id(whole)]] >= SURE
        regions.append(ways if sure else [*ways, *cuts(whole)])
    parts = {id(part): part for ways in regions for way in ways[1:] for part in way}
    if not parts:
        return batch
    crops = _normalized(list(parts.values()))
    rows = {key: row for row, key in enumerate(parts, start=len(batch.crops))}
    return replace(
        batch, regions=regions, rows=batch.rows | rows, crops=np.concatenate((batch.crops, crops))
    )


def surest(batch: Candidates, predictions: Predictions) -> list[tuple[Region, int]]:
    """Choose how to read a picture.

    Of the ways to read a region the most probable is taken, its parts being independent, unless
    most of its parts are rejected: words and patterns are cut as well.

    Args:
        batch: what was classified.
        predictions: of each of its crops.

    Returns:
        The parts of the chosen ways in order, each with its row in the batch.
    """
    chosen = []
    for ways in batch.regions:
        way = ways[0]
        if len(ways) > 1:
            way = ways[best([_likelihood(batch, predictions, one) for one in ways], ways)]
        if way[0].single:
            chosen += [(part, batch.rows[id(part)]) for part in way]
    if batch.alone is not None:
        doubt = 1.0 - predictions.confidences.astype(np.float64)
        row = np.array([batch.rows[id(batch.alone)]])
        located = np.array([max((float(doubt[other]) for _, other in chosen), default=1.0)])
        if as_a_whole(doubt[row], located, np.array([len(chosen)]), predictions.accepted[row])[0]:
            return [(batch.alone, int(row[0]))]
    return chosen


def best(likelihoods: Sequence[float], ways: Sequence[Way]) -> int:
    """Choose among the ways to read a region.

    Args:
        likelihoods: of each way, in nats; −∞ for what is not to be taken.
        ways: the region itself, then what it may be cut into, fewer parts first.

    Returns:
        The index of the most probable way, where each part has its cost, the more, the narrower
        the region is.
    """
    left, top, right, bottom = box_of_ink(ways[0][0].ink)
    narrow = max(0.0, 1.0 - (right - left) / max(1, bottom - top))
    cost = PART_COST + NARROW_COST * narrow
    scores = [value - cost * len(way) for value, way in zip(likelihoods, ways, strict=True)]
    return int(np.argmax(scores))


def _likelihood(batch: Candidates, predictions: Predictions, way: Way) -> float:
    """Give the logarithm of the probability that all parts of a way are what they are read as."""
    rows = [batch.rows[id(part)] for part in way]
    several = len(way) > 1
    if several and predictions.accepted[rows].mean() < ACCEPTED_SHARE:
        return -np.inf
    if not (several or way[0].single):
        return -np.inf
    confidences = predictions.confidences[rows].astype(np.float64)
    return float(np.log(np.maximum(confidences, LEAST_CONFIDENCE)).sum())


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
