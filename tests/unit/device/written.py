"""Digits as a reader would find them on a page, without a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge_hdr_device.pipeline import Digit
from edge_hdr_device.results import Event
from edge_hdr_device.tracking.watch import Watch


def write(
    *lines: str, x: int = 100, y: int = 100, height: int = 40, confidence: float = 0.9
) -> tuple[Digit, ...]:
    """Place lines of text, a place for each character: "?" is rejected, " " leaves its place empty.

    A line whose places are all empty has no number, as with a real reader.
    """
    written = [(row, line) for row, line in enumerate(lines) if line.strip()]
    return tuple(
        Digit(
            label="8" if character == "?" else character,
            confidence=confidence,
            box=(x + column * height, y + 2 * row * height, 3 * height // 4, height),
            reason="low confidence" if character == "?" else "",
            line=number,
        )
        for number, (row, line) in enumerate(written)
        for column, character in enumerate(line)
        if character != " "
    )


def moved(digits: tuple[Digit, ...], dx: int, dy: int) -> tuple[Digit, ...]:
    """Move digits by the same way, as a shaken camera does."""
    return tuple(
        replace(digit, box=(digit.box[0] + dx, digit.box[1] + dy, *digit.box[2:]))
        for digit in digits
    )


def jittered(digits: tuple[Digit, ...], rng: np.random.Generator, px: int) -> tuple[Digit, ...]:
    """Move each side of each box by up to `px`, as two readings of one digit differ."""
    return tuple(
        replace(
            digit,
            box=tuple(
                side + int(by)
                for side, by in zip(digit.box, rng.integers(-px, px + 1, 4), strict=True)
            ),
        )
        for digit in digits
    )


class Show:
    """Show frames to a watch, one every 0.1 s, and collect what it says.

    Attributes:
        frame: number of the last frame.
        told: every event, in short: "announced 12", "changed 12 to 13", "dropped 12".
        events: the same in full.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.frame = 0
        self.told: list[str] = []
        self.events: list[Event] = []

    def __call__(self, digits: tuple[Digit, ...], times: int = 1) -> list[str]:
        """Show the same digits for some frames; gives what was told meanwhile."""
        before = len(self.told)
        for _ in range(times):
            self.frame += 1
            _, events = self.watch.update(
                digits,
                frame=self.frame,
                time_s=1e9 + self.frame / 10,
                monotonic_s=self.frame / 10,
            )
            self.take(events)
        return self.told[before:]

    def take(self, events: tuple[Event, ...]) -> None:
        """Collect events."""
        self.events += events
        self.told += [in_short(event) for event in events]


def in_short(event: Event) -> str:
    """Write an event in a few words."""
    text = event.standing.text
    if event.change == "changed":
        return f"changed {event.previous} to {text}"
    return f"{event.change} {text}"
