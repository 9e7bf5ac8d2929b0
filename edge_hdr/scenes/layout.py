"""Where everything that is written stands on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.patch import Patch

BINS = 32  # rows to a digit's height in which neighbours are kept apart
SPAN = 2.0  # heights of a digit, above and below the middle of a line, that are looked at
INK = 64

SMALLEST_PX, LARGEST_PX = 12.0, 600.0
USUAL_HEIGHT = (0.08, 0.24)  # of a digit, in sides of a square of the picture's area
TIGHTEST = 0.03  # between neighbours, in heights of a digit
FRAMED = 0.5  # between neighbours that stand in boxes


@dataclass(frozen=True)
class Sign:
    """What is to be written at one place of a line.

    Attributes:
        kind: "digit" or a key of `shapes.KINDS`.
        label: the digit; "" for anything else.
        starts: it begins a number or a word, with a wider gap before it.
    """

    kind: str
    label: str
    starts: bool


@dataclass(frozen=True)
class Placed:
    """A patch with its place on the page.

    Attributes:
        sign: what it is.
        patch: its ink.
        x: of its left edge, in page px.
        y: of its upper edge.
        line: number of its line.
        number: which number or word of the scene it belongs to.
    """

    sign: Sign
    patch: Patch
    x: float
    y: float
    line: int
    number: int

    def corners(self, margin: float = 0.0) -> NDArray[np.float64]:
        """Give the corners of its box on the page, float64 (4, 2), clockwise, (x, y)."""
        left, top = self.x - margin, self.y - margin
        right, low = self.x + self.patch.width + margin, self.y + self.patch.height + margin
        return np.array([[left, top], [right, top], [right, low], [left, low]])


def digit_height(
    levels: Mapping[str, float], size: tuple[int, int], rng: np.random.Generator
) -> float:
    """Draw the height of a digit, in px."""
    rows, columns = size
    low, high = USUAL_HEIGHT
    usual = low * (high / low) ** float(rng.random()) * float(np.sqrt(rows * columns))
    usual = max(min(usual, 0.45 * rows), SMALLEST_PX)
    most = min(LARGEST_PX, 0.8 * rows, 0.9 * columns)
    height = usual * (SMALLEST_PX / usual) ** levels.get("small", 0.0)
    return float(height * (most / height) ** levels.get("large", 0.0))


def compose(
    levels: Mapping[str, float],
    size: tuple[int, int],
    height_px: float,
    rng: np.random.Generator,
) -> list[list[Sign]]:
    """Draw what is written on each line.

    Args:
        levels: of the factors.
        size: rows and columns of the picture.
        height_px: of a digit.
        rng: source of the digits, of how many there are and of what stands between them.
    """
    rows, columns = size
    most_lines = max(1, int(0.85 * rows / (1.9 * height_px)))
    lines = min(most_lines, 1 + int(rng.geometric(0.45)))
    room = max(1, int(0.86 * columns / (1.0 * height_px)))
    per_line = int(rng.integers(1, 9)) if rng.random() < 0.8 else 1
    return [
        _write_line(levels, min(room, max(1, per_line + int(rng.integers(-1, 2)))), rng)
        for _ in range(lines)
    ]


def _write_line(levels: Mapping[str, float], count: int, rng: np.random.Generator) -> list[Sign]:
    """Draw a line of numbers with what stands between them, about `count` signs wide."""
    signs: list[Sign] = []
    left = int(rng.integers(1, 7))
    if rng.random() < levels.get("letters", 0.0):
        signs += _word(rng)
    starts = True
    for place in range(count):
        signs.append(Sign("digit", str(rng.integers(10)), starts))
        left -= 1
        starts = left <= 0
        if place == count - 1:
            break
        signs += _between(levels, starts, rng)
        if starts:
            left = int(rng.integers(1, 7))
    if rng.random() < 0.5 * levels.get("letters", 0.0):
        signs += _word(rng)
    return signs


def _between(levels: Mapping[str, float], gap: bool, rng: np.random.Generator) -> list[Sign]:
    """Draw what stands between two digits: nothing, a dot, or a sign between numbers."""
    dot, minus, operator = rng.random(3)
    if gap and minus < 0.8 * levels.get("minus", 0.0):
        return [Sign("minus", "", True)]
    if gap and operator < 0.8 * levels.get("operators", 0.0):
        return [Sign("operator", "", True)]
    if dot < 0.6 * levels.get("dots", 0.0):
        return [Sign("dot", "", False)]
    return []


def _word(rng: np.random.Generator) -> list[Sign]:
    return [Sign("letter", "", place == 0) for place in range(int(rng.integers(1, 5)))]


def place(
    lines: list[list[Sign]],
    patches: list[list[Patch]],
    *,
    levels: Mapping[str, float],
    height_px: float,
    line_px: float,
    rng: np.random.Generator,
) -> list[Placed]:
    """Put patches side by side on lines that rise or fall a little.

    Args:
        lines: the signs of each line.
        patches: the ink of each.
        levels: of the factors.
        height_px: of a digit.
        line_px: width of the pen's line.
        rng: source of gaps, slopes and what digits stand a little too high.
    """
    usual, between, pitch = rng.uniform(0.16, 0.5), rng.uniform(0.7, 1.6), rng.uniform(1.5, 2.3)
    gap = usual * (TIGHTEST / usual) ** levels.get("tight", 0.0)
    overlap = 0.7
    if levels.get("frames"):
        gap, overlap = max(gap, FRAMED), -FRAMED
    between = max(0.45, between * (0.6 if levels.get("tight", 0.0) > 0.5 else 1.0))
    touching = 0.5 * levels.get("touching", 0.0)
    indent = 0.4 * height_px * rng.standard_normal(len(lines))
    placed: list[Placed] = []
    number = -1
    for row, (signs, inks) in enumerate(zip(lines, patches, strict=True)):
        slope = 0.01 * rng.standard_normal()
        x, before = float(indent[row]), None
        for sign, patch in zip(signs, inks, strict=True):
            wobble, touch, loose = 0.03 * rng.standard_normal(), rng.random(), rng.lognormal(0, 0.2)
            number += sign.starts
            foot = row * pitch * height_px - slope * x + wobble * height_px
            top = _top(sign, patch, foot, height_px)
            profile = _profile(patch, top - row * pitch * height_px, height_px)
            if before is not None:
                apart = (between if sign.starts else gap) * height_px * loose
                close = touch < touching and sign.kind == "digit" and not sign.starts
                x = before.right_of(profile, -0.5 * line_px if close else apart, overlap)
            placed.append(Placed(sign, patch, x, top, row, number))
            before = profile.moved(x)
    return placed


def _top(sign: Sign, patch: Patch, foot: float, height_px: float) -> float:
    """Give the y of a patch's upper edge: digits stand on the line, signs where they belong."""
    if sign.kind in ("minus", "operator"):
        return foot - 0.5 * height_px - patch.height / 2.0
    if sign.kind == "dot" and patch.height < 0.45 * height_px:
        return foot - 0.6 * min(patch.height, 0.2 * height_px)
    return foot - patch.height


@dataclass(frozen=True)
class _Profile:
    """How far ink reaches in each row of a line, float64 (2 · SPAN · BINS,); NaN-free."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    width: float
    height_px: float

    def moved(self, x: float) -> _Profile:
        return _Profile(self.left + x, self.right + x, self.width, self.height_px)

    def right_of(self, other: _Profile, apart: float, overlap: float) -> float:
        """Give the x at which `other` is this far from the ink of this one.

        Their boxes overlap by that share of the narrower one at most; below 0 they are apart by
        that share of a digit's height at least.
        """
        free = float((other.left - self.right).min())
        if not np.isfinite(free):
            free = float(other.left.min() - self.right[np.isfinite(self.right)].max())
        most = overlap * (min(self.width, other.width) if overlap > 0 else self.height_px)
        edge = self.right[np.isfinite(self.right)].max()
        return max(apart - free, float(edge) - most)


def _profile(patch: Patch, top: float, height_px: float) -> _Profile:
    size = int(2 * SPAN * BINS)
    left, right = np.full(size, np.inf), np.full(size, -np.inf)
    ink = patch.ink >= INK
    rows = np.flatnonzero(ink.any(axis=1))
    first = ink[rows].argmax(axis=1) / patch.density
    last = (ink.shape[1] - ink[rows, ::-1].argmax(axis=1)) / patch.density
    bins = np.clip(((top + rows / patch.density) / height_px + SPAN) * BINS, 0, size - 1).astype(
        int
    )
    np.minimum.at(left, bins, first)
    np.maximum.at(right, bins, last)
    if not len(rows):
        left[:], right[:] = 0.0, patch.width
    return _Profile(left, right, patch.width, height_px)
