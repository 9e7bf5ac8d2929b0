"""Read the table of allographs and turn each into matrices from control points to pen paths.

The table is `allographs.txt` beside this module; its head explains the notation. A mixture of an
allograph's poses is still the same allograph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

STEP = 0.045  # distance between two samples of a path, in heights of a digit
TYPICAL_LENGTH = 2.2  # of a digit's path, in heights of a digit
ROUNDING = 0.11  # how far a fast pen cuts a corner, in heights of a digit


@dataclass(frozen=True)
class Allograph:
    """One way of writing a digit, prepared for drawing many of it at once.

    Attributes:
        name: what it looks like, in words.
        weight: how often it is written among the digit's allographs, > 0, in any unit.
        poses: float64 (K, P, 2), control points in heights of a digit, y down, centre 0.
        strokes: for each stroke its slice of the control points.
        sharp: for each stroke float64 (S, P_stroke), control points to samples of the path.
        quick: as `sharp`, with corners and small turns cut as a fast pen does.
        fineness: factor on the width of the line; intricate digits are written larger, and the
            same pen is finer on them.
    """

    name: str
    weight: float
    poses: NDArray[np.float64]
    strokes: tuple[slice, ...]
    sharp: tuple[NDArray[np.float64], ...]
    quick: tuple[NDArray[np.float64], ...]
    fineness: float


@cache
def allographs() -> tuple[tuple[Allograph, ...], ...]:
    """Give the allographs of the digits 0 to 9, prepared once for the life of the process."""
    text = (files("edge_hdr.data") / "allographs.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    heads = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    digits: list[list[Allograph]] = [[] for _ in range(10)]
    for begin, end in pairwise([*heads, len(lines)]):
        digit, name, weight, aspect = (word.strip() for word in lines[begin].split(";"))
        poses = [line.strip() for line in lines[begin + 1 : end]]
        digits[int(digit)].append(_prepare(name, float(weight), float(aspect), poses))
    return tuple(tuple(ways) for ways in digits)


def parse(text: str) -> list[tuple[NDArray[np.float64], list[int]]]:
    """Read one pose.

    Args:
        text: strokes in this module's notation.

    Returns:
        For each stroke float64 (P, 2) on the grid of 100, and the indices of its corners.
    """
    strokes = []
    for stroke in text.split("|"):
        words = [word.strip() for word in stroke.split(",")]
        corners = [i for i, word in enumerate(words) if word.endswith("!")]
        points = [[float(v) for v in word.rstrip("!").split()] for word in words]
        strokes.append((np.array(points), corners))
    return strokes


def _prepare(name: str, weight: float, aspect: float, poses: list[str]) -> Allograph:
    parsed = [parse(pose) for pose in poses]
    scale = np.array([aspect, 1.0]) / 100.0
    stacked = np.stack([np.concatenate([points for points, _ in pose]) for pose in parsed])
    stacked = (stacked - 50.0) * scale
    slices, sharp, quick, start = [], [], [], 0
    for points, corners in parsed[0]:
        part = slice(start, start + len(points))
        matrix = path_matrix(stacked[:, part].mean(axis=0), corners)
        slices.append(part)
        sharp.append(matrix)
        quick.append(_cut_corners(len(matrix)) @ matrix)
        start = part.stop
    length = STEP * sum(len(matrix) - 1 for matrix in sharp)
    fineness = (TYPICAL_LENGTH / length) ** 0.15
    return Allograph(name, weight, stacked, tuple(slices), tuple(sharp), tuple(quick), fineness)


def path_matrix(points: NDArray[np.float64], corners: list[int]) -> NDArray[np.float64]:
    """Give the matrix that turns control points into evenly spaced samples of a smooth path.

    Args:
        points: float64 (P, 2), P ≥ 2, typical control points; they set the spacing only.
        corners: indices of the points at which the direction may jump.

    Returns:
        float64 (S, P), rows that add up to 1.

    Source: cubic Hermite spline with the tangents of a centripetal Catmull-Rom spline
    (Yuksel, Schaefer, Keyser 2011).
    """
    count = len(points)
    length = np.maximum(np.linalg.norm(np.diff(points, axis=0), axis=1), 1e-3)
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(length))])
    identity = np.eye(count)
    slope = np.diff(identity, axis=0) / np.diff(knots)[:, None]
    rows = []
    for i in range(count - 1):
        gap = knots[i + 1] - knots[i]
        leave = slope[i] if i == 0 or i in corners else _tangent(slope, knots, i)
        last = i + 2 == count or i + 1 in corners
        arrive = slope[i] if last else _tangent(slope, knots, i + 1)
        t = np.arange(max(2, round(length[i] / STEP)))[:, None] / max(2, round(length[i] / STEP))
        rows.append(
            (2 * t**3 - 3 * t**2 + 1) * identity[i]
            + (t**3 - 2 * t**2 + t) * gap * leave
            + (3 * t**2 - 2 * t**3) * identity[i + 1]
            + (t**3 - t**2) * gap * arrive
        )
    return np.concatenate([*rows, identity[-1:]])


def _tangent(slope: NDArray[np.float64], knots: NDArray[np.float64], i: int) -> NDArray[np.float64]:
    """Weigh the slopes on both sides of an inner knot, the nearer one more."""
    before, after = knots[i] - knots[i - 1], knots[i + 1] - knots[i]
    weighted: NDArray[np.float64] = (after * slope[i - 1] + before * slope[i]) / (before + after)
    return weighted


def _cut_corners(count: int) -> NDArray[np.float64]:
    """Give the (S, S) matrix that smooths a path and keeps its two ends where they are."""
    index = np.arange(count)
    reach = np.minimum(np.minimum(index, count - 1 - index) + 0.3, ROUNDING / STEP)[:, None]
    kernel = np.exp(-0.5 * ((index[:, None] - index[None, :]) / reach) ** 2)
    smooth: NDArray[np.float64] = kernel / kernel.sum(axis=1, keepdims=True)
    return smooth
