"""Show how a fleet goes on: a bar on a terminal, a line a board elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from edge_hdr.cli import render

if TYPE_CHECKING:
    from edge_hdr.fleet import BoardEvent, BoardOutcome

WORDS = {
    "updated": "updated",
    "would-update": "would be updated",
    "same": "the same",
    "failed": "failed",
    "unreachable": "unreachable",
    "skipped": "not reached",
}


class FleetProgress:
    """A bar on a terminal, a line a board elsewhere; on stderr.

    Args:
        check: whether nothing is changed.
    """

    def __init__(self, *, check: bool = False) -> None:
        self._check = check
        self._bar: Any = None
        self._task: Any = None
        self._running: dict[str, None] = {}
        self._reasons: list[str] = []
        self._asked = self._done = 0

    def __enter__(self) -> FleetProgress:
        if render.wants_progress():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
            from rich.progress import TimeElapsedColumn as Elapsed

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            what = TextColumn("{task.fields[what]}")
            self._bar = Progress(
                *columns, Elapsed(), what, console=render.console(stderr=True), transient=True
            )
            self._bar.start()
            self._task = self._bar.add_task("reading the inventory", total=None, what="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is not None:  # no table will say why
            for reason in self._reasons:
                render.note(reason)
        if kind is not None and self._asked and not self._check:
            render.note(
                f"{self._done} of {self._asked} boards were done; those that were begun finish or "
                "go back by themselves, and the same command asks the others"
            )

    def hear(self, event: BoardEvent) -> None:
        """Show an event."""
        self._asked, self._done = event.total, event.done
        where = f"wave {event.wave}/{event.waves}"
        if event.kind == "begin":
            self._running[event.board] = None
        elif event.kind == "end" and event.outcome:
            self._running.pop(event.board, None)
            if event.outcome.error:
                self._reasons.append(f"{event.board}: {event.outcome.error.message}")
            self.line(f"{where}, board {event.done}/{event.total}: {_told(event.outcome)}")
        elif event.kind == "stop":
            self.line(f"stopped: {event.detail}")
        if self._bar is not None:
            names = ", ".join(list(self._running)[:3]) + (" …" if len(self._running) > 3 else "")
            self._bar.update(
                self._task, description=where, completed=event.done, total=event.total, what=names
            )

    def line(self, text: str) -> None:
        """Show a line."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False)
        else:
            render.note(text)


def _told(outcome: BoardOutcome) -> str:
    step = f": {outcome.error.step}" if outcome.error and outcome.error.step else ""
    return f"{outcome.board} {WORDS[outcome.result]}{step} ({outcome.seconds:.1f} s)"
