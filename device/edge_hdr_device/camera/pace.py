"""A steady beat for sources that have none of their own."""

from __future__ import annotations

import threading
import time

from edge_hdr_device.settings import CameraConfig


class Pace:
    """Wait from beat to beat; a beat that was missed is not made up for.

    Args:
        fps: beats a second; 0 never waits.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps if fps > 0 else 0.0
        self._due_s = 0.0
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Wait for the next beat; returns at once when it is over or late, or after `stop`."""
        left_s = self._due_s - time.monotonic()
        if left_s > 0:
            self._stopped.wait(left_s)
        self._due_s += self._period_s
        now_s = time.monotonic()
        if self._due_s < now_s:
            self._due_s = now_s + self._period_s

    def start(self) -> None:
        """Begin with a beat right now."""
        self._stopped.clear()
        self._due_s = 0.0

    def stop(self) -> None:
        """End a wait, from any thread, and every later one."""
        self._stopped.set()


def patience_s(config: CameraConfig) -> float:
    """Give how long a frame may take before the camera is taken for silent.

    Args:
        config: its `stall_s`, but never less than three frames of a slow camera.
    """
    return max(config.stall_s, 3.0 / config.fps if config.fps else 0.0)
