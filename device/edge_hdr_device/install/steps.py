"""What an installation does, step by step, and how it tells of it while it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["begin", "end", "skip", "note", "warn"]

STEPS = {  # in their order, with what a person is told
    "lock": "keep other deployments out",
    "recover": "undo what an earlier one left half done",
    "verify": "check the payload's hashes and signature",
    "unpack": "unpack beside what runs",
    "environment": "make or reuse the virtual environment",
    "canary": "try the model on this board",
    "settings": "check the settings, write the unit",
    "switch": "make it the current release",
    "restart": "start the service",
    "health": "watch the service through the health window",
    "commit": "keep it",
    "prune": "remove old releases",
}


@dataclass(frozen=True)
class Progress:
    """One line about a step.

    Attributes:
        step: a name of `STEPS`.
        state: "begin", "end", "skip" (there was nothing to do), "note" or "warn" (within a step).
        detail: one line; empty when there is nothing to add.
    """

    step: str
    state: State
    detail: str = ""

    def to_line(self) -> str:
        """Write it as a line of JSON, without its end."""
        return json.dumps({"event": self.state, "step": self.step, "detail": self.detail})

    @classmethod
    def from_line(cls, line: str) -> Progress | None:
        """Read a line; None for one that is no progress."""
        try:
            found = json.loads(line)
            return cls(found["step"], found["event"], found["detail"])
        except (ValueError, KeyError, TypeError):
            return None


Tell = Callable[[Progress], None]
