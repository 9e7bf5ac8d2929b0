"""The life of an installation: who ends it, and when it must not be ended."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from edge_hdr_device.errors import EdgeHdrError

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
BLOCK = 4096


class StoppedError(EdgeHdrError):
    """It was told to stop, or whoever wanted it has gone; all is as it was before."""

    code = "interrupted"
    exit_code = 130


class Stopped(KeyboardInterrupt):
    """Raised in the main thread wherever it is, past every `except Exception`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Life:
    """Turn the signals that end a process into `Stopped`, once, and not within a shield.

    As a context manager it handles signals where this is the main thread.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._shields = 0
        self._raised = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Life:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in ENDING}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def shield(self) -> Iterator[None]:
        """Let the body end before anything is stopped; the first stop is remembered."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def stand_firm(self) -> None:
        """Let nothing stop this any more: what is kept is kept."""
        self._shields += 1

    def check(self) -> None:
        """Raise what was held back by a shield.

        Raises:
            Stopped: it was told to stop meanwhile.
        """
        if self.reason and not self._raised and not self._shields:
            self._raised = True
            raise Stopped(self.reason)

    def stop(self, reason: str) -> None:
        """Stop here and now, unless within a shield or stopped already; from any thread."""
        self.reason = self.reason or reason
        main = threading.main_thread()
        if threading.current_thread() is main:
            self.check()
        else:
            signal.pthread_kill(main.ident or 0, signal.SIGTERM)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.stop(f"by {signal.Signals(number).name}")


def follow_life_line(life: Life, descriptor: int = 0) -> None:
    """Stop once the other end of a pipe or connection closes; what comes is not looked at."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, BLOCK):
                pass
        life.stop("as the connection was cut")

    threading.Thread(target=wait, name="life line", daemon=True).start()
