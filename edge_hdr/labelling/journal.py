"""Keep each key: a line that is on disk before it counts, in a file that one program writes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from edge_hdr.errors import StorageError
from edge_hdr_device.storage import storage_error

FILE = "labels.jsonl"

Entry = dict[str, Any]


class Journal:
    """Read and extend the journal of a folder; the folder is held against a second program.

    Args:
        folder: of the samples.

    Raises:
        StorageError: the folder cannot be written, the journal cannot be read, or another
            program has it open.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._file = -1
        self._folder = _hold(folder)
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            self.close()
            reason = error.strerror or error
            raise StorageError(
                f"{self.path} cannot be read: {reason}", hint="make it readable, or move it away"
            ) from error
        # what follows the last whole line was cut off by a crash, and never confirmed
        self._end_bytes = content.rfind(b"\n") + 1
        lines = content[: self._end_bytes].splitlines()
        parsed = [_parse(line) for line in lines]
        self.entries = [entry for entry in parsed if entry is not None]
        self.damaged = len(parsed) - len(self.entries)

    def append(self, entry: Entry) -> None:
        """Add a line and bring it to disk; after an error the journal is as before.

        Raises:
            StorageError: the disk is full or broken, or the journal was removed.
        """
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            self._open()
            if os.pwrite(self._file, line, self._end_bytes) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError as error:
            self._cut()
            raise storage_error(self.path, error) from error
        self._end_bytes += len(line)

    def close(self) -> None:
        """Let another program have the folder."""
        for handle in (self._file, self._folder):
            if handle >= 0:
                os.close(handle)
        self._file = self._folder = -1

    def _cut(self) -> None:
        """Remove what was half written; where that fails, the next line is written over it."""
        with contextlib.suppress(OSError):
            if os.fstat(self._file).st_size > self._end_bytes:
                os.ftruncate(self._file, self._end_bytes)

    def _open(self) -> None:
        """Open the file for the first line, and make sure that it is still the one we know."""
        if self._file < 0:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with contextlib.suppress(OSError):  # its name in the folder, too, where that can be
                os.fsync(self._folder)
        status = os.fstat(self._file)
        if not status.st_nlink or status.st_size < self._end_bytes:
            raise OSError(errno.ESTALE, "another program removed or shortened it; start again")


def _hold(folder: Path) -> int:
    """Open a folder and lock it; the lock ends with the program, however that ends."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(
            f"{folder} cannot be written", hint="copy the samples to a folder of your own"
        )
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StorageError(
            f"another edge-hdr label has {folder} open",
            hint="use its page, which several windows may show, or end it first",
        ) from error
    except OSError:  # some network file systems have no locks
        pass
    return handle


def _parse(line: bytes) -> Entry | None:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            return entry
    return None
