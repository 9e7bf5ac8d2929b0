"""A frame's way: locate, normalize, classify in a batch, and the result as one typed object."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.classifier import Predictions
from edge_hdr_device.context import likely
from edge_hdr_device.judge import candidates, surest, with_cuts
from edge_hdr_device.locate import look
from edge_hdr_device.region import Region
from edge_hdr_device.whole import whole

UNREAD = "?"  # stands in a line of text for a digit that was located and rejected


class DigitClassifier(Protocol):
    """What a reader needs of a classifier."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Name each class."""
        ...

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        """Classify uint8 (N, 28, 28), ink 255 on background 0; N may be 0."""
        ...


@dataclass(frozen=True)
class Digit:
    """One located digit.

    Attributes:
        label: the most probable class, rejected or not.
        confidence: its probability, in [0, 1].
        box: x, y, width, height in px of the picture.
        reason: why it was rejected; empty when it was accepted.
        line: number of its line of text, from the top, from 0.
        track: number of the digit as it is followed from frame to frame; None where none is.
    """

    label: str
    confidence: float
    box: tuple[int, int, int, int]
    reason: str = ""
    line: int = 0
    track: int | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether the digit counts."""
        return not self.reason

    def to_dict(self) -> dict[str, Any]:
        """Give the digit as JSON-ready values."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
            "accepted": self.accepted,
            "reason": self.reason or None,
            "line": self.line,
            **({} if self.track is None else {"track": self.track}),
        }


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        lines: text in reading order, a rejected digit as "?"; a line of which nothing was accepted
            is left out. A rejected digit keeps its place because a number that lacks one looks
            like another number.
        digits: all located digits in reading order, rejected ones too.
        width: of the picture, in px.
        height: of the picture, in px.
        locate_ms: time of locating and cropping, and of a look at what is around.
        normalize_ms: time of normalizing, and of cutting what may be several digits.
        classify_ms: time of classifying: one batch, and one of parts where something is cut.
        rows: of each digit, its row in all that was classified, batch after batch, which holds
            the other ways to read the picture too.
    """

    lines: tuple[str, ...]
    digits: tuple[Digit, ...]
    width: int
    height: int
    locate_ms: float
    normalize_ms: float
    classify_ms: float
    rows: tuple[int, ...] = ()

    @property
    def total_ms(self) -> float:
        """Give the time of all stages."""
        return self.locate_ms + self.normalize_ms + self.classify_ms

    def to_dict(self) -> dict[str, Any]:
        """Give the reading as JSON-ready values."""
        stages = ("locate_ms", "normalize_ms", "classify_ms", "total_ms")
        return {
            "lines": list(self.lines),
            "digits": [digit.to_dict() for digit in self.digits],
            "width": self.width,
            "height": self.height,
            **{stage: round(getattr(self, stage), 3) for stage in stages},
        }


class Reader:
    """Read the digits of pictures.

    Args:
        classifier: what tells the digits apart; its model's threshold decides what is rejected.
    """

    def __init__(self, classifier: DigitClassifier) -> None:
        self._classifier = classifier

    def read(self, image: NDArray[np.uint8]) -> Reading:
        """Read a picture.

        Args:
            image: uint8 (H, W) grey or (H, W, 3) BGR, ink darker or lighter than the paper.
        """
        start = time.perf_counter()
        ways = [[(region,)] for region in likely(look(image, wide=True))]
        alone = whole(image)
        located = time.perf_counter()
        batch = candidates(ways, alone)
        normalized = time.perf_counter()
        predictions = self._classifier.predict(batch.crops)
        classified = time.perf_counter()
        every = with_cuts(batch, predictions)
        cut = time.perf_counter()
        if every is not batch:
            more = self._classifier.predict(every.crops[len(batch.crops) :])
            predictions = predictions.followed_by(more)
        chosen = surest(every, predictions)
        done = time.perf_counter()
        digits = _digits(chosen, predictions, self._classifier.labels)
        return Reading(
            lines=text_lines(digits),
            digits=digits,
            width=image.shape[1],
            height=image.shape[0],
            locate_ms=1e3 * (located - start),
            normalize_ms=1e3 * (normalized - located + cut - classified),
            classify_ms=1e3 * (classified - normalized + done - cut),
            rows=tuple(row for _, row in chosen),
        )


def _digits(
    chosen: list[tuple[Region, int]], predictions: Predictions, labels: tuple[str, ...]
) -> tuple[Digit, ...]:
    """Give each chosen region, with its row of the predictions, as a digit."""
    return tuple(
        Digit(
            label=labels[int(predictions.labels[row])],
            confidence=float(predictions.confidences[row]),
            box=region.box,
            reason="" if predictions.accepted[row] else "low confidence",
            line=region.line,
        )
        for region, row in chosen
    )


def text_lines(digits: Iterable[Digit]) -> tuple[str, ...]:
    """Write digits in reading order as lines of text, as in `Reading.lines`."""
    lines: dict[int, str] = {}
    for digit in digits:
        text = digit.label if digit.accepted else UNREAD
        lines[digit.line] = lines.get(digit.line, "") + text
    return tuple(line for line in lines.values() if line.strip(UNREAD))
