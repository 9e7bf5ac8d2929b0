"""What long work tells about itself."""

from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """What the fit loop tells while it works."""

    def start(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Tell that a phase begins after `done` epochs that a checkpoint holds."""

    def step(self, loss: float) -> None:
        """Tell that a step is done."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Tell an epoch's row of the history."""
