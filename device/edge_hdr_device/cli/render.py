"""Show a result to a person or as one JSON document; both commands speak through it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from edge_hdr_device.errors import EdgeHdrError

SCHEMA = 1
JOURNAL = "the journal's last lines:"


def emit(
    *, command: str, data: dict[str, Any], human: Callable[[], None] | str, as_json: bool
) -> None:
    """Give a command's result.

    Args:
        command: its name as typed, as "data show".
        data: JSON-ready result.
        human: the text for a person, or a function that shows it.
        as_json: print the document `{schema, command, ok, data, error}` and nothing else.
    """
    if as_json:
        document(command, data=data, error=None)
    elif callable(human):
        human()
    else:
        sys.stdout.write(human if human.endswith("\n") or not human else human + "\n")


def emit_error(error: EdgeHdrError, *, command: str, as_json: bool) -> None:
    """Give a command's failure: `error:` and `hint:` on stderr, and the document under --json."""
    if as_json:
        details = {"code": error.code, "message": error.message, "hint": error.hint}
        data = getattr(error, "data", None)
        document(command, data=data, error={**details, "exit_code": error.exit_code})
    if journal := (getattr(error, "data", None) or {}).get("journal"):
        sys.stderr.write("".join(f"{line}\n" for line in (JOURNAL, *(f"    {x}" for x in journal))))
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def note(message: str) -> None:
    """Write one line of prose to stderr, where it never mixes with a result."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def document(command: str, *, data: dict[str, Any] | None, error: dict[str, Any] | None) -> None:
    """Print the one JSON document of a command."""
    fields = {
        "schema": SCHEMA,
        "command": command,
        "ok": error is None,
        "data": data,
        "error": error,
    }
    json.dump(fields, sys.stdout)  # ASCII: a file name may be no Unicode
    sys.stdout.write("\n")
    sys.stdout.flush()


def document_line(fields: dict[str, Any]) -> None:
    """Print one JSON object as a line."""
    json.dump(fields, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")
    sys.stdout.flush()
