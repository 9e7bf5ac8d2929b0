"""Procedural handwriting: digits as pen strokes, and labelled splits made of them.

The embedded data set for a machine without a network, and the source of written sheets. The
strokes are vectors; `edge_hdr.data.render` turns them into ink.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.allographs import Allograph, allographs
from edge_hdr.data.dataset import DIGITS, Split
from edge_hdr.data.hand import Hands, draw_hands, trace
from edge_hdr.data.render import draw_ink, rasterize

CHUNK = 512  # digits that share a random stream; part of what a seed means
HEIGHT_PX = (72, 104)  # of the drawing that `normalize` reduces to 20 px


@dataclass(frozen=True)
class Stroke:
    """One path of the pen, from where it comes down to where it lifts.

    Attributes:
        points: float64 (S, 2), x to the right and y down, in heights of a digit.
        widths: float64 (S,), width of the line at each point, in heights of a digit.
    """

    points: NDArray[np.float64]
    widths: NDArray[np.float64]


@dataclass(frozen=True)
class Glyph:
    """One written digit.

    Attributes:
        digit: 0 to 9.
        allograph: the way it is written, in words.
        strokes: in the order of writing; an undistorted digit reaches from y = −0.5 to 0.5.
    """

    digit: int
    allograph: str
    strokes: tuple[Stroke, ...]

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the lowest and the highest x and y of the ink, each float64 (2,)."""
        low = [(s.points - s.widths[:, None] / 2).min(axis=0) for s in self.strokes]
        high = [(s.points + s.widths[:, None] / 2).max(axis=0) for s in self.strokes]
        return np.min(low, axis=0), np.max(high, axis=0)


def sample_glyph(digit: int, rng: np.random.Generator) -> Glyph:
    """Write a digit once, with a hand and an allograph drawn at random.

    Args:
        digit: 0 to 9.
        rng: the only source of randomness.
    """
    return write_glyphs(digit, pick_allographs(digit, 1, rng), draw_hands(rng, 1), rng)[0]


def write_glyphs(
    digit: int, choice: NDArray[np.int64], hands: Hands, rng: np.random.Generator
) -> list[Glyph]:
    """Write a digit once with each hand.

    Args:
        digit: 0 to 9.
        choice: int64 (B,), the allograph that each hand uses, as an index into the digit's.
        hands: B writers.
        rng: source of what differs from one digit to the next.
    """
    glyphs: dict[int, Glyph] = {}
    for kind, allograph in enumerate(allographs()[digit]):
        index = np.flatnonzero(choice == kind)
        if len(index):
            written = _write(digit, allograph, hands.take(index), rng)
            glyphs.update(zip(index.tolist(), written, strict=True))
    return [glyphs[i] for i in range(len(choice))]


def pick_allographs(digit: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw allographs of a digit by their weights, int64 (count,)."""
    weights = np.array([allograph.weight for allograph in allographs()[digit]])
    return rng.choice(len(weights), size=count, p=weights / weights.sum())


def make_split(n: int, *, seed: int, workers: int | None = None) -> Split:
    """Make a labelled split of normalized digits.

    Args:
        n: how many, ≥ 0; the classes differ by one at most.
        seed: the same seed and `n` give the same bytes, whatever `workers` is.
        workers: threads; all processors when None.

    Returns:
        Shuffled images, uint8 (n, 28, 28), ink 255, and labels 0 to 9.
    """
    labels = np.arange(n, dtype=np.int64) % len(DIGITS)
    np.random.default_rng([seed, n]).shuffle(labels)
    parts = [labels[start : start + CHUNK] for start in range(0, n, CHUNK)]
    streams = np.random.SeedSequence(seed).spawn(len(parts))
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        images = list(pool.map(_draw_chunk, parts, streams))
    empty = np.zeros((0, 28, 28), np.uint8)
    return Split(np.concatenate([empty, *images]), labels)


def _draw_chunk(labels: NDArray[np.int64], stream: np.random.SeedSequence) -> NDArray[np.uint8]:
    """Write, rasterize and normalize one chunk; uint8 (B, 28, 28)."""
    from edge_hdr_device.normalize import normalize

    rng = np.random.default_rng(stream)
    hands = draw_hands(rng, len(labels))
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for digit in range(len(DIGITS)):
        index = np.flatnonzero(labels == digit)
        glyphs = write_glyphs(
            digit, pick_allographs(digit, len(index), rng), hands.take(index), rng
        )
        for place, glyph in zip(index, glyphs, strict=True):
            height_px = int(rng.integers(*HEIGHT_PX))
            ink = draw_ink(rng)
            images[place] = normalize(
                rasterize(glyph, height_px=height_px, oversample=1, ink=ink, rng=rng)
            )
    return images


def _write(digit: int, allograph: Allograph, hands: Hands, rng: np.random.Generator) -> list[Glyph]:
    """Write one allograph once with each hand."""
    traced = trace(allograph, hands, rng)
    return [
        Glyph(
            digit, allograph.name, tuple(Stroke(points[i], widths[i]) for points, widths in traced)
        )
        for i in range(len(hands))
    ]
