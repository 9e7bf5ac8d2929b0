"""What the runtime says: the result of a frame, a change of what is announced, both as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from edge_hdr_device.pipeline import Digit

SCHEMA = 1
Change = Literal["announced", "changed", "dropped", "implausible"]
STAGES = ("gate", "locate", "normalize", "classify", "track")


@dataclass(frozen=True)
class Standing:
    """A reading on which enough frames agree.

    Attributes:
        region: name of the region of interest, "frame" where there is none.
        lines: text, line by line.
        confidence: least mean confidence of its digits, in [0, 1]; 0 with an unread one, "?".
        since_s: wall clock when it was announced, in seconds since 1970.
        frame: number of the frame that settled it.
    """

    region: str
    lines: tuple[str, ...]
    confidence: float
    since_s: float
    frame: int

    @property
    def text(self) -> str:
        """Give the lines in one, parted by spaces."""
        return " ".join(self.lines)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "region": self.region,
            "text": self.text,
            "lines": list(self.lines),
            "confidence": round(self.confidence, 4),
            "since": stamp(self.since_s),
            "frame": self.frame,
        }


@dataclass(frozen=True)
class Event:
    """A change of what stands announced in a region.

    Attributes:
        change: announced (nothing stood before), changed, dropped (its digits left), or
            implausible (agreed on, but held back by a rule of plausibility).
        standing: the reading announced, dropped or held back.
        previous: text that stood before; empty where nothing did.
        time_s: wall clock, in seconds since 1970.
        frame: number of the frame that brought it.
        reason: why it is implausible; empty otherwise.
        name: of the file that the picture comes from; empty for a camera.
    """

    change: Change
    standing: Standing
    previous: str
    time_s: float
    frame: int
    reason: str = ""
    name: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give the event as one JSON-ready object, `type` "reading".

        One that was dropped is no `text` any more: it is told as `previous`.
        """
        body = {
            "schema": SCHEMA,
            "type": "reading",
            "time": stamp(self.time_s),
            "change": self.change,
            "previous": self.previous or None,
            "reason": self.reason or None,
            **self.standing.to_dict(),
            "frame": self.frame,
            **({"name": self.name} if self.name else {}),
        }
        if self.change == "dropped":
            gone: dict[str, Any] = {"text": None, "lines": [], "confidence": None}
            return {**body, **gone, "previous": self.standing.text}
        return body


@dataclass(frozen=True)
class FrameResult:
    """What came of one frame.

    Attributes:
        frame: its number.
        time_s: wall clock of its capture.
        width: in px.
        height: in px.
        changed: False where the frame equals the last one read, which then still holds.
        lines: text read in this very frame, a rejected digit as "?".
        digits: in reading order, boxes in px of the frame, with their tracks.
        standing: what stands announced after it, one a region that has a reading.
        stages_ms: time by stage, of `STAGES`.
        name: of the file that the picture comes from; empty for a camera.
    """

    frame: int
    time_s: float
    width: int
    height: int
    changed: bool
    lines: tuple[str, ...]
    digits: tuple[Digit, ...]
    standing: tuple[Standing, ...]
    stages_ms: dict[str, float] = field(default_factory=dict)
    name: str = ""

    @property
    def total_ms(self) -> float:
        """Give the time of all stages."""
        return sum(self.stages_ms.values())

    def to_dict(self) -> dict[str, Any]:
        """Give the result as one JSON-ready object, `type` "frame"."""
        return {
            "schema": SCHEMA,
            "type": "frame",
            "time": stamp(self.time_s),
            "frame": self.frame,
            **({"name": self.name} if self.name else {}),
            "changed": self.changed,
            "lines": list(self.lines),
            "digits": [digit.to_dict() for digit in self.digits],
            "reading": [standing.to_dict() for standing in self.standing],
            "width": self.width,
            "height": self.height,
            "stages_ms": {name: round(value, 3) for name, value in self.stages_ms.items()},
            "total_ms": round(self.total_ms, 3),
        }


def stamp(time_s: float) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(time_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
