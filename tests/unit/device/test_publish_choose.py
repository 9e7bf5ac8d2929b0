"""The settings decide which outputs there are and what each of them takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr_device.publish.choose import build_outlets
from edge_hdr_device.publish.file import FileOutlet
from edge_hdr_device.publish.mqtt import MqttOutlet
from edge_hdr_device.publish.outlet import Outlet
from edge_hdr_device.publish.stream import StdoutOutlet
from edge_hdr_device.settings import MqttConfig, OutputConfig, RunConfig


def wanted(outlets: list[Outlet]) -> list[tuple[type[Outlet], set[str]]]:
    return [(type(outlet), set(outlet.wants)) for outlet in outlets]


def test_readings_go_to_standard_output_by_default() -> None:
    assert wanted(build_outlets(RunConfig())) == [(StdoutOutlet, {"reading"})]


def test_each_output_takes_what_its_settings_say(tmp_path: Path) -> None:
    pytest.importorskip("paho.mqtt.enums")
    config = RunConfig(
        output=OutputConfig(stdout="frames", file=str(tmp_path / "log"), file_content="readings"),
        mqtt=MqttConfig(host="localhost", content="frames"),
    )
    assert wanted(build_outlets(config)) == [
        (StdoutOutlet, {"frame"}),
        (FileOutlet, {"reading"}),
        (MqttOutlet, {"reading", "frame", "health"}),
    ]


def test_nothing_wanted_is_nothing_made() -> None:
    assert build_outlets(RunConfig(output=OutputConfig(stdout="none"))) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_process_without_a_standard_output_writes_to_nothing_in_its_place(
    tmp_path: Path,
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from edge_hdr_device.publish.choose import build_outlets\n"
        "from edge_hdr_device.settings import RunConfig\n"
        "sys.exit(len(build_outlets(RunConfig())))\n"
    )
    command = ["sh", "-c", '"$0" "$1" >&-', sys.executable, str(program)]
    assert subprocess.run(command, check=False).returncode == 0
    command[2] = '"$0" "$1"'
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 1
