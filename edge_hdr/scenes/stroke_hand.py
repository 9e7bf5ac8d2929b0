"""A hand that writes with strokes: digits, letters and signs, all by one writer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.allographs import Allograph
from edge_hdr.data.hand import Hands, draw_hands, trace
from edge_hdr.data.render import rasterize
from edge_hdr.data.strokes import Glyph, Stroke, pick_allographs, write_glyphs
from edge_hdr.scenes.patch import FINENESS, Patch, trimmed


class StrokeHand:
    """One writer with a writer's habits and allographs."""

    def __init__(self, *, height_px: float, width: float, rng: np.random.Generator) -> None:
        """Take a hand.

        Args:
            height_px: of a digit on the page.
            width: of the line, in heights of a digit.
            rng: the only source of randomness.
        """
        self._height_px, self._rng = height_px, rng
        person = draw_hands(rng, 1)
        care = rng.uniform(0.4, 0.9)
        self._person = replace(
            person,
            slant=0.8 * person.slant,
            stretch=0.7 * person.stretch,
            bend=care * person.bend,
            jitter=care * person.jitter,
            overshoot=care * person.overshoot,
            width=np.full(1, width),
        )
        self._kinds: dict[int, int] = {}  # the allograph of each digit that was written

    def write(self, labels: Sequence[int]) -> list[Patch]:
        """Write digits, each in its natural size beside the others."""
        patches: dict[int, Patch] = {}
        for digit in sorted(set(labels)):
            places = [place for place, label in enumerate(labels) if label == digit]
            if digit not in self._kinds:
                self._kinds[digit] = int(pick_allographs(digit, 1, self._rng)[0])
            choice = np.full(len(places), self._kinds[digit], np.int64)
            glyphs = write_glyphs(digit, choice, self._today(len(places)), self._rng)
            patches |= {place: self._draw(g) for place, g in zip(places, glyphs, strict=True)}
        return [patches[place] for place in range(len(labels))]

    def write_shape(self, shape: Allograph) -> Patch:
        """Write a letter or another sign once."""
        traced = trace(shape, self._today(1), self._rng)
        strokes = tuple(Stroke(points[0], widths[0]) for points, widths in traced)
        return self._draw(Glyph(-1, shape.name, strokes))

    def _today(self, count: int) -> Hands:
        """Vary the hand as it varies from one digit to the next."""
        rng, person = self._rng, self._person
        many = person.take(np.zeros(count, np.int64))

        def normal() -> NDArray[np.float64]:
            return rng.standard_normal(count)

        return replace(
            many,
            slant=many.slant + 0.04 * normal(),
            stretch=many.stretch + 0.06 * normal(),
            turn=0.5 * many.turn + 0.03 * normal(),
            quickness=np.clip(many.quickness + 0.1 * normal(), 0.0, 1.0),
        )

    def _draw(self, glyph: Glyph) -> Patch:
        import cv2

        density = 2.0 * FINENESS if self._height_px < 120 else FINENESS
        field = rasterize(glyph, height_px=max(4, round(density * self._height_px)), oversample=1)
        return trimmed(cv2.GaussianBlur(field, (3, 3), 0.6).astype(np.uint8, copy=False), density)
