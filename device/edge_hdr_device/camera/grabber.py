"""An OpenCV capture that may be closed while another thread reads from it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import cv2

# OpenCV waits so long for a frame of a V4L2 camera; its own 10 s would outlast our watchdog.
V4L2_WAIT_S = 3
FATAL = 1  # of OpenCV's levels of logging


class Grabber:
    """Hold a `cv2.VideoCapture`.

    Releasing one while it reads crashes the process, so whoever comes last releases it: the thread
    that closes, or the one that was still reading.

    Args:
        capture: opened or not.
    """

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self.capture = capture
        self._lock = threading.Lock()
        self._leaving = False

    def read(self) -> NDArray[np.uint8] | None:
        """Read the next frame, uint8 (H, W, 3) BGR or (H, W); None where there is none."""
        import cv2

        image = None
        with self._lock:
            if not self._leaving:
                try:
                    image = self.capture.read()[1]
                except cv2.error:
                    image = None
        if self._leaving:
            self.release()
        return None if image is None else np.asarray(image, np.uint8)

    def release(self) -> None:
        """Let go of the device at once, or as soon as the thread that reads comes back."""
        self._leaving = True
        if self._lock.acquire(blocking=False):
            try:
                self.capture.release()
            finally:
                self._lock.release()


def open_capture(
    address: str, backend: int, options: dict[int, float] | None = None
) -> Grabber | None:
    """Open a device, file or address with OpenCV, which writes nothing to the terminal.

    Args:
        address: of the device, file or stream.
        backend: one of OpenCV's, as `cv2.CAP_V4L2`; any other is taken where it has none such.
        options: properties that this backend takes while it opens.

    Returns:
        None where OpenCV cannot open it.
    """
    import cv2

    # FFmpeg and OpenCV would fill the journal with a line a damaged frame, and with addresses
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(V4L2_WAIT_S))
    _set_level(FATAL)
    known = cv2.videoio_registry.getBackends()
    try:
        if backend not in known:
            capture = cv2.VideoCapture(address)
        elif options:
            pairs = [int(value) for pair in options.items() for value in pair]
            capture = cv2.VideoCapture(address, backend, pairs)
        else:
            capture = cv2.VideoCapture(address, backend)
    except cv2.error:
        return None
    if not capture.isOpened():
        capture.release()
        return None
    return Grabber(capture)


def _set_level(level: int) -> None:
    """Log only what is as grave as a level; OpenCV 5 has moved the function."""
    import cv2

    older = getattr(cv2, "setLogLevel", None)
    (older or cv2.utils.logging.setLogLevel)(level)
