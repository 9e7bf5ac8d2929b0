"""Show a result to a person or as one JSON document; the only place that writes to stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_hdr.errors import EdgeHdrError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA = 1


def emit(
    *, command: str, data: dict[str, Any], human: Callable[[], None] | str, as_json: bool
) -> None:
    """Give a command's result.

    Args:
        command: its name as typed, as "data show".
        data: JSON-ready result.
        human: the text for a person, or a function that prints it through `console`.
        as_json: print the document `{schema, command, ok, data, error}` and nothing else.
    """
    if as_json:
        _document(command, data=data, error=None)
    elif callable(human):
        human()
    else:
        sys.stdout.write(human if human.endswith("\n") else human + "\n")


def emit_error(error: EdgeHdrError, *, command: str, as_json: bool) -> None:
    """Give a command's failure: `error:` and `hint:` on stderr, and the document under --json."""
    if as_json:
        details = {"code": error.code, "message": error.message, "hint": error.hint}
        data = getattr(error, "data", None)
        _document(command, data=data, error={**details, "exit_code": error.exit_code})
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def note(message: str) -> None:
    """Write one line of prose to stderr, where it never mixes with a result."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


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
        result.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        result.add_row(*row)
    return result


def wants_progress() -> bool:
    """Tell whether a progress bar may be drawn: stderr is a terminal that can."""
    return _is_terminal(stderr=True) and os.environ.get("TERM") != "dumb"


def _is_terminal(stderr: bool) -> bool:
    return (sys.stderr if stderr else sys.stdout).isatty()


def _document(command: str, *, data: dict[str, Any] | None, error: dict[str, Any] | None) -> None:
    document = {
        "schema": SCHEMA,
        "command": command,
        "ok": error is None,
        "data": data,
        "error": error,
    }
    json.dump(document, sys.stdout)  # ASCII: a file name may be no Unicode
    sys.stdout.write("\n")
    sys.stdout.flush()
