from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr_device.camera.opencv import V4l2Camera, choose_format, inspect, translate
from edge_hdr_device.camera.v4l2 import VideoDevice, VideoFormat
from edge_hdr_device.errors import CameraError


def formats(*codes: str) -> tuple[VideoFormat, ...]:
    return tuple(VideoFormat(code, ()) for code in codes)


@pytest.mark.parametrize(
    ("codes", "size", "chosen"),
    [
        (("MJPG", "YUYV"), (640, 480), "YUYV"),
        (("YUYV", "MJPG"), (1280, 720), "MJPG"),
        (("YUYV",), (1920, 1080), "YUYV"),
        (("MJPG",), (320, 240), "MJPG"),
        (("H264", "GREY"), (640, 480), "GREY"),
        (("H264",), (640, 480), ""),
        ((), (640, 480), ""),
    ],
)
def test_raw_frames_are_taken_where_they_fit_through_usb(
    codes: tuple[str, ...], size: tuple[int, int], chosen: str
) -> None:
    assert choose_format(formats(*codes), *size) == chosen


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (errno.EACCES, "forbidden", "usermod -aG video,render"),
        (errno.EBUSY, "in use by another program", "end that program"),
        (errno.ENOENT, "there is no camera", "plug it in"),
        (errno.ENODEV, "there is no camera", "plug it in"),
        (errno.ENOTTY, "no video device", "lists what is there"),
        (errno.EIO, "Input/output error", "unplug it"),
    ],
)
def test_what_the_kernel_refuses_is_told_apart(number: int, message: str, hint: str) -> None:
    error = translate("/dev/video7", OSError(number, os.strerror(number)))
    assert message in error.message
    assert "/dev/video7" in error.message
    assert hint in error.hint


def test_a_device_that_is_missing_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no camera at"):
        V4l2Camera(str(tmp_path / "video0")).open()
    with pytest.raises(CameraError, match="no video device"):
        V4l2Camera("/dev/null").open()
    with pytest.raises(CameraError, match="no video device"):
        V4l2Camera("/dev").open()


def stub(monkeypatch: pytest.MonkeyPatch, device: VideoDevice, *, busy: bool = False) -> None:
    monkeypatch.setattr("edge_hdr_device.camera.v4l2.describe", lambda path: device)
    monkeypatch.setattr("edge_hdr_device.camera.v4l2.is_busy", lambda path: busy)


def device_of(*codes: str, captures: bool = True) -> VideoDevice:
    return VideoDevice("/dev/video0", "Cam", "uvcvideo", "usb-1", captures, formats(*codes))


def test_a_camera_without_a_usable_format_says_which_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stub(monkeypatch, device_of("H264", "HEVC"))
    with pytest.raises(CameraError, match="no usable format, only H264, HEVC") as caught:
        inspect("/dev/video0")
    assert "MJPG" in caught.value.hint


def test_a_node_of_metadata_is_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, device_of(captures=False))
    with pytest.raises(CameraError, match="another part of a device"):
        inspect("/dev/video1")


def test_a_busy_camera_names_who_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    stub(monkeypatch, device_of("YUYV"), busy=True)
    script = f"import sys; held = open({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(CameraError, match=rf"in use by \S+ \(process {holder.pid}\)"):
            inspect(str(path))
        holder.communicate()


def test_a_camera_that_is_not_open_gives_no_pictures() -> None:
    camera = V4l2Camera("/dev/video-none")
    with pytest.raises(CameraError, match="is gone"):
        camera.read()
    camera.close()
    assert camera.description == "/dev/video-none"
