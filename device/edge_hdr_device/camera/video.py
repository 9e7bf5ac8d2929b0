"""Video files, at their own speed or as fast as they are read."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.camera.grabber import Grabber, open_capture
from edge_hdr_device.camera.pace import Pace
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.errors import CameraError, ImageError

logger = logging.getLogger("edge_hdr.camera")

DEFAULT_FPS = 25.0  # of a file that does not tell
CUT_FRAMES, CUT_SHARE = 2, 0.02  # missing at the end; fewer are a rough count of the file's own


class VideoFile(Source):
    """A video file.

    Args:
        path: the file.
        loop: begin again at the end.
        fast: give every frame as soon as the last one was taken, in place of its own time.
    """

    def __init__(self, path: Path, *, loop: bool = False, fast: bool = False) -> None:
        self.live = not fast
        self._path = path
        self._loop = loop
        self._pace = Pace(0.0)
        self._grabber: Grabber | None = None
        self._first: NDArray[np.uint8] | None = None
        self._closed = self._told = False
        self._given = self._promised = 0

    @property
    def description(self) -> str:
        """Name the file."""
        return f"video {self._path}"

    def open(self) -> None:
        """Open the file and read its first frame."""
        import cv2

        self._closed = False
        grabber = self._begin()
        fps = float(grabber.capture.get(cv2.CAP_PROP_FPS))
        usable = math.isfinite(fps) and 0 < fps <= 1000
        self._pace = Pace((fps if usable else DEFAULT_FPS) if self.live else 0.0)

    def read(self) -> Picture | None:
        """Read the next frame at its time; None at the end unless it loops."""
        self._pace.wait()
        image = self._next()
        if image is None and self._loop and not self._closed:
            try:
                self._begin()
            except ImageError as error:
                raise CameraError(f"{error.message} any more", hint=error.hint) from error
            image = self._next()
        return None if image is None else Picture(image, name=self._path.name)

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._pace.stop()
        if self._grabber:
            self._grabber.release()

    def _begin(self) -> Grabber:
        """Go to the first frame; opening anew works with every format, seeking does not."""
        import cv2

        if self._grabber:
            self._grabber.release()
        self._grabber = open_capture(str(self._path), cv2.CAP_FFMPEG)
        self._first = self._grabber.read() if self._grabber else None
        if self._grabber is None or self._first is None:
            raise ImageError(
                f"{self._path} cannot be read as a video",
                hint="convert it: ffmpeg -i FILE -c:v mjpeg -an video.avi",
            )
        promised = float(self._grabber.capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._promised = int(promised) if math.isfinite(promised) else 0
        self._given = 0
        return self._grabber

    def _next(self) -> NDArray[np.uint8] | None:
        image, self._first = self._first, None
        if image is None and self._grabber:
            image = self._grabber.read()
        if image is not None:
            self._given += 1
        elif not self._closed:
            self._tell_if_cut()
        return image

    def _tell_if_cut(self) -> None:
        """Warn once of a file that ends well before its own count of frames."""
        missing = self._promised - self._given
        if missing > max(CUT_FRAMES, CUT_SHARE * self._promised) and not self._told:
            self._told = True
            logger.warning(
                "video %s ends after %d of %d frames: it may be cut off or damaged",
                self._path,
                self._given,
                self._promised,
            )
