"""Marks that pens make around digits: lines through them, underlines, boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from edge_hdr.scenes.layout import Placed
from edge_hdr.scenes.pose import Points

CELL = 0.22  # from a digit to the box around it, in heights of a digit


@dataclass(frozen=True)
class Mark:
    """A line of the pen.

    Attributes:
        kind: "struck", "underline" or "frame".
        path: float64 (N, 2), on the page.
        share: of the width of the pen's line.
    """

    kind: str
    path: Points
    share: float


def draw_marks(
    levels: Mapping[str, float],
    placed: Sequence[Placed],
    height_px: float,
    rng: np.random.Generator,
) -> list[Mark]:
    """Draw the marks of a scene: on as many lines, numbers and digits as the levels say."""
    digits = [item for item in placed if item.sign.kind == "digit"]
    rngs = rng.spawn(3)
    return [
        *_frames(levels.get("frames", 0.0), digits, height_px, rngs[0]),
        *_underlines(levels.get("underline", 0.0), digits, height_px, rngs[1]),
        *_struck(levels.get("struck", 0.0), digits, height_px, rngs[2]),
    ]


def _frames(
    level: float, digits: Sequence[Placed], height_px: float, rng: np.random.Generator
) -> Iterator[Mark]:
    """Draw boxes by hand or as printed, around single digits or in one row of cells."""
    if level <= 0.0:
        return
    wobble = height_px * rng.choice([0.0, 0.02])
    share, cell = rng.uniform(0.3, 1.0), CELL * rng.uniform(0.75, 1.1) * height_px
    for item in digits:
        if rng.random() > level:
            continue
        corners = item.corners(cell)
        closed = np.concatenate([corners, corners[:1]])
        yield Mark("frame", _by_hand(closed, wobble, rng), share)


def _underlines(
    level: float, digits: Sequence[Placed], height_px: float, rng: np.random.Generator
) -> Iterator[Mark]:
    """Draw lines below numbers, near or a little into the digits' feet."""
    if level <= 0.0:
        return
    share, below = rng.uniform(0.5, 1.1), rng.uniform(0.05, 0.35)
    for _, group in groupby(digits, key=lambda item: (item.line, item.number)):
        corners = np.concatenate([item.corners(0.15 * height_px) for item in group])
        drawn, lift = rng.random() < level, 0.05 * rng.standard_normal(2)
        if drawn:
            (left, _), (right, low) = corners.min(axis=0), corners.max(axis=0)
            y = low + (below - 0.15 + lift) * height_px
            ends = np.array([[left, y[0]], [right, y[1]]])
            yield Mark("underline", _by_hand(ends, 0.015 * height_px, rng), share)


def _struck(
    level: float, digits: Sequence[Placed], height_px: float, rng: np.random.Generator
) -> Iterator[Mark]:
    """Draw lines through whole lines of digits, at any of their heights."""
    if level <= 0.0:
        return
    share = rng.uniform(0.4, 0.9)
    for _, group in groupby(digits, key=lambda item: item.line):
        corners = np.concatenate([item.corners(0.3 * height_px) for item in group])
        drawn, height, lean = rng.random() < level, rng.uniform(0.25, 0.75), rng.normal(0.0, 0.1)
        if drawn:
            (left, top), (right, low) = corners.min(axis=0), corners.max(axis=0)
            y = top + height * (low - top) + np.array([-lean, lean]) * height_px
            ends = np.array([[left, y[0]], [right, y[1]]])
            yield Mark("struck", _by_hand(ends, 0.01 * height_px, rng), share)


def _by_hand(points: Points, wobble: float, rng: np.random.Generator) -> Points:
    """Divide a path and move its points as a hand does, its ends a little too."""
    pieces = [
        start + np.linspace(0.0, 1.0, 6, endpoint=False)[:, None] * (end - start)
        for start, end in pairwise(points)
    ]
    path = np.concatenate([*pieces, points[-1:]])
    return path + wobble * rng.standard_normal(path.shape)
