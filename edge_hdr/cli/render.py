"""What a person sees beside `emit` and `note`: tables and colours on a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from edge_hdr_device.cli.render import emit, emit_error, note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["console", "emit", "emit_error", "note", "table", "wants_progress"]


def console(*, stderr: bool = False) -> Console:
    """Make a rich console; colour only on a terminal, never under NO_COLOR."""
    from rich.console import Console

    class PipedConsole(Console):
        """A console that leaves a closed pipe to the caller; rich's own exits with 1."""

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - rich calls this where it handles the error

    return PipedConsole(stderr=stderr, highlight=False, soft_wrap=not _is_terminal(stderr))


def table(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    """Make a table; the first column is text, the others are right-aligned."""
    from rich import box
    from rich.table import Table

    result = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for index, column in enumerate(columns):
        # folded rather than cut: a person may need each letter
        result.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result


def wants_progress() -> bool:
    """Tell whether a progress bar may be drawn: stderr is a terminal that can."""
    return _is_terminal(stderr=True) and os.environ.get("TERM") != "dumb"


def _is_terminal(stderr: bool) -> bool:
    return (sys.stderr if stderr else sys.stdout).isatty()
