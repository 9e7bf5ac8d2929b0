"""Cameras that speak HTTP: a stream of JPEG pictures, or one picture a request."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from edge_hdr_device.camera.http_connection import Connection
from edge_hdr_device.camera.multipart import MAX_PART_BYTES, Parts
from edge_hdr_device.camera.pace import Pace
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.camera.stream import FfmpegStream, without_secrets
from edge_hdr_device.errors import CameraError
from edge_hdr_device.images import read_image

SNAPSHOT_FPS = 5.0  # at which a camera of single pictures is asked
MOST_SKIPPED = 100  # pictures passed over in a row to catch up
_AGAIN = "check the camera's network; it is opened again by itself"


class HttpCamera(Source):
    """A camera at an http:// or https:// address.

    MJPEG streams are read here and not by FFmpeg, which gives up at a damaged picture and decodes
    those that a newer one has overtaken. An address that answers with one picture is asked again
    and again; any other kind of stream is left to FFmpeg.

    Args:
        address: with user name and password where the camera wants them.
        fps: pictures a second to decode at most; 0 is all, or five single ones.
        wait_s: a picture that takes longer is taken for lost.
    """

    def __init__(self, address: str, *, fps: float = 0.0, wait_s: float = 4.0) -> None:
        self._address = address
        self._wait_s = wait_s
        self._shown = without_secrets(address)
        self._period_s = 1 / fps if fps else 0.0
        self._pace = Pace(fps or SNAPSHOT_FPS)
        self._due_s = 0.0
        self._connection: Connection | None = None
        self._parts: Parts | None = None
        self._other: FfmpegStream | None = None

    @property
    def description(self) -> str:
        """Give the address without its secrets."""
        return self._shown

    def open(self) -> None:
        """Ask once, and see what kind of camera it is."""
        self._pace.start()
        self._due_s = 0.0
        self._parts = self._other = None
        self._connection = connection = Connection(self._address, self._wait_s)
        kind = connection.get()
        if kind.startswith("multipart/"):
            self._parts = Parts(connection, kind)
            return
        connection.close()
        if kind.startswith(("text/", "application/json")):
            raise CameraError(
                f"{self._shown} answers with {kind.partition(';')[0]}, which is no picture",
                hint="give the address of the stream itself, not of the page that shows it",
            )
        if not kind.startswith("image/"):
            self._other = FfmpegStream(self._address, wait_s=self._wait_s)
            self._other.open()

    def read(self) -> Picture:
        """Wait for the next picture."""
        if self._other:
            return self._other.read()
        if self._parts:
            data = self._newest(self._parts)
        else:
            self._pace.wait()
            data = self._snapshot()
        return Picture(read_image(data, name=f"a picture from {self._shown}"))

    def close(self) -> None:
        """Break the connection, also while it is read."""
        self._pace.stop()
        if self._connection:
            self._connection.close()
        if self._other:
            self._other.close()

    def _newest(self, parts: Parts) -> bytes:
        """Read the next picture that is due and has no newer one behind it."""
        data = self._told(parts.next)
        for _ in range(MOST_SKIPPED):
            overtaken = bool(self._connection and self._connection.waiting_bytes() > len(data))
            if not overtaken and time.monotonic() >= self._due_s:
                break
            self.skipped += overtaken  # those before their time were not wanted
            data = self._told(parts.next)
        self._due_s = time.monotonic() + 0.9 * self._period_s
        return data

    def _snapshot(self) -> bytes:
        """Ask for one picture."""
        self._connection = connection = Connection(self._address, self._wait_s)
        try:
            connection.get()
            return self._told(lambda: connection.read(MAX_PART_BYTES))
        finally:
            connection.close()

    def _told(self, read: Callable[[], bytes]) -> bytes:
        """Read; what goes wrong with the connection is told in our words."""
        try:
            return read()
        except CameraError as error:
            raise CameraError(f"{self._shown}: {error.message}", hint=_AGAIN) from error
        except TimeoutError as error:
            raise CameraError(
                f"{self._shown} sends nothing for {self._wait_s:g} s", hint=_AGAIN
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CameraError(f"{self._shown} has broken off: {error}", hint=_AGAIN) from error
