from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from edge_hdr_device.camera.auto import SearchedCamera
from edge_hdr_device.camera.discovery import Facts
from edge_hdr_device.camera.files import Folder, Still
from edge_hdr_device.camera.http_camera import HttpCamera
from edge_hdr_device.camera.opencv import V4l2Camera
from edge_hdr_device.camera.picamera import CsiCamera
from edge_hdr_device.camera.source import Source
from edge_hdr_device.camera.spec import make_source, parse
from edge_hdr_device.camera.stream import FfmpegStream
from edge_hdr_device.camera.synthetic import Synthetic
from edge_hdr_device.camera.v4l2 import VideoDevice, VideoFormat
from edge_hdr_device.camera.video import VideoFile
from edge_hdr_device.errors import CameraError, ConfigError
from edge_hdr_device.settings import CameraConfig


@pytest.mark.parametrize(
    ("text", "kind", "description"),
    [
        ("auto", SearchedCamera, "auto"),
        ("csi", CsiCamera, "csi:0"),
        ("csi:2", CsiCamera, "csi:2"),
        ("usb", SearchedCamera, "usb:0"),
        ("usb:1", SearchedCamera, "usb:1"),
        ("3", V4l2Camera, "/dev/video3"),
        ("/dev/video12", V4l2Camera, "/dev/video12"),
        ("/dev/v4l/by-id/usb-Cam-0", V4l2Camera, "/dev/v4l/by-id/usb-Cam-0"),
        ("rtsp://u:p@cam/live", FfmpegStream, "rtsp://cam/live"),
        ("http://cam:8080/?action=stream", HttpCamera, "http://cam:8080/?…"),
        ("https://cam/", HttpCamera, "https://cam/"),
        ("synthetic", Synthetic, "synthetic:0, 640×480"),
        (" synthetic:7 ", Synthetic, "synthetic:7, 640×480"),
    ],
)
def test_words_name_sources(text: str, kind: type[Source], description: str) -> None:
    source = make_source(CameraConfig(source=text))
    assert type(source) is kind
    assert source.description == description


def test_paths_name_files_and_folders(tmp_path: Path) -> None:
    for name in ("x.JPG", "x.avi", "no-suffix"):
        (tmp_path / name).touch()
    kinds = {"": Folder, "x.JPG": Still, "x.avi": VideoFile, "no-suffix": VideoFile}
    for name, kind in kinds.items():
        assert type(make_source(CameraConfig(source=str(tmp_path / name)))) is kind


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert type(make_source(CameraConfig(source="~"))) is Folder


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("synthetik", "'synthetik' is no camera", "did you mean synthetic?"),
        ("sythetic:4", "is no camera", "did you mean synthetic?"),
        ("csi:x", "is no camera", "did you mean csi?"),
        ("usb:", "is no camera", "did you mean usb?"),
        ("", "is no camera", "known: auto"),
        ("film.mp4", "camera.source: there is no file or folder 'film.mp4'", "the board itself"),
        ("pictures/today", "no file or folder", "check the path"),
        ("~no-such-user/film.mp4", "camera.source: cannot look at '~no-such", "check the path"),
        ("ftp://cam/x", "ftp://cam/x is no address", "rtsp://"),
        ("rtsp:///live", "is no address", "rtsp://"),
        ("http://u:hunter2@/x", "http:///x is no address", "http://"),
    ],
)
def test_what_names_no_source_is_told_with_a_way_out(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(CameraConfig(source=text))
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("focus", ["sharp", "-1", "40", "nan"])
def test_an_unknown_focus_is_told_before_the_camera_is_there(focus: str) -> None:
    with pytest.raises(ConfigError, match="no way to focus"):
        parse(CameraConfig(source="csi", focus=focus))


def test_each_call_makes_a_new_source() -> None:
    make = parse(CameraConfig(source="synthetic"))
    assert make() is not make()


def test_settings_reach_the_source(tmp_path: Path) -> None:
    (tmp_path / "x.avi").touch()
    config = CameraConfig(source=str(tmp_path / "x.avi"), fast=True)
    assert not make_source(config).live
    assert not make_source(dataclasses.replace(config, source="synthetic")).live
    assert make_source(dataclasses.replace(config, source=str(tmp_path), loop=True)).unrelated


def listed(monkeypatch: pytest.MonkeyPatch, *devices: VideoDevice) -> None:
    """Have these cameras, and none on a ribbon cable."""

    def missing() -> None:
        raise CameraError("picamera2 is not installed", hint="sudo apt install picamera2")

    monkeypatch.setattr("edge_hdr_device.camera.auto.load", missing)
    monkeypatch.setattr("edge_hdr_device.camera.v4l2.list_devices", lambda: list(devices))


def device(number: int, **other: Any) -> VideoDevice:
    values = {"driver": "uvcvideo", "bus": "usb-1", "captures": True} | other
    return VideoDevice(f"/dev/video{number}", "Cam", formats=(VideoFormat("YUYV", ()),), **values)


def test_auto_takes_the_first_camera_that_is_none_of_the_boards_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed(
        monkeypatch,
        device(0, driver="unicam", bus="platform:fe801000.csi"),
        device(1, captures=False),
        device(20),
        device(21),
    )
    camera = make_source(CameraConfig())
    with pytest.raises(CameraError, match="there is no camera at /dev/video20"):
        camera.open()


def test_usb_cameras_are_counted_among_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, device(0, bus="platform:x"), device(4), device(6), device(20))
    with pytest.raises(CameraError, match="at /dev/video6"):
        make_source(CameraConfig(source="usb:1")).open()
    with pytest.raises(CameraError, match="no camera usb:3, 3 can be opened") as caught:
        make_source(CameraConfig(source="usb:3")).open()
    assert "edge-hdr-device cameras" in caught.value.hint


def test_without_any_camera_auto_says_why_and_how_to_try_anyway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed(monkeypatch)
    facts = Facts(False, None, (("/dev/video0", "video"),), frozenset(), has_video=True)
    monkeypatch.setattr("edge_hdr_device.camera.auto.gather", lambda: facts)
    camera = make_source(CameraConfig())
    with pytest.raises(CameraError, match="/dev/video0 is forbidden to this user") as caught:
        camera.open()
    assert caught.value.hint == (
        "sudo usermod -aG video,render $USER; to try without one: --camera synthetic"
    )
    with pytest.raises(CameraError, match="not open"):
        camera.read()
    camera.close()
