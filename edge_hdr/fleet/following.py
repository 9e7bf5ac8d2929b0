"""Hear what a process of Ansible tells of boards, as long as it runs, and see it gone."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LOOK_S = 0.05
LEAVE_S = 5.0


def follow(
    process: subprocess.Popen[bytes],
    events: Path,
    left: set[str],
    on_event: Callable[[dict[str, Any]], None],
) -> set[str]:
    """Hand events on until the process ends, or has nothing more to do after a stop.

    Args:
        process: writes the events.
        events: file of them, a line each.
        left: names of the boards.
        on_event: gets each event.

    Returns:
        The boards that a result is missing of.
    """
    running: set[str] = set()
    stopped = False
    with events.open("rb") as file:
        rest = b""
        over = False
        while not over:
            over = process.poll() is not None
            *lines, rest = (rest + file.read()).split(b"\n")
            for line in lines:
                event = json.loads(line)
                board = event.get("board", "")
                stopped = stopped or event["event"] == "stop"
                if event["event"] == "begin":
                    running.add(board)
                elif event["event"] == "end":
                    running.discard(board)
                    left.discard(board)
                on_event(event)
            if stopped and not running:
                return set()  # all others would only be skipped
            if not lines and not over:
                time.sleep(LOOK_S)
    return left


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Make sure that a process is gone, whatever happens; first politely."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(LEAVE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
