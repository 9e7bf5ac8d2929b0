"""One attempt at a camera: a source and the thread that reads it, which may hang."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_hdr_device.camera.source import Source

logger = logging.getLogger("edge_hdr.camera")


class Life:
    """A thread with its source.

    Attributes:
        source: that it reads now; None before the first one.
        skipped: pictures that the source passed over, as far as they are counted.
        deadline_s: when the call that the thread is in, if any, has taken too long.
    """

    def __init__(self) -> None:
        self.source: Source | None = None
        self.skipped = 0
        self.deadline_s = float("inf")
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=work, name="camera", daemon=True)
        self._thread.start()

    @property
    def hangs(self) -> bool:
        """Tell whether the thread has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        if self._thread:
            self._thread.join(max(0.0, timeout_s))

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Let the one who watches know that the body may not take longer."""
        self.deadline_s = time.monotonic() + seconds
        try:
            yield
        finally:
            self.deadline_s = float("inf")

    def close(self) -> None:
        """Close the source, whatever it says."""
        try:
            if self.source:
                self.source.close()
        except Exception as error:  # it is left anyway
            logger.debug("closing a camera failed: %s", error)

    def close_aside(self) -> None:
        """Close on a thread of its own, as closing a camera that hangs may hang as well."""
        threading.Thread(target=self.close, name="camera-close", daemon=True).start()
