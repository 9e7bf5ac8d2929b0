"""What each part of the runtime says, as health."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from edge_hdr_device.camera.status import CaptureStatus, State
from edge_hdr_device.delegates import Chosen, choose
from edge_hdr_device.health import camera_part, collect_parts, model_part, outlet_part
from edge_hdr_device.live import Live
from edge_hdr_device.publish.outlet import OutletStatus
from edge_hdr_device.samples import Samples
from edge_hdr_device.settings import SamplesConfig
from edge_hdr_device.system.board import Board
from edge_hdr_device.system.clock import Clock

STREAMING = CaptureStatus("streaming", "usb:0, 640×480", "", "", 4.2, 100, 7, 1, 2)
MQTT = OutletStatus("mqtt", "up", "", sent=9, dropped=1, waiting=0)


@pytest.fixture
def chosen(tiny_int8: Path) -> Chosen:
    return choose(tiny_int8, delegate="none", threads=1)


def test_everything_is_fine(chosen: Chosen, tmp_path: Path) -> None:
    parts = collect_parts(
        capture=STREAMING,
        chosen=chosen,
        outlets=[MQTT],
        samples=Samples(SamplesConfig(), "m").part,
        clock=Clock().part,
        board=Board(tmp_path).part,
    )
    assert [part.name for part in parts] == ["camera", "model", "mqtt", "samples", "clock", "board"]
    live = Live(parts=lambda: parts)
    assert live.level == "ok"
    assert json.loads(json.dumps(live.health()))["parts"]["camera"]["dropped"] == 7


@pytest.mark.parametrize(
    ("state", "level"),
    [
        ("opening", "degraded"),
        ("streaming", "ok"),
        ("waiting", "failing"),
        ("ended", "ok"),
        ("stuck", "failing"),
    ],
)
def test_without_pictures_nothing_can_be_read(state: State, level: str) -> None:
    assert camera_part(replace(STREAMING, state=state)).level == level


def test_every_state_of_a_camera_has_a_level() -> None:
    for state in get_args(State):
        assert camera_part(replace(STREAMING, state=state)).state == state


def test_a_camera_that_is_away_says_why_and_what_helps() -> None:
    away = replace(STREAMING, state="waiting", error="/dev/video0 is gone", hint="plug it in")
    assert camera_part(away).detail == "/dev/video0 is gone: plug it in"
    assert camera_part(replace(away, hint="")).detail == "/dev/video0 is gone"


def test_the_facts_of_a_camera_are_its_counts() -> None:
    assert camera_part(STREAMING).facts == {
        "description": "usb:0, 640×480",
        "since_s": 4.2,
        "frames": 100,
        "dropped": 7,
        "corrupt": 1,
        "reconnects": 2,
    }


def test_a_delegate_that_fell_back_is_degraded(chosen: Chosen) -> None:
    assert model_part(chosen).level == "ok"
    part = model_part(replace(chosen, fallback="no Edge TPU was found"))
    assert (part.level, part.detail) == ("degraded", "no Edge TPU was found")
    assert part.facts["delegate"] == "none"


def test_an_output_that_is_down_is_degraded() -> None:
    part = outlet_part(replace(MQTT, state="down", error="connection refused"))
    assert (part.name, part.level, part.state) == ("mqtt", "degraded", "down")
    assert part.detail == "connection refused"
    assert part.facts == {"sent": 9, "dropped": 1, "waiting": 0}
    for state in ("starting", "up", "stopped"):
        assert outlet_part(replace(MQTT, state=state)).level == "ok"
