from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_picamera2 import HALF_RESOLUTION, Board, install

from edge_hdr_device.camera import picamera
from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.picamera import (
    CsiCamera,
    choose_buffers,
    fit_size,
    grey_plane,
    memory_kb,
    translate,
)
from edge_hdr_device.errors import CameraError, ConfigError
from edge_hdr_device.settings import CameraConfig

BIG = {"MemTotal": 3_884_000, "CmaTotal": 327_680}
ZERO_2_W = {"MemTotal": 426_000, "CmaTotal": 65_536}


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr(picamera, "memory_kb", lambda: BIG)
    return install(monkeypatch)


def opened(board: Board, **options: Any) -> tuple[CsiCamera, Any]:
    camera = CsiCamera(0, **options)
    camera.open()
    return camera, board.cameras[-1]


def test_padding_at_the_end_of_rows_is_cut_off() -> None:
    width, height, stride = 6, 4, 8
    buffer = np.full(stride * height * 3 // 2, 255, np.uint8)
    for row in range(height):
        buffer[row * stride : row * stride + width] = [10 * row + column for column in range(width)]
    plane = grey_plane(buffer, width, height, stride)
    assert plane.tolist() == [[10 * row + column for column in range(6)] for row in range(4)]
    buffer[:] = 0
    assert plane[3, 5] == 35  # a copy
    assert plane.flags.c_contiguous


def test_without_padding_rows_follow_each_other() -> None:
    buffer = np.arange(24, dtype=np.uint8)
    assert grey_plane(buffer, 4, 4, 4).tolist() == np.arange(16).reshape(4, 4).tolist()


def test_frames_are_the_grey_plane_and_every_buffer_goes_back(board: Board) -> None:
    camera, _ = opened(board)
    with camera:
        for number in (1, 2, 3):
            image = camera.read().image
            assert image.shape == (480, 640)
            assert (image[:, :-1] == number).all()
            assert (image[:, -1] == 200).all()
            assert board.held == 0
    assert camera.description == "imx708 (csi:0), 640×480"


def test_a_buffer_goes_back_when_it_cannot_be_read(board: Board) -> None:
    camera, _ = opened(board)
    board.fails["make_buffer"] = RuntimeError("failed to find buffer")
    with pytest.raises(CameraError, match="gives no frame: failed to find buffer"):
        camera.read()
    assert board.held == 0


def test_small_streams_are_asked_for_with_the_sensors_full_view(board: Board) -> None:
    _, camera = opened(board, width=641, height=481)
    configuration = camera.configuration
    assert configuration["main"] == {"size": (640, 480), "format": "YUV420"}
    assert configuration["lores"]["size"] == (640, 480)
    assert configuration["sensor"] == {"output_size": HALF_RESOLUTION}
    assert configuration["raw"] is None
    assert configuration["buffer_count"] == 4
    assert configuration["queue"] is False
    assert configuration["controls"] == {"FrameDurationLimits": (100, 83_333), "AfMode": 1}


def test_a_board_with_little_memory_gets_two_buffers_and_smaller_frames() -> None:
    assert choose_buffers(ZERO_2_W) == 2
    assert choose_buffers({"MemTotal": 3_884_000, "CmaTotal": 65_536}) == 2
    assert choose_buffers(BIG) == choose_buffers({"MemTotal": 8_000_000}) == 4
    assert choose_buffers({}) == 4
    assert fit_size((1920, 1080), ZERO_2_W) == (960, 540)
    assert fit_size((1280, 960), ZERO_2_W) == (1280, 960)
    assert fit_size((1920, 1080), BIG) == (1920, 1080)


def test_memory_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:         426532 kB\nHugePages_Total:       0\nCmaTotal:  65536 kB\n")
    assert memory_kb(file) == {"MemTotal": 426532, "HugePages_Total": 0, "CmaTotal": 65536}
    assert memory_kb(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("options", "controls", "later"),
    [
        ({"focus": "continuous"}, {"AfMode": 2}, {}),
        ({"focus": "auto"}, {"AfMode": 1}, {"AfTrigger": 0}),
        ({"focus": "off"}, {"AfMode": 0}, {}),
        ({"focus": "8.5"}, {"AfMode": 0, "LensPosition": 8.5}, {}),
        (
            {"focus": "0", "fps": 20},
            {"LensPosition": 0.0, "FrameDurationLimits": (50_000,) * 2},
            {},
        ),
        ({"exposure_us": 5000, "gain": 2.5}, {"ExposureTime": 5000, "AnalogueGain": 2.5}, {}),
        ({"exposure_us": 200_000}, {"FrameDurationLimits": (100, 200_000)}, {}),
    ],
)
def test_exposure_gain_and_focus_become_controls(
    board: Board, options: dict[str, Any], controls: dict[str, Any], later: dict[str, Any]
) -> None:
    _, camera = opened(board, **options)
    assert controls.items() <= camera.configuration["controls"].items()
    assert later.items() <= camera.set.items()


def test_a_camera_without_a_lens_motor_is_not_asked_to_focus(board: Board) -> None:
    for name in ("AfMode", "AfTrigger", "LensPosition"):
        del board.controls[name]
    _, camera = opened(board, focus="5")
    assert set(camera.configuration["controls"]) == {"FrameDurationLimits"}
    assert camera.set == {}


def test_an_unknown_focus_is_told() -> None:
    with pytest.raises(ConfigError, match="'sharp' is no way to focus"):
        CsiCamera(focus="sharp")


def test_a_silent_camera_is_given_up_in_time_and_closed(board: Board) -> None:
    camera, fake = opened(board, wait_s=0.02)
    board.fails["silent"] = RuntimeError()
    with pytest.raises(CameraError, match=r"imx708 .* gives no frame for 0.02 s"):
        camera.read()
    camera.close()
    assert fake.calls == ["start", "cancel", "close"]  # the frame waited for first
    with pytest.raises(CameraError, match="is closed"):
        camera.read()
    camera.close()
    assert fake.calls.count("close") == 1


def test_a_camera_that_fails_while_it_starts_is_closed_by_the_capture(board: Board) -> None:
    board.fails["configure"] = OSError(12, "Cannot allocate memory")
    with Capture(CameraConfig(source="csi"), first_wait_s=60) as capture:
        for _ in range(1000):
            if capture.status.state == "waiting" and "close" in board.cameras[0].calls:
                break
            capture.next(0.01)
        assert "no memory for pictures" in capture.status.error
    assert "close" in board.cameras[0].calls


def test_a_camera_that_cannot_be_closed_says_so(board: Board) -> None:
    camera, _ = opened(board)
    board.fails["close"] = RuntimeError("release failed")
    with pytest.raises(CameraError, match="cannot be closed: release failed"):
        camera.close()


def test_a_camera_in_use_costs_no_file_descriptor_a_try(board: Board) -> None:
    board.fails["init"] = RuntimeError("Failed to acquire camera: Device or resource busy")
    counts = []
    for _ in range(5):
        with pytest.raises(CameraError, match="in use by another program") as caught:
            CsiCamera().open()
        assert "end that program" in caught.value.hint
        board.cameras.clear()
        del caught
        gc.collect()
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert counts[0] == counts[-1]


def test_a_camera_that_is_not_there_is_told_apart_from_usb_ones(board: Board) -> None:
    with pytest.raises(CameraError, match="no camera csi:1, only 1 on the ribbon cable"):
        CsiCamera(1).open()


def test_an_old_picamera2_is_told(board: Board) -> None:
    board.fails["configure"] = TypeError("got an unexpected keyword argument 'sensor'")
    with pytest.raises(CameraError, match="too old") as caught:
        CsiCamera().open()
    assert "full-upgrade" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (RuntimeError("failed to allocate capture buffers for stream 0"), "no memory", "smaller"),
        (PermissionError(13, "Permission denied"), "forbidden to this user", "usermod -aG video"),
        (RuntimeError("Configuration failed"), "does not start: Configuration failed", "rpicam"),
        (RuntimeError(), "RuntimeError", "rpicam-hello"),
    ],
)
def test_what_picamera2_says_becomes_one_line_and_a_way_out(
    error: Exception, message: str, hint: str
) -> None:
    told = translate(error)
    assert message in told.message
    assert hint in told.hint
