"""What long work tells about itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol


class Progress(Protocol):
    """What the fit loop tells while it works."""

    def start(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Tell that a phase begins after `done` epochs that a checkpoint holds."""

    def step(self, loss: float) -> None:
        """Tell that a step is done."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Tell an epoch's row of the history."""


class Reporter(Progress, Protocol):
    """What a build tells while it works: `Progress` and the steps around it."""

    def step_begins(self, name: str) -> None:
        """Tell that a step begins: data, exposure, float, …, verify, coral, report."""

    def warn(self, message: str) -> None:
        """Tell something that the report repeats, as a fallback to other data."""

    def bytes_done(self, name: str, done: int, total: int | None) -> None:
        """Tell how far a download or a conversion of files is."""


@dataclass
class Clock:
    """Seconds spent in each step."""

    reporter: Reporter
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell that a step begins, and take its time."""
        self.reporter.step_begins(name)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 2)
