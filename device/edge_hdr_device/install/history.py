"""What was deployed on a board, when and by whom: one JSON line each, the last one last."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime
from typing import Any

from edge_hdr_device.errors import StorageError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.storage import write_atomic

MOST_BYTES = 256 << 10  # then the older half is dropped


def add(layout: Layout, **entry: Any) -> bool:
    """Note what was done; the time is added.

    A history that cannot be written undoes nothing that was done.

    Args:
        layout: of the deployment; the caller holds it.
        entry: by, action, id, model, outcome, detail.

    Returns:
        Whether it was written; nothing of it is left otherwise.
    """
    time = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"time": time, **entry}).encode() + b"\n"
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(layout.history, flags, 0o644)
    except OSError:
        return False
    try:
        return _append(descriptor, line)
    finally:
        os.close(descriptor)
        _shorten(layout)


def read(layout: Layout, last: int = 20) -> list[dict[str, Any]]:
    """Give the last entries, oldest first; lines that a power cut tore are left out.

    Args:
        layout: of the deployment.
        last: at most so many.
    """
    try:
        lines = layout.history.read_bytes().splitlines()
    except OSError:
        return []
    found: list[dict[str, Any]] = []
    for line in reversed(lines):
        if len(found) == last:
            break
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                found.append(entry)
    return found[::-1]


def _append(descriptor: int, line: bytes) -> bool:
    """Write a line after the last whole one; all of it or nothing."""
    size = os.fstat(descriptor).st_size
    torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    text = b"\n" + line if torn else line
    try:
        whole = os.write(descriptor, text) == len(text)
        os.fsync(descriptor)
    except OSError:
        whole = False
    if not whole:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
    return whole


def _shorten(layout: Layout) -> None:
    with contextlib.suppress(OSError, StorageError):
        if layout.history.stat().st_size > MOST_BYTES:
            lines = layout.history.read_bytes().splitlines(keepends=True)
            write_atomic(layout.history, b"".join(lines[len(lines) // 2 :]))
