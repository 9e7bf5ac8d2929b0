"""Place the labels of points so that they can be read: none over another, none over a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DIRECTIONS, RINGS = 16, 14
FIRST_GAP, RING_STEP = 7.0, 10.0  # px
PASSES = 5
POINT_PX = 4.0  # radius of a point
MARGIN = 3.0  # px between labels, and around what they should not cover
# What a place's faults cost, in px of distance from the point that one would rather go.
OVERLAP, COVERED, CROSSED, STRUCK = 1000.0, 250.0, 80.0, 120.0
DISTURBED, MISLEADING, SKEWERED = 5.0, 40.0, 60.0


def place(points: Array, sizes: Array, area: Array, avoid: Array | None = None) -> Array:
    """Find a place for each label.

    Each label takes the cheapest of several rings of places around its point, given those of the
    others, over and over until nothing changes.

    Args:
        points: float64 (N, 2), x and y in px.
        sizes: float64 (N, 2), width and height of the labels in px.
        area: float64 (4,), left, bottom, right and top that no label may leave.
        avoid: float64 (M, 2), spots along lines that labels had better not cover.

    Returns:
        float64 (N, 2), centres of the labels in px.
    """
    lines = np.zeros((0, 2)) if avoid is None else avoid
    candidates = [_around(point, size, area) for point, size in zip(points, sizes, strict=True)]
    own = [_own_costs(*each, points, lines) for each in zip(points, sizes, candidates, strict=True)]
    crowd = np.linalg.norm(points[:, None] - points, axis=2).sum(axis=1)
    order = np.argsort(crowd, kind="stable")  # those with the least room first
    centres, placed = points.copy(), np.zeros(len(points), bool)
    for _ in range(PASSES):
        before = centres.copy()
        for at in order:
            others = placed.copy()
            others[at] = False
            costs = own[at] + _mutual_costs(
                (points[at], sizes[at], candidates[at]),
                (points[others], sizes[others], centres[others]),
            )
            centres[at] = candidates[at][int(np.argmin(costs))]
            placed[at] = True
        if np.array_equal(before, centres):
            break
    return centres


def _around(point: Array, size: Array, area: Array) -> Array:
    """List places around a point that lie in the area: float64 (K, 2), K > 0."""
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ways /= np.abs(ways).max(axis=1, keepdims=True)  # on a square: each ring stays clear
    gaps = FIRST_GAP + RING_STEP * np.arange(RINGS)
    centres = (point + ways * (size / 2 + gaps[:, None, None])).reshape(-1, 2)
    low, high = area[:2] + size / 2, area[2:] - size / 2
    inside = ((centres >= low) & (centres <= high)).all(axis=1)
    clipped = np.clip(centres, low, np.maximum(low, high))
    return np.asarray(centres[inside] if inside.any() else clipped)


def _own_costs(point: Array, size: Array, centres: Array, points: Array, lines: Array) -> Array:
    """Say what places cost by themselves.

    That is the distance, what they cover, other points that are closer, and other points on the
    line to the own.
    """
    distance = distance_px(point, size, centres)
    others = points[(points != point).any(axis=1)]
    closer = distance_px(others, size, centres[:, None]) < distance[:, None]
    boxes = np.full((len(others), 2), 2 * POINT_PX)
    return np.asarray(
        distance
        + COVERED * _covered(size, centres, points)
        + DISTURBED * _covered(size, centres, lines)
        + MISLEADING * closer.any(axis=1)
        + SKEWERED * _strikes(point, centres, others, boxes).sum(axis=1)
    )


def distance_px(points: Array, sizes: Array, centres: Array) -> Array:
    """Measure from points to the edges of labels, 0 inside; float64 (N,), arguments broadcast."""
    gaps = np.maximum(np.abs(centres - points) - sizes / 2, 0)
    return np.asarray(np.linalg.norm(gaps, axis=-1))


def _covered(size: Array, centres: Array, spots: Array) -> NDArray[np.int64]:
    """Count the spots that a label would cover at each place."""
    near = np.abs(centres[:, None] - spots) < size / 2 + MARGIN
    return np.asarray(near.all(axis=2).sum(axis=1))


def _mutual_costs(label: tuple[Array, Array, Array], others: tuple[Array, Array, Array]) -> Array:
    """Say what places cost beside labels that have one: overlaps and lines in the way.

    Args:
        label: its point (2,), size (2,) and places (K, 2).
        others: their points, sizes and centres, (J, 2) each.
    """
    (point, size, centres), (points, sizes, placed) = label, others
    near = np.abs(centres[:, None] - placed) < (size + sizes) / 2 + MARGIN
    crossed = _cross(point, centres[:, None], points, placed)
    struck = _strikes(point, centres, placed, sizes) + _strikes(points, placed, centres, size).T
    costs = OVERLAP * near.all(axis=2) + CROSSED * crossed + STRUCK * struck
    return np.asarray(costs.sum(axis=1))


def _cross(a: Array, b: Array, c: Array, d: Array) -> NDArray[np.bool_]:
    """Tell which lines from a to b cross which from c to d."""

    def left(p: Array, q: Array, r: Array) -> NDArray[np.bool_]:
        turn = (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]
        return np.asarray(turn > 0)

    return np.asarray((left(a, b, c) != left(a, b, d)) & (left(c, d, a) != left(c, d, b)))


def _strikes(starts: Array, ends: Array, centres: Array, sizes: Array) -> NDArray[np.bool_]:
    """Tell which lines run through which labels: bool (lines, labels)."""
    steps = np.linspace(0.1, 1, 10)[:, None, None]
    along = (1 - steps) * starts + steps * ends
    inside = np.abs(along[:, :, None] - centres) < sizes / 2
    return np.asarray(inside.all(axis=3).any(axis=0))
