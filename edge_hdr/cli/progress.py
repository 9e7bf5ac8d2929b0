"""Show a build's progress: bars on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

from edge_hdr.cli import render

NAMES = {
    "data": "reading data",
    "exposure": "looking at generated scenes",
    "float": "training",
    "prune": "pruning",
    "qat": "quantization-aware training",
    "export": "exporting",
    "verify": "verifying the exported file",
    "coral": "checking and compiling for the Edge TPU",
    "report": "writing the report",
}


class BuildProgress:
    """A reporter (see `edge_hdr.progress.Reporter`) that draws on stderr.

    Args:
        folder: of the build, named when an interruption can be resumed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bar: Any = None
        self._task: Any = None
        self._phase, self._epochs, self._steps = "", 0, 0
        self._losses: list[float] = []
        self._last = ""
        self._noted = 0.0

    def __enter__(self) -> BuildProgress:
        if render.wants_progress():
            from rich.progress import (
                BarColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[what]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=render.console(stderr=True),
                transient=False,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is KeyboardInterrupt and self._phase:
            render.note(
                "interrupted; the same command resumes from the last epoch, "
                f"without --force, in {self._folder}"
            )

    def step_begins(self, name: str) -> None:
        """Name the step."""
        self._finish_task()
        if name not in {"float", "prune", "qat"}:
            self._line(NAMES[name])

    def warn(self, message: str) -> None:
        """Show a warning."""
        self._line(f"warning: {message}")

    def bytes_done(self, name: str, done: int, total: int | None) -> None:
        """Show a download or a conversion of files."""
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(name, total=total, what="")
            self._bar.update(self._task, completed=done, total=total, description=name)
        elif time.monotonic() - self._noted > 5 or done == total:
            self._noted = time.monotonic()
            self._line(f"{name}: {done:,}" + (f" of {total:,}" if total else ""))

    def start(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Begin a phase, saying where it resumes."""
        self._finish_task()
        self._phase, self._epochs, self._steps = phase, epochs, steps
        if 0 < done < epochs:
            self._line(f"{NAMES[phase]}: resuming after epoch {done} of {epochs}")
        elif done:
            self._line(f"{NAMES[phase]}: all {epochs} epochs were done before")
        else:
            self._line(f"{NAMES[phase]}: {epochs} epochs of {steps} steps")
        if self._bar is not None and done < epochs:
            self._task = self._bar.add_task(
                NAMES[phase], total=epochs * steps, completed=done * steps, what=""
            )

    def step(self, loss: float) -> None:
        """Advance the bar by one step."""
        self._losses.append(loss)
        if self._bar is not None and len(self._losses) % 5 == 0:
            recent = sum(self._losses[-50:]) / len(self._losses[-50:])
            self._bar.update(self._task, advance=5, what=f"loss {recent:.3f}{self._last}")

    def epoch(self, row: dict[str, Any]) -> None:
        """Show an epoch's figures."""
        self._losses.clear()
        number, accuracy = row["epoch"], row["val_accuracy"]
        self._last = f"  epoch {number}/{self._epochs}  validation {accuracy:.2%}"
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=number * self._steps,
                what=f"loss {row['loss']:.3f}{self._last}",
            )
            return
        left = (self._epochs - number) * row["seconds"]
        self._line(
            f"{NAMES[self._phase]} {number}/{self._epochs}  loss {row['loss']:.4f}  "
            f"validation {accuracy:.2%}  {row['seconds']:.1f} s  about {left:.0f} s left"
        )

    def _finish_task(self) -> None:
        if self._bar is not None and self._task is not None:
            total = self._bar.tasks[self._task].total
            self._bar.update(self._task, completed=total)
            self._bar.stop_task(self._task)
        self._task, self._last = None, ""

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            render.note(text)
