"""Readings made by hand, for tests of how photos are judged."""

from __future__ import annotations

from edge_hdr.photos.labels import Truth
from edge_hdr.photos.score import PhotoScore, score
from edge_hdr_device.pipeline import Digit, Reading, text_lines

STEP, SIDE = 20, 10  # px from one digit to the next, and the side of its box


def box(place: int, line: int = 0) -> tuple[int, int, int, int]:
    """Give where the digit of a place stands."""
    return STEP * place, STEP * line, SIDE, SIDE


def digit(
    label: str, confidence: float = 0.9, *, place: int = 0, line: int = 0, accepted: bool = True
) -> Digit:
    """Locate a digit."""
    reason = "" if accepted else "low confidence"
    return Digit(label, confidence, box(place, line), reason, line)


def reading(*digits: Digit) -> Reading:
    """Read a picture of 200×100 px."""
    return Reading(text_lines(digits), digits, 200, 100, 1.0, 2.0, 3.0)


def line(text: str) -> Reading:
    """Read one line surely."""
    return reading(*(digit(label, place=place) for place, label in enumerate(text)))


def judged(expected: str, read: Reading, *, flags: tuple[str, ...] = ()) -> PhotoScore:
    """Judge a reading of a photo without boxes."""
    return score(Truth("a.png", tuple(expected.split("/")), flags), read)
