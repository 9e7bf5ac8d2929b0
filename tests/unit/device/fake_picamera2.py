"""picamera2 as far as our code uses it, with its behaviour read from its source: it cannot run
without a Raspberry Pi."""

from __future__ import annotations

import concurrent.futures
import os
import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

HALF_RESOLUTION = (2304, 1296)
INFO = [
    {
        "Model": "imx708",
        "Location": 2,
        "Rotation": 180,
        "Id": "/base/soc/i2c@1/imx708@1a",
        "Num": 0,
    },
    {"Model": "USB Cam", "Id": "/base/soc/usb@0-1:1.0-046d", "Num": 1},
]
CONTROLS = {
    "FrameDurationLimits": (100, 10**6, 33_333),
    "ExposureTime": (0, 10**6, 20_000),
    "AnalogueGain": (1.0, 16.0, 1.0),
    "AfMode": (0, 2, 0),
    "AfTrigger": (0, 1, 0),
    "LensPosition": (0.0, 32.0, 1.0),
}


@dataclass
class Board:
    """What a test sets up and what it looks at afterwards."""

    info: list[dict[str, Any]] = field(default_factory=lambda: list(INFO))
    controls: dict[str, Any] = field(default_factory=lambda: dict(CONTROLS))
    stride: int = 704
    fails: dict[str, Exception] = field(default_factory=dict)
    held: int = 0  # requests that were not given back
    cameras: list[Any] = field(default_factory=list)

    def frame(self, number: int, width: int, height: int) -> NDArray[np.uint8]:
        """Make a YUV420 buffer; the grey plane is `number` at its left and 200 at its right."""
        plane = np.full((height, self.stride), 255, np.uint8)  # padding
        plane[:, :width] = number
        plane[:, width - 1] = 200
        color = np.full(self.stride * height // 2, 128, np.uint8)
        return np.concatenate([plane.reshape(-1), color])


def install(monkeypatch: pytest.MonkeyPatch) -> Board:
    """Put a module `picamera2` with one camera behind it among the imported ones."""
    board = Board()
    module = types.ModuleType("picamera2")
    module.Picamera2 = make_class(board)  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "picamera2", module)
    return board


def make_class(board: Board) -> type:
    class Request:
        def __init__(self, camera: Any) -> None:
            board.held += 1
            self.number, self.camera = camera.number, camera

        def make_buffer(self, name: str) -> NDArray[np.uint8]:
            assert name == "lores"
            if "make_buffer" in board.fails:
                raise board.fails["make_buffer"]
            return board.frame(self.number, *self.camera.configuration["lores"]["size"])

        def release(self) -> None:
            board.held -= 1

    class Picamera2:
        sensor_resolution = (4608, 2592)
        camera_controls = board.controls

        @staticmethod
        def global_camera_info() -> list[dict[str, Any]]:
            return board.info

        def __init__(self, camera_num: int = 0) -> None:
            board.cameras.append(self)
            self.notifyme_r, self.notifyme_w = os.pipe2(os.O_NONBLOCK)
            self.notifymeread = os.fdopen(self.notifyme_r, "rb")
            self.index, self.number, self.calls, self.set = camera_num, 0, [], {}
            if "init" in board.fails:
                raise RuntimeError("Camera __init__ sequence did not complete.") from board.fails[
                    "init"
                ]

        def create_preview_configuration(self, **wanted: Any) -> dict[str, Any]:
            return wanted

        def configure(self, configuration: dict[str, Any]) -> None:
            if "configure" in board.fails:
                raise board.fails["configure"]
            configuration["lores"]["stride"] = board.stride
            self.configuration = configuration

        def stream_configuration(self, name: str) -> dict[str, Any]:
            return dict(self.configuration[name])

        @property
        def sensor_modes(self) -> list[dict[str, Any]]:
            if "sensor_modes" in board.fails:
                raise board.fails["sensor_modes"]
            return [{"format": "SRGGB10", "size": HALF_RESOLUTION, "bit_depth": 10, "fps": 56.03}]

        def start(self) -> None:
            self.calls.append("start")

        def set_controls(self, controls: dict[str, Any]) -> None:
            self.set |= controls

        def capture_request(self, wait: bool) -> concurrent.futures.Future[Request]:
            assert wait is False
            job: concurrent.futures.Future[Request] = concurrent.futures.Future()
            self.number += 1
            if "capture" in board.fails:
                job.set_exception(board.fails["capture"])
            elif "silent" not in board.fails:
                job.set_result(Request(self))
            return job

        def wait(self, job: concurrent.futures.Future[Request], timeout: float) -> Request:
            return job.result(timeout)

        def cancel_all_and_flush(self) -> None:
            self.calls.append("cancel")

        def close(self) -> None:
            self.calls.append("close")
            self.notifymeread.close()
            os.close(self.notifyme_w)
            if "close" in board.fails:
                raise board.fails["close"]

        def __del__(self) -> None:
            self.notifymeread.close()

    return Picamera2
