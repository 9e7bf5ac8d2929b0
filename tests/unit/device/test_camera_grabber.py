"""A `cv2.VideoCapture` crashes the process when it is released while it reads, so one that blocks
is stood in for."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_hdr_device.camera.grabber import Grabber

LIMIT_S = 20.0


class Blocking:
    def __init__(self) -> None:
        self.reading, self.let_go, self.released = (threading.Event() for _ in range(3))
        self.released_while_reading = False

    def read(self) -> tuple[bool, Any]:
        self.reading.set()
        assert self.let_go.wait(LIMIT_S)
        self.released_while_reading = self.released.is_set()
        return True, np.zeros((2, 2, 3), np.uint8)

    def release(self) -> None:
        self.released.set()


def test_a_device_that_is_read_is_released_by_the_thread_that_reads() -> None:
    device = Blocking()
    grabber = Grabber(device)  # type: ignore[arg-type]
    thread = threading.Thread(target=grabber.read)
    thread.start()
    assert device.reading.wait(LIMIT_S)
    grabber.release()
    assert not device.released.is_set()
    device.let_go.set()
    thread.join(LIMIT_S)
    assert device.released.is_set()
    assert not device.released_while_reading
    assert grabber.read() is None


def test_a_device_that_is_not_read_is_released_at_once() -> None:
    device = Blocking()
    Grabber(device).release()  # type: ignore[arg-type]
    assert device.released.is_set()


def test_a_device_that_raises_gives_nothing() -> None:
    class Failing(Blocking):
        def read(self) -> tuple[bool, Any]:
            raise cv2.error("select() timeout")

    assert Grabber(Failing()).read() is None  # type: ignore[arg-type]


QUIET = """
import sys, cv2
from edge_hdr_device.camera.grabber import open_capture
damaged, missing = sys.argv[1:]
limit = {cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: 100.0}
assert open_capture(damaged, cv2.CAP_FFMPEG) is None
assert open_capture(missing, cv2.CAP_FFMPEG) is None
assert open_capture(damaged, cv2.CAP_FFMPEG, limit) is None
assert open_capture(damaged, 99_999) is None
"""


def test_what_cannot_be_opened_is_none_and_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"no video" * 100)
    # a process of its own: how much FFmpeg says is settled once for all
    command = [sys.executable, "-c", QUIET, str(path), str(tmp_path / "missing.avi")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
