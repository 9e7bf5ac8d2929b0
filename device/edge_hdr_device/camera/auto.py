"""Choose a camera among those that are there, at the time when it is opened."""

from __future__ import annotations

from collections.abc import Callable

from edge_hdr_device.camera import v4l2
from edge_hdr_device.camera.discovery import diagnose, gather
from edge_hdr_device.camera.opencv import V4l2Camera
from edge_hdr_device.camera.pace import patience_s
from edge_hdr_device.camera.picamera import CsiCamera, csi_cameras
from edge_hdr_device.camera.picamera2_module import load
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.errors import CameraError
from edge_hdr_device.settings import CameraConfig


class SearchedCamera(Source):
    """A camera that is looked for each time it is opened: it may be plugged in by then.

    Args:
        wanted: how the user calls it.
        find: gives the camera, not opened yet; raises CameraError where there is none.
    """

    settle_s = 1.0

    def __init__(self, wanted: str, find: Callable[[], Source]) -> None:
        self._wanted = wanted
        self._find = find
        self._found: Source | None = None

    @property
    def description(self) -> str:
        """Name the camera that was found, or what is looked for."""
        return self._found.description if self._found else self._wanted

    def open(self) -> None:
        """Look for the camera and open it."""
        self._found = self._find()
        self._found.open()

    def read(self) -> Picture | None:
        """Wait for the next frame."""
        if self._found is None:
            raise CameraError(f"{self._wanted} is not open")
        return self._found.read()

    def close(self) -> None:
        """Let go of the camera."""
        if self._found:
            self._found.close()


def find_any(config: CameraConfig) -> Source:
    """Take the first camera on a ribbon cable, else the first of the kernel's other ones.

    Raises:
        CameraError: there is none; the message says why, the hint what repairs it.
    """
    try:
        if csi_cameras(load().Picamera2.global_camera_info()):
            return csi_camera(0, config)
    except (CameraError, RuntimeError, OSError):
        pass  # no board with such cameras, or `diagnose` names the reason below
    cameras = [device for device in v4l2.list_devices() if device.is_camera]
    if cameras:
        return v4l2_camera(cameras[0].path, config)
    problem = diagnose(gather())[0]
    command = f"{problem.command}; " if problem.command else ""
    raise CameraError(problem.message, hint=f"{command}to try without one: --camera synthetic")


def find_usb(number: int, config: CameraConfig) -> Source:
    """Take a USB camera by its place among them.

    Raises:
        CameraError: there are fewer.
    """
    cameras = [device for device in v4l2.list_devices() if device.is_camera and device.is_usb]
    if number < len(cameras):
        return v4l2_camera(cameras[number].path, config)
    raise CameraError(
        f"there is no camera usb:{number}, {len(cameras)} can be opened on USB",
        hint="edge-hdr-device cameras lists them, and says why one is not seen",
    )


def v4l2_camera(path: str, config: CameraConfig) -> Source:
    """Make the camera behind a video device."""
    return V4l2Camera(path, width=config.width, height=config.height, fps=config.fps)


def csi_camera(number: int, config: CameraConfig) -> Source:
    """Make a camera on a ribbon cable."""
    return CsiCamera(
        number,
        width=config.width,
        height=config.height,
        fps=config.fps,
        exposure_us=config.exposure_us,
        gain=config.gain,
        focus=config.focus,
        buffers=config.buffers,
        wait_s=patience_s(config),
    )
