"""How a camera does: its state, what was counted, and one line in the log for each outage."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edge_hdr_device.errors import EdgeHdrError

logger = logging.getLogger("edge_hdr.camera")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0

State = Literal["opening", "streaming", "waiting", "ended", "stuck"]


@dataclass(frozen=True)
class CaptureStatus:
    """How a camera does at one moment.

    Attributes:
        state: opening (for the first time), streaming, waiting (to open it again), ended, or stuck
            (its driver hangs, and only a new process can free it).
        description: of the source.
        error: why it does not stream; empty while it does.
        hint: what to do about that.
        since_s: for how long it has been in this state.
        frames: captured so far.
        dropped: of those, never given to anyone, as a newer one was there.
        corrupt: pictures that could not be read; they are not among `frames`.
        reconnects: how often it came back.
    """

    state: State
    description: str
    error: str
    hint: str
    since_s: float
    frames: int
    dropped: int
    corrupt: int
    reconnects: int

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        values = asdict(self) | {"since_s": round(self.since_s, 1)}
        return values | {"error": self.error or None, "hint": self.hint or None}


class Course:
    """The ups and downs of one camera; its owner sees to it that one thread is here at a time.

    Args:
        description: of the source as long as it is not open.
        first_wait_s: before it is opened again; doubles with each outage that follows at once.
        longest_wait_s: limit of the doubling.
    """

    def __init__(
        self,
        description: str,
        *,
        first_wait_s: float = FIRST_WAIT_S,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self.state: State = "opening"
        self.description = description
        self.frames = self.dropped = self.corrupt = self.reconnects = 0
        self._error = self._hint = ""
        self._since_s = time.monotonic()
        self._lost_s: float | None = None
        self._first_wait_s, self._longest_wait_s = first_wait_s, longest_wait_s
        self._wait_s = first_wait_s

    @property
    def status(self) -> CaptureStatus:
        """Give the present moment."""
        return CaptureStatus(
            state=self.state,
            description=self.description,
            error=self._error,
            hint=self._hint,
            since_s=time.monotonic() - self._since_s,
            frames=self.frames,
            dropped=self.dropped,
            corrupt=self.corrupt,
            reconnects=self.reconnects,
        )

    def stream(self, description: str) -> None:
        """Note that a frame came."""
        if self.state == "streaming":
            return
        self.description = description
        if self._lost_s is None:
            logger.info("camera: %s", description)
        else:
            away_s = time.monotonic() - self._lost_s
            logger.info("camera is back after %.1f s: %s", away_s, description)
            self.reconnects += self.frames > 0
        self._lost_s = None
        self._enter("streaming")

    def lose(self, error: EdgeHdrError) -> None:
        """Note that no frames come, and why; the log hears of it once an outage."""
        if self._lost_s is None:
            self._lost_s = time.monotonic()
            if self.state == "streaming" and self._lost_s - self._since_s >= self._wait_s:
                self._wait_s = self._first_wait_s
            logger.warning("camera is away: %s%s", error.message, error.hint and f" ({error.hint})")
        self._enter("waiting", error)

    def end(self, error: EdgeHdrError | None = None) -> None:
        """Note that no more frames will come."""
        if self.state != "stuck":
            self._enter("ended", error)

    def hang(self) -> None:
        """Note that only a new process can help."""
        logger.error("the camera's driver hangs: %s", self._error)
        self.state, self._since_s = "stuck", time.monotonic()

    def next_wait_s(self) -> float:
        """Give how long to wait before the camera is opened again, longer each time."""
        wait_s = self._wait_s
        self._wait_s = min(2 * wait_s, self._longest_wait_s)
        return wait_s * random.uniform(0.8, 1.2)

    def _enter(self, state: State, error: EdgeHdrError | None = None) -> None:
        if state != self.state:
            self.state, self._since_s = state, time.monotonic()
        self._error = error.message if error else ""
        self._hint = error.hint if error else ""
