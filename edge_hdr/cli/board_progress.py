"""Show a deployment's progress: a line a step, and how much has been sent."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from edge_hdr.cli import render
from edge_hdr.deploy_plan import HOST_STEPS
from edge_hdr_device.install.steps import STEPS, Progress

MARKS = {"end": "✓", "skip": "–", "warn": "!", "note": " "}


class BoardProgress:
    """Draws on stderr; nothing on stdout."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._started: dict[str, float] = {}
        self._titles = HOST_STEPS | STEPS

    def __enter__(self) -> BoardProgress:
        if render.wants_progress():
            from rich.progress import Progress as Bar
            from rich.progress import SpinnerColumn, TextColumn

            self._bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TextColumn("{task.fields[share]}"),
                console=render.console(stderr=True),
                transient=True,
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

    def tell(self, progress: Progress) -> None:
        """Show what became of a step."""
        title = self._titles.get(progress.step, progress.step)
        if progress.state == "begin":
            self._started[progress.step] = time.monotonic()
            self._begin(title)
            return
        if progress.state == "warn":
            self._line(f"warning: {progress.detail}")
            return
        took_s = time.monotonic() - self._started.get(progress.step, time.monotonic())
        words = [MARKS[progress.state], progress.detail if progress.state == "note" else title]
        if progress.detail and progress.state != "note":
            words.append(f"({progress.detail})")
        if progress.state == "end" and took_s >= 1:
            words.append(f"{took_s:.1f} s")
        self._line(" ".join(words))

    def sent(self, done: int, total: int) -> None:
        """Show how much of the payload has gone over."""
        if self._bar is not None and self._task is not None:
            share = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if done < total else ""
            self._bar.update(self._task, share=share)

    def _begin(self, title: str) -> None:
        if self._bar is None:
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(title, total=None, share="")

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False)
        else:
            render.note(text)
