"""Show how far a bench run is: a bar on a terminal, hardly a line elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from edge_hdr.cli import render

QUIET_S = 5.0  # between two lines where no bar can be drawn


class BenchProgress:
    """A reporter (see `edge_hdr.bench.request.Reporter`) that draws on stderr.

    The bar is drawn when something is told and never by a thread of its own, which would take
    time from what is being measured.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._noted = time.monotonic()

    def __enter__(self) -> BenchProgress:
        if render.wants_progress():
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f}"),
                TimeElapsedColumn(),
                console=render.console(stderr=True),
                transient=True,
                auto_refresh=False,
            )
            self._bar.start()
            self._task = self._bar.add_task("opening models", total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def progress(self, text: str, done: int, total: int | None) -> None:
        """Tell how far something is."""
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=done, total=total)
            self._bar.refresh()
        elif time.monotonic() - self._noted > QUIET_S:
            self._noted = time.monotonic()
            render.note(f"{text}: {done:,}" + (f" of {total:,}" if total else ""))

    def warn(self, message: str) -> None:
        """Tell a line at once."""
        if self._bar is not None:
            self._bar.console.print(message, markup=False)
        else:
            render.note(message)
