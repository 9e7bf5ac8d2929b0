"""V4L2 and USB cameras through OpenCV."""

from __future__ import annotations

import errno
from pathlib import Path

from edge_hdr_device.camera import v4l2
from edge_hdr_device.camera.grabber import Grabber, open_capture
from edge_hdr_device.camera.holders import named_holders
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.errors import CameraError

RAW_PX = 640 * 480  # up to this size raw frames fit through USB 2 at full speed
# What OpenCV turns into pictures. Source: modules/videoio/src/cap_v4l.cpp, `convertableToRgb`.
RAW_CODES = ("YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "GREY", "RGB3", "BGR3", "Y16")
COMPRESSED_CODES = ("MJPG", "JPEG")
READABLE_CODES = RAW_CODES + COMPRESSED_CODES


class V4l2Camera(Source):
    """A camera behind one of the kernel's video devices, as USB cameras are.

    Args:
        path: of the device, as "/dev/video0" or one of /dev/v4l/by-id.
        width: wanted, in px; the camera takes the nearest that it has.
        height: wanted, in px.
        fps: wanted; 0 leaves it to the camera.
    """

    settle_s = 1.0

    def __init__(self, path: str, *, width: int = 640, height: int = 480, fps: float = 0.0) -> None:
        self._path = path
        self._width, self._height, self._fps = width, height, fps
        self._grabber: Grabber | None = None
        self._description = path

    @property
    def description(self) -> str:
        """Name the camera and, once it is open, its format."""
        return self._description

    def open(self) -> None:
        """Open the device and choose a format."""
        import cv2

        device = inspect(self._path)
        grabber = open_capture(self._path, cv2.CAP_V4L2)
        if grabber is None:
            raise _refused(self._path)
        self._grabber = grabber
        capture = grabber.capture
        code = choose_format(device.formats, self._width, self._height)
        if code:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*code.ljust(4)))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._height)
        if self._fps:
            capture.set(cv2.CAP_PROP_FPS, self._fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what waits in a queue is old
        width = round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self._description = f"{device.name} ({self._path}), {width}×{height} {code}".rstrip()

    def read(self) -> Picture:
        """Wait for the next frame."""
        image = self._grabber.read() if self._grabber else None
        if image is None:
            gone = not Path(self._path).exists()
            raise CameraError(
                f"{self._path} {'is gone' if gone else 'gives no pictures'}",
                hint="check cable and power; it is opened again as soon as it is there",
            )
        return Picture(image)

    def close(self) -> None:
        """Release the device."""
        if self._grabber:
            self._grabber.release()


def inspect(path: str) -> v4l2.VideoDevice:
    """Ask a video device what it is, and check that it can be read.

    Raises:
        CameraError: it is missing, forbidden, busy or gone, is no camera, or has no usable format.
    """
    try:
        device = v4l2.describe(path)
        if v4l2.is_busy(path):
            raise _busy(path)
    except OSError as error:
        raise translate(path, error) from error
    if not device.captures:
        raise CameraError(
            f"{path} ({device.name}) gives no pictures: it is another part of a device",
            hint="edge-hdr-device cameras lists those that do",
        )
    codes = [found.code for found in device.formats]
    if codes and not set(codes) & set(READABLE_CODES):
        raise CameraError(
            f"{path} ({device.name}) has no usable format, only {', '.join(codes)}",
            hint=f"needed is one of {', '.join(READABLE_CODES)}",
        )
    return device


def translate(path: str, error: OSError) -> CameraError:
    """Say what a device that cannot be opened needs."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return CameraError(
            f"{path} is forbidden to this user",
            hint="sudo usermod -aG video,render $USER, then log in again",
        )
    if error.errno == errno.EBUSY:
        return _busy(path)
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return CameraError(
            f"there is no camera at {path}",
            hint="plug it in; edge-hdr-device cameras lists what is there",
        )
    if error.errno in {errno.ENOTTY, errno.EINVAL, errno.EISDIR}:
        return CameraError(
            f"{path} is no video device", hint="edge-hdr-device cameras lists what is there"
        )
    return CameraError(
        f"{path} cannot be opened: {error.strerror or error}", hint="unplug it and plug it in again"
    )


def choose_format(formats: tuple[v4l2.VideoFormat, ...], width: int, height: int) -> str:
    """Choose how frames come: raw where they fit through the cable, else compressed.

    Raw frames need no decoding and have no artefacts of compression, but at larger sizes USB 2
    carries only a few of them a second.

    Args:
        formats: that the camera has.
        width: wanted, in px.
        height: wanted, in px.

    Returns:
        Four characters; empty to leave the choice to OpenCV.
    """
    codes = [found.code for found in formats]
    orders = (RAW_CODES, COMPRESSED_CODES)
    for order in orders if width * height <= RAW_PX else reversed(orders):
        for code in order:
            if code in codes:
                return code
    return ""


def _busy(path: str) -> CameraError:
    holders = named_holders([path])
    return CameraError(
        f"{path} is in use by {holders or 'another program'}",
        hint="end that program; the camera is opened again by itself",
    )


def _refused(path: str) -> CameraError:
    """Say why OpenCV did not open a device that opens."""
    if named_holders([path]):
        return _busy(path)
    return CameraError(
        f"{path} takes none of the formats that OpenCV reads",
        hint="unplug it and plug it in again, or give another camera",
    )
