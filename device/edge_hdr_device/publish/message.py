"""What goes through an output, and how the output does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from edge_hdr_device.errors import EdgeHdrError

Kind = Literal["frame", "reading", "health"]
State = Literal["starting", "up", "down", "stopped"]


@dataclass(frozen=True)
class Message:
    """Something to publish.

    Attributes:
        kind: "frame" (a `FrameResult`), "reading" (an `Event`) or "health".
        body: its JSON-ready object.
    """

    kind: Kind
    body: dict[str, Any]

    def to_json(self) -> bytes:
        """Give the body as one compact line of ASCII, without the line's end.

        Raises:
            ValueError, TypeError: it holds what JSON cannot say, as NaN.
        """
        return json.dumps(self.body, separators=(",", ":"), allow_nan=False).encode("ascii")


@dataclass(frozen=True)
class OutletStatus:
    """How an output does; `sent`, `dropped` and `waiting` add up to what it was offered.

    Attributes:
        name: of the output, as "mqtt".
        state: starting, up, down or stopped.
        error: why it is down, or why the last message could not be sent; empty otherwise.
        sent: messages given away.
        dropped: messages lost: the buffer was full, they could not be sent, time ran out.
        waiting: messages in the buffer, with the one that is being sent.
    """

    name: str
    state: State
    error: str
    sent: int
    dropped: int
    waiting: int

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "name": self.name,
            "state": self.state,
            "error": self.error or None,
            "sent": self.sent,
            "dropped": self.dropped,
            "waiting": self.waiting,
        }


def reason_of(error: Exception) -> str:
    """Phrase an error in one line, with what to do where it says so."""
    if isinstance(error, EdgeHdrError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
