"""Streams of network cameras that FFmpeg reads, above all RTSP; and how addresses are shown."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from edge_hdr_device.camera.grabber import Grabber, open_capture
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.errors import CameraError

OPEN_S = 8.0  # to connect and to describe the stream
# without "://" before it: the log would take it for a password and mask it
LOGIN_HINT = "write user name and password into the address, before the host: USER:PASSWORD@HOST"
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


class FfmpegStream(Source):
    """A stream that FFmpeg reads; RTSP comes over TCP, so that no packet is lost on the way.

    Args:
        address: rtsp://, rtsps://, http:// or https://, with user name and password where needed.
        wait_s: a frame that takes longer is taken for lost.
    """

    def __init__(self, address: str, *, wait_s: float = 4.0) -> None:
        self._address = address
        self._wait_s = wait_s
        self._shown = without_secrets(address)
        self._grabber: Grabber | None = None

    @property
    def description(self) -> str:
        """Give the address without its secrets."""
        return self._shown

    def open(self) -> None:
        """Connect and wait for the stream to be described."""
        import cv2

        self._knock()
        # FFmpeg's own default with OpenCV is RTSP over TCP, where no options say otherwise
        limits = {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: 1e3 * OPEN_S,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: 1e3 * self._wait_s,
        }
        self._grabber = open_capture(self._address, cv2.CAP_FFMPEG, limits)
        if self._grabber is None:
            raise CameraError(
                f"{self._shown} answers, but gives no stream",
                hint=f"check the path; {LOGIN_HINT}",
            )

    def read(self) -> Picture:
        """Wait for the next frame."""
        image = self._grabber.read() if self._grabber else None
        if image is None:
            raise CameraError(
                f"{self._shown} has ended or sends nothing",
                hint="check the camera's network; it is opened again by itself",
            )
        return Picture(image)

    def close(self) -> None:
        """Close the connection."""
        if self._grabber:
            self._grabber.release()

    def _knock(self) -> None:
        """Connect once: a host that is away is told from an address that is wrong."""
        parts = urlsplit(self._address)
        try:
            port = parts.port or PORTS[parts.scheme]
            socket.create_connection((parts.hostname or "", port), timeout=OPEN_S).close()
        except (OSError, ValueError) as error:
            raise unreachable(self._address, error) from error


def without_secrets(address: str) -> str:
    """Show an address without user name, password and query, which may hold a password too.

    Args:
        address: as "rtsp://admin:secret@10.0.0.7/live?token=1".

    Returns:
        As "rtsp://10.0.0.7/live?…".
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}{'?…' if parts.query else ''}"


def unreachable(address: str, error: Exception) -> CameraError:
    """Say that a camera of the network does not answer."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    parts = urlsplit(address)
    refused = isinstance(error, ConnectionRefusedError)  # by a machine that is there
    return CameraError(
        f"{parts.netloc.rpartition('@')[2]} does not answer: {reason}",
        hint="check the port, and that the camera's stream is switched on"
        if refused
        else f"check cable, Wi-Fi and address: ping {parts.hostname}",
    )
