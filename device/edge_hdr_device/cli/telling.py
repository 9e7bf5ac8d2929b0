"""Tell of an installation's steps while it goes on, and let its reader stop it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_hdr_device.cli import render
from edge_hdr_device.errors import EdgeHdrError

if TYPE_CHECKING:
    from edge_hdr_device.install.life import Life
    from edge_hdr_device.install.steps import Progress

MARKS = {"end": "✓", "skip": "–", "note": " ", "warn": "!"}


class Teller:
    """Tells of the steps: lines of JSON on stdout, or lines for a person on stderr.

    Args:
        life: is stopped when nobody reads any more.
        events: lines of JSON.
    """

    def __init__(self, life: Life, *, events: bool) -> None:
        self._life = life
        self._events = events
        self._open = ""

    def __call__(self, progress: Progress) -> None:
        """Tell of one."""
        if progress.state in {"begin", "end", "skip"}:
            self._open = progress.step if progress.state == "begin" else ""
        try:
            if self._events:
                sys.stdout.write(progress.to_line() + "\n")
                sys.stdout.flush()
            elif line := _line(progress):
                render.note(line)
        except OSError:  # whoever wanted to hear it has gone
            _close_output()
            self._life.stop("as its output was closed")

    def aborted(self) -> None:
        """Tell a person which step did not come to its end."""
        if self._open and not self._events:
            with contextlib.suppress(OSError):
                render.note(f"✗ {_title(self._open)}")


@contextlib.contextmanager
def telling(options: argparse.Namespace) -> Iterator[tuple[Teller, Life]]:
    """Give who is told of the steps, and what listens for a stop while the body runs."""
    with attended(options) as life:
        teller = Teller(life, events=options.events)
        try:
            yield teller, life
        except EdgeHdrError:
            teller.aborted()
            raise


@contextlib.contextmanager
def attended(options: argparse.Namespace) -> Iterator[Life]:
    """Listen for a stop while the body runs, and for the end of standard input if asked for."""
    from edge_hdr_device.install.life import Life, follow_life_line

    with Life() as life:
        if options.attended:
            follow_life_line(life)  # from here on: an end that is there already is heard too
        yield life


def _line(progress: Progress) -> str:
    if progress.state in {"note", "warn"}:
        return f"{MARKS[progress.state]}   {progress.detail}"
    title = _title(progress.step)
    if progress.state == "begin":
        return f"… {title}" if sys.stderr.isatty() else ""
    detail = f" ({progress.detail})" if progress.detail else ""
    return f"{MARKS[progress.state]} {title}{detail}"


def _title(step: str) -> str:
    from edge_hdr_device.install.steps import STEPS

    return STEPS.get(step, step)


def _close_output() -> None:
    """Let nothing fail any more for want of a reader."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
