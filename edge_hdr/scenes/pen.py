"""The pen that a scene is written with: its line, its colour, how its ink lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.noise import field
from edge_hdr.scenes.patch import Patch

Color = tuple[int, int, int]

# BGR; blue and black ballpoint, black liner, pencil, blue-black ink, and some red, green, violet
PENS: tuple[Color, ...] = (
    (150, 60, 30), (120, 40, 25), (40, 36, 34), (22, 20, 20), (75, 72, 72), (90, 45, 35),
    (50, 40, 190), (60, 110, 30), (120, 40, 90),
)  # fmt: skip
PEN_CHANCES = (0.2, 0.13, 0.18, 0.16, 0.15, 0.1, 0.04, 0.02, 0.02)
MARKERS: tuple[Color, ...] = ((30, 26, 26), (170, 60, 30), (50, 40, 200), (70, 120, 20))
CHALKS: tuple[Color, ...] = ((238, 240, 240), (225, 232, 235), (150, 225, 240), (225, 215, 175))

USUAL_WIDTH = (0.075, 0.12)  # of a line, in heights of a digit
THIN_WIDTH, THICK_WIDTH = 0.03, 0.25
FAINTEST = 1.0 / 6.0


@dataclass(frozen=True)
class Pen:
    """What draws the ink.

    Attributes:
        color: BGR of its full ink.
        width: of its line, in heights of a digit.
        strength: share of the colour that shows, in (0, 1].
        dryness: 0 for solid lines, 1 for gaps and ragged edges.
    """

    color: Color
    width: float
    strength: float
    dryness: float


def choose_pen(levels: Mapping[str, float], rng: np.random.Generator) -> Pen:
    """Choose the pen that fits a scene's surface and factors."""
    pick, tone, spread = rng.random(), rng.random(), rng.random()
    colors, chances = PENS, np.cumsum(PEN_CHANCES)
    least_dry = 0.0
    if levels.get("blackboard"):
        colors, chances, least_dry = CHALKS, np.array([0.6, 0.8, 0.9, 1.0]), 0.35
    elif levels.get("whiteboard"):
        colors, chances = MARKERS, np.array([0.45, 0.7, 0.88, 1.0])
    color = colors[min(int(np.searchsorted(chances, pick)), len(colors) - 1)]
    low, high = USUAL_WIDTH
    width = low + (high - low) * spread
    width *= (THIN_WIDTH / width) ** levels.get("thin", 0.0)
    width *= (THICK_WIDTH / width) ** levels.get("thick", 0.0)
    return Pen(
        color=color,
        width=width,
        strength=(0.88 + 0.12 * tone) * FAINTEST ** levels.get("faint", 0.0),
        dryness=max(levels.get("dry", 0.0), least_dry),
    )


def dry_out(patch: Patch, pen: Pen, height_px: float, rng: np.random.Generator) -> Patch:
    """Take ink away where a dry pen leaves gaps, unevenly along and across the line."""
    if pen.dryness <= 0.0:
        return patch
    line = max(1.0, pen.width * height_px * patch.density)
    fine = field(patch.ink.shape[:2], rng, 0.3 * line)
    coarse = field(patch.ink.shape[:2], rng, 2.0 * line)
    gaps = np.clip(0.9 * fine + 0.6 * coarse - 1.5 + 1.3 * pen.dryness, 0.0, 1.0)
    left: NDArray[np.float64] = patch.ink * (1.0 - min(1.0, 1.2 * pen.dryness) * gaps)
    return Patch(left.astype(np.uint8), patch.density)
