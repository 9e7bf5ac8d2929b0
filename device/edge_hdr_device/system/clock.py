"""Notice a wall clock that jumps: time stamps around the jump do not fit together."""

from __future__ import annotations

import logging
import threading

from edge_hdr_device.live import Part
from edge_hdr_device.results import stamp

logger = logging.getLogger("edge_hdr.clock")

JUMP_S = 2.0  # slower drift is how clocks are kept right


class Clock:
    """Compare the wall clock of each frame with the clock that never jumps.

    Nothing that is measured depends on the wall clock; only the stamps of results do.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_s: float | None = None
        self._jumps = 0
        self._last = ""

    def check(self, time_s: float, monotonic_s: float) -> float:
        """Take the times of a frame.

        Args:
            time_s: wall clock, in seconds since 1970.
            monotonic_s: `time.monotonic()` of the same moment.

        Returns:
            By how much the wall clock jumped since the last frame, in s; 0 when it did not.
        """
        offset_s = time_s - monotonic_s
        jump_s = 0.0 if self._offset_s is None else offset_s - self._offset_s
        self._offset_s = offset_s
        if abs(jump_s) <= JUMP_S:
            return 0.0
        with self._lock:
            self._jumps += 1
            self._last = f"by {jump_s:+.1f} s to {stamp(time_s)}"
        logger.warning("the clock jumped %s; earlier stamps do not fit later ones", self._last)
        return jump_s

    @property
    def part(self) -> Part:
        """Tell how the clock does; a jump is told and harms nothing."""
        with self._lock:
            detail = f"the clock jumped {self._last}" if self._last else ""
            return Part(
                "clock", "ok", "jumped" if self._jumps else "steady", detail, {"jumps": self._jumps}
            )
