"""Cameras on a Raspberry Pi's ribbon cable (CSI), through picamera2.

Source: the picamera2 manual, and picamera2 0.3.17 (the oldest that can wait with a limit) to
0.3.38.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.camera.holders import named_holders
from edge_hdr_device.camera.picamera2_module import load
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.errors import CameraError, ConfigError

MANUAL, AUTO, CONTINUOUS, START = 0, 1, 2, 0  # libcamera's AfMode and AfTrigger
SMALL_MEMORY_KB, SMALL_CMA_KB = 600_000, 100_000  # a Zero 2 W has 512 MB
FEW_BUFFERS, ENOUGH_BUFFERS = 2, 4
FASTEST_US, SLOWEST_US = 100, 83_333  # of a frame: as fast as it can, 12 a second in the dark
SMALL_PX = 1280 * 960  # the largest picture that a board with little memory is asked for
FOCUS = ("auto", "continuous", "off")


class CsiCamera(Source):
    """A camera on the ribbon cable; gives the grey plane of its small stream.

    Args:
        number: of the camera, from 0, USB cameras not counted.
        width: wanted, in px.
        height: wanted, in px.
        fps: wanted; 0 lets the camera choose by the light.
        exposure_us: 0 is automatic.
        gain: 0 is automatic.
        focus: auto (once, at the start), continuous, off, or a lens position in dioptres.
        buffers: 0 chooses by the board's memory.
        wait_s: a frame that takes longer is taken for lost.
    """

    settle_s = 1.0

    def __init__(
        self,
        number: int = 0,
        *,
        width: int = 640,
        height: int = 480,
        fps: float = 0.0,
        exposure_us: int = 0,
        gain: float = 0.0,
        focus: str = "auto",
        buffers: int = 0,
        wait_s: float = 5.0,
    ) -> None:
        self._number = number
        self._size = (width, height)
        self._fps, self._exposure_us, self._gain = fps, exposure_us, gain
        self._lens = parse_focus(focus)
        self._buffers = buffers
        self._wait_s = wait_s
        self._camera: Any = None
        self._shape = (0, 0, 0)
        self._description = f"csi:{number}"

    @property
    def description(self) -> str:
        """Name the sensor and, once it is open, its size."""
        return self._description

    def open(self) -> None:
        """Take the camera, configure it and start it."""
        kind = load().Picamera2
        try:
            info = csi_cameras(kind.global_camera_info())
            if self._number >= len(info):
                raise CameraError(
                    f"there is no camera csi:{self._number}, only {len(info)} on the ribbon cable",
                    hint="edge-hdr-device cameras lists them, and says why one is not seen",
                )
            index, model = info[self._number]
            self._camera = camera = acquire(kind, index)
            camera.configure(self._configuration(camera))
            stream = camera.stream_configuration("lores")
            width, height = stream["size"]
            self._shape = (width, height, stream["stride"])
            camera.start()
            if self._lens == AUTO and "AfTrigger" in camera.camera_controls:
                camera.set_controls({"AfTrigger": START})
        except (RuntimeError, OSError, ValueError, TypeError, KeyError, IndexError) as error:
            raise translate(error) from error
        self._description = f"{model} (csi:{self._number}), {width}×{height}"

    def read(self) -> Picture:
        """Wait for the next frame and copy its grey plane."""
        camera = self._camera
        if camera is None:
            raise CameraError(f"{self._description} is closed")
        try:
            job = camera.capture_request(wait=False)
            request = camera.wait(job, timeout=self._wait_s)
            try:
                plane = grey_plane(request.make_buffer("lores"), *self._shape)
            finally:
                request.release()
        except TimeoutError as error:
            raise CameraError(
                f"{self._description} gives no frame for {self._wait_s:g} s",
                hint="check the ribbon cable at both ends; it is opened again by itself",
            ) from error
        except Exception as error:  # whatever a camera that is being closed makes of it
            raise translate(error, "gives no frame") from error
        return Picture(plane)

    def close(self) -> None:
        """Stop the camera and let go of it."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        with contextlib.suppress(AttributeError):  # before 0.3.22
            camera.cancel_all_and_flush()  # a frame still waited for would block the stop for ever
        try:
            camera.close()
        except Exception as error:
            raise translate(error, "cannot be closed") from error

    def _configuration(self, camera: Any) -> dict[str, Any]:
        """Ask for small pictures from the whole sensor, and few of them at a time."""
        memory = memory_kb()
        size = fit_size(self._size, memory)
        width, height = camera.sensor_resolution
        configuration: dict[str, Any] = camera.create_preview_configuration(
            main={"size": size, "format": "YUV420"},
            lores={"size": size, "format": "YUV420"},
            raw=None,
            # half the pixels each way is the binned mode that every sensor has, with its full
            # field of view; asked for the small size, some would crop
            sensor={"output_size": (width // 2, height // 2)},
            buffer_count=self._buffers or choose_buffers(memory),
            controls=self._controls(camera.camera_controls),
            queue=False,  # what waits in a queue is old
            display=None,
            encode=None,
        )
        return configuration

    def _controls(self, known: dict[str, Any]) -> dict[str, Any]:
        """Set what the user asked for and this camera has."""
        wanted: dict[str, Any] = {}
        fixed_us = round(1e6 / self._fps) if self._fps else 0
        longest_us = max(fixed_us or SLOWEST_US, self._exposure_us)  # a limit cuts exposures short
        wanted["FrameDurationLimits"] = (fixed_us or FASTEST_US, longest_us)
        if self._exposure_us:
            wanted["ExposureTime"] = self._exposure_us
        if self._gain:
            wanted["AnalogueGain"] = self._gain
        if isinstance(self._lens, float):
            wanted |= {"AfMode": MANUAL, "LensPosition": self._lens}
        else:
            wanted["AfMode"] = self._lens
        return {name: value for name, value in wanted.items() if name in known}


def grey_plane(
    buffer: NDArray[np.uint8], width: int, height: int, stride: int
) -> NDArray[np.uint8]:
    """Take the grey plane out of a YUV420 buffer, without the padding of its rows.

    Args:
        buffer: uint8 (N,), N ≥ stride × height; the planes of color follow the grey one.
        width: of the picture, in px.
        height: of the picture, in px.
        stride: bytes from one row to the next, ≥ width.

    Returns:
        uint8 (height, width), a copy that stays when the buffer is used again.
    """
    rows = buffer[: stride * height].reshape(height, stride)
    return np.array(rows[:, :width], np.uint8, order="C")


def parse_focus(text: str) -> int | float:
    """Read what the lens is to do: one of libcamera's modes, or its position in dioptres.

    Raises:
        ConfigError: neither a word that is known nor a number from 0 to 32.
    """
    if text in FOCUS:
        return (AUTO, CONTINUOUS, MANUAL)[FOCUS.index(text)]
    with contextlib.suppress(ValueError):
        if 0 <= (position := float(text)) <= 32:
            return position
    raise ConfigError(
        f"focus = {text!r} is no way to focus",
        hint=f"one of {', '.join(FOCUS)}, or dioptres: 10 is sharp at 10 cm, 0 far away",
    )


def memory_kb(file: Path = Path("/proc/meminfo")) -> dict[str, int]:
    """Read the kernel's figures on memory, in kB, as MemTotal and CmaTotal; none elsewhere."""
    found = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(":")
            found[name] = int(value.split()[0])
    return found


def choose_buffers(memory: dict[str, int]) -> int:
    """Choose how many frames are in flight; a board with little memory runs out of it."""
    return FEW_BUFFERS if _is_small(memory) else ENOUGH_BUFFERS


def fit_size(size: tuple[int, int], memory: dict[str, int]) -> tuple[int, int]:
    """Give an even size, halved until a board with little memory can hold it."""
    width, height = size
    while _is_small(memory) and width * height > SMALL_PX:
        width, height = width // 2, height // 2
    return max(width - width % 2, 2), max(height - height % 2, 2)


def _is_small(memory: dict[str, int]) -> bool:
    total, contiguous = memory.get("MemTotal", 0), memory.get("CmaTotal", 0)
    return 0 < total < SMALL_MEMORY_KB or 0 < contiguous < SMALL_CMA_KB


def csi_cameras(info: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """List number and model of the cameras on ribbon cables; libcamera sees USB ones as well."""
    return [
        (index, str(entry.get("Model", "camera")))
        for index, entry in enumerate(info)
        if "/usb" not in str(entry.get("Id", ""))
    ]


def acquire(kind: Any, index: int) -> Any:
    """Make a `Picamera2`; where that fails, close the pipe that it leaves open."""
    camera = kind.__new__(kind)
    try:
        camera.__init__(index)
    except BaseException:
        # else a camera that is busy for a day costs us every file descriptor, one a try
        with contextlib.suppress(AttributeError, OSError):
            os.close(camera.notifyme_w)
        raise
    return camera


def translate(error: Exception, failure: str = "does not start") -> CameraError:
    """Say in our words what picamera2 could not do."""
    if isinstance(error, CameraError):
        return error
    reasons = []
    cause: BaseException | None = error
    while cause is not None:
        reasons.append(str(cause) or type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    text = "; ".join(dict.fromkeys(reasons))
    low = text.lower()
    if isinstance(error, TypeError):
        return CameraError(
            f"this picamera2 is too old: {text}", hint="sudo apt update && sudo apt full-upgrade"
        )
    if "acquire" in low or "busy" in low or "in use" in low:
        user = named_holders(map(str, Path("/dev").glob("media*")))
        return CameraError(
            f"the camera is in use by {user or 'another program'}",
            hint="end that program; the camera is opened again by itself",
        )
    if "permission" in low:
        return CameraError(
            "the camera is forbidden to this user",
            hint="sudo usermod -aG video,render $USER, then log in again",
        )
    if "allocate" in low:
        return CameraError(
            f"the board has no memory for pictures: {text}",
            hint="ask for a smaller size, or fewer buffers (2 is the least)",
        )
    return CameraError(
        f"the camera {failure}: {text}", hint="try rpicam-hello; edge-hdr-device cameras"
    )
