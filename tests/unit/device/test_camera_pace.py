from __future__ import annotations

import threading
import time

from edge_hdr_device.camera.pace import Pace, patience_s
from edge_hdr_device.settings import CameraConfig


def test_the_first_beat_is_now_and_the_next_one_a_period_later() -> None:
    pace = Pace(20)
    pace.start()
    begin_s = time.monotonic()
    for _ in range(4):
        pace.wait()
    assert time.monotonic() - begin_s >= 3 / 20


def test_missed_beats_are_not_made_up_for() -> None:
    pace = Pace(10)
    pace.start()
    pace.wait()
    time.sleep(0.35)  # three beats pass
    pace.wait()
    begin_s = time.monotonic()
    pace.wait()
    assert time.monotonic() - begin_s >= 0.09


def test_without_a_rate_there_is_no_waiting() -> None:
    pace = Pace(0)
    begin_s = time.monotonic()
    for _ in range(1000):
        pace.wait()
    assert time.monotonic() - begin_s < 5


def test_a_wait_can_be_ended_from_another_thread() -> None:
    pace = Pace(0.001)
    pace.start()
    pace.wait()
    waiting = threading.Thread(target=pace.wait)
    waiting.start()
    pace.stop()
    waiting.join(20)
    assert not waiting.is_alive()


def test_a_slow_camera_is_given_time() -> None:
    assert patience_s(CameraConfig(stall_s=5, fps=30)) == 5
    assert patience_s(CameraConfig(stall_s=5, fps=0.1)) == 3 / 0.1
