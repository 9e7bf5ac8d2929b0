"""A connection's private folder: the shared connection's socket, and what the client logs."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

SOCKET_LETTERS = 80  # 104 are allowed, and the client adds 17 while it makes it
_PLAIN = re.compile(r"[\w/.+-]+", re.ASCII)


class SshFolder:
    """Holds the socket and the logs; for this user only, with a short name where there is one."""

    def __init__(self) -> None:
        self._folder = _private()
        self._logs = 0
        self.socket = self._folder / "s"
        self.master_log = self._folder / "master.log"

    @property
    def has_master(self) -> bool:
        """Tell whether the shared connection is there."""
        return self.socket.exists()

    @property
    def fits(self) -> bool:
        """Tell whether the client can make its socket here."""
        return os.name != "nt" and _fits(self.socket)

    def new_log(self) -> Path:
        """Give the name of a log for one command."""
        self._logs += 1
        return self._folder / f"{self._logs}.log"

    def remove(self) -> None:
        """Remove it with all that it holds."""
        shutil.rmtree(self._folder, ignore_errors=True)


def read(log: Path) -> str:
    """Read a log; one that is not there is empty."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _private() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="edge-hdr-"))
    if not _fits(folder / "s"):
        with contextlib.suppress(OSError):
            short = Path(tempfile.mkdtemp(prefix="edge-hdr-", dir="/tmp"))
            folder.rmdir()
            return short
    return folder


def _fits(socket: Path) -> bool:
    return len(str(socket)) <= SOCKET_LETTERS and _PLAIN.fullmatch(str(socket)) is not None
