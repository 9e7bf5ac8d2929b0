from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from fake_picamera2 import install

from edge_hdr_device.camera import discovery
from edge_hdr_device.camera.discovery import Facts, diagnose, find_cameras, gather
from edge_hdr_device.camera.v4l2 import VideoDevice, VideoFormat
from edge_hdr_device.errors import CameraError
from edge_hdr_device.system.board import Board

PI = Facts(is_pi=True, picamera2=None, forbidden=(), member=frozenset(), has_video=True)
PC = dataclasses.replace(PI, is_pi=False, has_video=False)
MISSING = CameraError("picamera2 is not installed", hint="sudo apt install -y python3-picamera2")
JOIN = "sudo usermod -aG video,render $USER"


@pytest.mark.parametrize(
    ("facts", "message", "command"),
    [
        (PI, "no camera answers on the ribbon cable", "rpicam-hello --list-cameras"),
        (PC, "no camera is plugged into USB", "lsusb"),
        (
            dataclasses.replace(PI, picamera2=MISSING),
            "picamera2 is not installed",
            "sudo apt install -y python3-picamera2",
        ),
        (
            dataclasses.replace(PI, forbidden=(("/dev/video0", "video"),)),
            "/dev/video0 is forbidden to this user",
            JOIN,
        ),
        (
            dataclasses.replace(
                PI, forbidden=(("/dev/video0", "video"),), member=frozenset({"video"})
            ),
            "/dev/video0 is forbidden until you log in again",
            "newgrp video",
        ),
        (
            dataclasses.replace(PC, has_video=True, forbidden=(("/dev/video0", "video"),)),
            "/dev/video0 is forbidden to this user",
            JOIN,
        ),
    ],
)
def test_the_likeliest_reason_comes_first_with_its_command(
    facts: Facts, message: str, command: str
) -> None:
    first = diagnose(facts)[0]
    assert message in first.message
    assert first.command == command


def test_a_pc_is_not_told_to_install_a_raspberrys_packages() -> None:
    problems = diagnose(dataclasses.replace(PC, picamera2=MISSING))
    assert [problem.command for problem in problems] == ["lsusb"]


def test_all_that_is_wrong_is_told() -> None:
    facts = dataclasses.replace(
        PI, picamera2=MISSING, forbidden=(("/dev/media0", "video"),), has_video=False
    )
    assert [problem.command for problem in diagnose(facts)] == [JOIN, MISSING.hint, "lsusb"]


def test_facts_are_gathered_from_the_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dev" / "dma_heap").mkdir(parents=True)
    for name in ("video0", "video10", "media0", "null", "dma_heap/linux,cma"):
        (tmp_path / "dev" / name).touch()
    model = tmp_path / "sys" / "firmware" / "devicetree" / "base" / "model"
    model.parent.mkdir(parents=True)
    model.write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    asked: list[str] = []

    def refuse(path: Path, mode: int) -> bool:
        asked.append(path.name)
        return path.name != "linux,cma"

    monkeypatch.setattr("os.access", refuse)  # root may open everything
    facts = gather(tmp_path / "dev", Board(tmp_path))
    assert asked == ["video0", "video10", "media0", "linux,cma"]
    assert facts.is_pi
    assert facts.has_video
    assert [path for path, _ in facts.forbidden] == [str(tmp_path / "dev/dma_heap/linux,cma")]
    assert not gather(tmp_path / "nothing", Board(tmp_path / "nothing")).has_video


def listed(monkeypatch: pytest.MonkeyPatch, *devices: VideoDevice) -> None:
    monkeypatch.setattr("edge_hdr_device.camera.v4l2.list_devices", lambda: list(devices))


USB = VideoDevice(
    "/dev/video0",
    "HD Camera",
    "uvcvideo",
    "usb-1",
    True,
    (VideoFormat("MJPG", ((1920, 1080), (640, 480))), VideoFormat("YUYV", ())),
)


def test_cameras_of_both_kinds_are_listed_with_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    board = install(monkeypatch)
    listed(monkeypatch, dataclasses.replace(USB, driver="bcm2835-codec", path="/dev/video9"), USB)
    monkeypatch.setattr(discovery, "inspect", lambda path: None)
    found = find_cameras()
    assert json.loads(json.dumps(found.to_dict())) == {
        "cameras": [
            {"source": "csi:0", "name": "imx708", "formats": ["2304×1296, 10 bit, 56 fps"]},
            {
                "source": "/dev/video0",
                "name": "HD Camera",
                "formats": ["MJPG 1920×1080 640×480", "YUYV"],
            },
        ],
        "problems": [],
    }
    assert board.cameras[0].calls == ["close"]


def test_a_camera_in_use_is_listed_with_who_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    board = install(monkeypatch)
    board.fails["init"] = RuntimeError("Failed to acquire camera: Device or resource busy")

    def busy(path: str) -> None:
        raise CameraError(f"{path} is in use by motion (process 812)", hint="end that program")

    listed(monkeypatch, USB)
    monkeypatch.setattr(discovery, "inspect", busy)
    found = find_cameras()
    assert [camera.source for camera in found.cameras] == ["csi:0", "/dev/video0"]
    assert [problem.message for problem in found.problems] == [
        "csi:0: the camera is in use by another program",
        "/dev/video0 is in use by motion (process 812)",
    ]


def test_modes_that_cannot_be_listed_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    board = install(monkeypatch)
    board.fails["sensor_modes"] = OSError(12, "Cannot allocate memory")
    listed(monkeypatch)
    found = find_cameras()
    assert [(camera.source, camera.formats) for camera in found.cameras] == [("csi:0", ())]
    assert found.problems == ()
    assert board.cameras[0].calls == ["close"]


def test_without_a_camera_there_is_always_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch)
    monkeypatch.setattr(discovery, "gather", lambda: PC)
    found = find_cameras()
    assert found.cameras == ()
    assert found.problems


def test_the_real_machine_can_be_asked() -> None:
    found = find_cameras()
    assert found.cameras or found.problems
    json.dumps(found.to_dict())
