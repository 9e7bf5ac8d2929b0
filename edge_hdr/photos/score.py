"""How well one photo was read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from edge_hdr.photos.edits import Edits, edits
from edge_hdr.photos.labels import LINE_BREAK, Truth
from edge_hdr.photos.places import LOCATED_IOU, overlaps, same
from edge_hdr_device.pipeline import UNREAD, Digit, Reading

Verdict = Literal["right", "confused", "invented", "rejected"]


@dataclass(frozen=True)
class Judged:
    """What a located digit stands for, whether or not it was accepted.

    Attributes:
        confidence: of its reading, in [0, 1].
        covers: it stands for a written digit.
        right: and is read as that digit.
        accepted: by the model's own threshold.
    """

    confidence: float
    covers: bool
    right: bool
    accepted: bool


@dataclass(frozen=True)
class PhotoScore:
    """What was read in a photo beside what is written there.

    A digit that the model rejects is not read: where it is one, it is missed.

    Attributes:
        truth: what is written.
        lines: what was read, line by line, without what was rejected.
        digits: all that were located, in reading order.
        edits: from `truth.digits` to `accepted`.
        lines_right: written lines that were read without any fault.
        judged: one entry for each of `digits`.
        overlap: of each written digit with what was located there, intersection over union, 0
            where nothing was; empty where the truth has no boxes.
        width: of the photo in px.
        height: of the photo in px.
        total_ms: time of reading it.
    """

    truth: Truth
    lines: tuple[str, ...]
    digits: tuple[Digit, ...]
    edits: Edits
    lines_right: int
    judged: tuple[Judged, ...]
    overlap: tuple[float, ...]
    width: int
    height: int
    total_ms: float

    @property
    def text(self) -> str:
        """Give what was read as `labels.json` gives what is written."""
        return LINE_BREAK.join(self.lines)

    @property
    def accepted(self) -> tuple[Digit, ...]:
        """Give the digits that count, in reading order."""
        return tuple(digit for digit in self.digits if digit.accepted)

    @property
    def whole(self) -> bool:
        """Tell whether all of it was read right, line breaks too."""
        return self.text == self.truth.text

    @property
    def located(self) -> int | None:
        """Count the written digits that were located in their place; None without boxes."""
        if not self.truth.boxes:
            return None
        return sum(share >= LOCATED_IOU for share in self.overlap)

    @property
    def confusions(self) -> list[tuple[str, str]]:
        """List what was written and what was read instead, for each confused digit."""
        both = [(self.truth.digits[i], self.accepted[j].label)
                for i, j in self.edits.pairs if i is not None and j is not None]  # fmt: skip
        return [(written, read) for written, read in both if written != read]

    @property
    def verdicts(self) -> list[Verdict]:
        """Say of each located digit what became of it in the text."""
        places = {j: i for i, j in self.edits.pairs if j is not None}
        order = count()
        return [
            self._verdict(digit, places[next(order)]) if digit.accepted else "rejected"
            for digit in self.digits
        ]

    def _verdict(self, digit: Digit, place: int | None) -> Verdict:
        if place is None:
            return "invented"
        return "right" if self.truth.digits[place] == digit.label else "confused"

    def to_dict(self) -> dict[str, Any]:
        """Give the photo JSON-ready."""
        digits = [
            {**digit.to_dict(), "verdict": verdict}
            for digit, verdict in zip(self.digits, self.verdicts, strict=True)
        ]
        return {
            "file": self.truth.file,
            "expected": self.truth.text,
            "got": self.text,
            "missed": self.edits.missed,
            "invented": self.edits.invented,
            "confused": self.edits.confused,
            "lines": len(self.truth.lines),
            "lines_right": self.lines_right,
            "located": self.located,
            "flags": list(self.truth.flags),
            "width": self.width,
            "height": self.height,
            "total_ms": round(self.total_ms, 3),
            "digits": digits,
        }


def score(truth: Truth, reading: Reading) -> PhotoScore:
    """Judge what was read in a photo by what is written there."""
    accepted = [digit for digit in reading.digits if digit.accepted]
    lines = tuple(line.replace(UNREAD, "") for line in reading.lines)
    lined = edits(truth.lines, lines)
    boxes = [digit.box for digit in reading.digits]
    overlap = overlaps(truth.boxes, boxes)
    pairs = same(overlap) if truth.boxes else _read_in_order(truth, reading.digits)
    covered = dict(pairs)
    return PhotoScore(
        truth=truth,
        lines=lines,
        digits=reading.digits,
        edits=edits(
            truth.digits,
            [digit.label for digit in accepted],
            [digit.confidence for digit in accepted],
        ),
        lines_right=len(truth.lines) - lined.missed - lined.confused,
        judged=_judged(truth, reading.digits, pairs),
        overlap=tuple(
            float(overlap[i, covered[i]]) if i in covered else 0.0 for i in range(len(truth.boxes))
        ),
        width=reading.width,
        height=reading.height,
        total_ms=reading.total_ms,
    )


def _read_in_order(truth: Truth, digits: tuple[Digit, ...]) -> list[tuple[int, int]]:
    """Pair written and located digits by their order, rejected ones too."""
    labels = [digit.label for digit in digits]
    aligned = edits(truth.digits, labels, [digit.confidence for digit in digits])
    return [(i, j) for i, j in aligned.pairs if i is not None and j is not None]


def _judged(
    truth: Truth, digits: tuple[Digit, ...], pairs: list[tuple[int, int]]
) -> tuple[Judged, ...]:
    stands_for = {j: truth.digits[i] for i, j in pairs}
    return tuple(
        Judged(
            confidence=digit.confidence,
            covers=at in stands_for,
            right=stands_for.get(at) == digit.label,
            accepted=digit.accepted,
        )
        for at, digit in enumerate(digits)
    )
