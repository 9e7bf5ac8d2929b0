"""systemd itself judges the unit."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr_device.settings import CameraConfig, OutputConfig, RunConfig, SamplesConfig
from edge_hdr_device.system.service import (
    MOST_EXPOSURE,
    check_unit,
    look_at_machine,
    write_unit,
    write_user_unit,
)

PYTHON = Path("/usr/bin/env")  # an absolute path that is there and may be run, on every machine


@pytest.fixture(autouse=True)
def systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        message = "systemd-analyze is not here (Debian: apt-get install systemd)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.mark.parametrize("coral", [False, True])
def test_systemd_takes_every_setting_and_calls_the_exposure_ok(tmp_path: Path, coral: bool) -> None:
    machine = replace(look_at_machine(), coral=coral)
    out = tmp_path / "edge-hdr-device.service"
    write_unit(out=out, python=PYTHON, machine=machine)
    found = check_unit(out)
    assert found.complaints == ()
    assert 0 < found.exposure <= MOST_EXPOSURE == 3.0
    assert found.passed


def test_systemd_takes_what_the_settings_add(tmp_path: Path) -> None:
    out = tmp_path / "edge-hdr-device.service"
    settings = RunConfig(
        camera=CameraConfig("synthetic"),
        output=OutputConfig(file="/srv/edge hdr/out.jsonl"),
        samples=SamplesConfig(folder="/var/log/edge-hdr/samples"),
    )
    text = write_unit(out=out, python=PYTHON, settings=settings).text
    assert 'ReadWritePaths=-"/srv/edge hdr"' in text
    assert check_unit(out).passed


def test_a_setting_that_systemd_does_not_know_is_found(tmp_path: Path) -> None:
    out = tmp_path / "edge-hdr-device.service"
    text = write_unit(out=out, python=PYTHON).text
    out.write_text(text.replace("[Service]\n", "[Service]\nProtectMoon=yes\n"))
    found = check_unit(out)
    assert not found.passed
    assert "ProtectMoon" in found.complaints[0]


def test_a_python_that_is_not_there_is_found(tmp_path: Path) -> None:
    out = tmp_path / "edge-hdr-device.service"
    write_unit(out=out, python=Path("/opt/not-there/bin/python"))
    assert "/opt/not-there/bin/python" in check_unit(out).complaints[0]


def test_an_open_unit_does_not_pass(tmp_path: Path) -> None:
    out = tmp_path / "edge-hdr-device.service"
    out.write_text("[Service]\nExecStart=/usr/bin/env\n")
    found = check_unit(out)
    assert found.exposure > 9
    assert not found.passed


@pytest.fixture
def program() -> Path:
    """Give a program that is there, where the service may look."""
    return Path(shutil.which("true") or "/bin/true")


def test_systemd_takes_the_unit_of_a_deployment(tmp_path: Path, program: Path) -> None:
    out = tmp_path / "edge-hdr-device.service"
    text = write_unit(out=out, program=program, settle=program).text
    assert f"ExecStartPre=-+{program}" in text
    found = check_unit(out)
    assert found.complaints == ()
    assert found.passed


def test_a_user_s_systemd_takes_every_setting(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # a user's manager has one
    unit = tmp_path / "edge-hdr-device.service"
    write_user_unit(
        unit=unit,
        state=tmp_path / "my state",
        config=tmp_path / "device 1.toml",
        program=program,
        settle=program,
    )
    found = check_unit(unit, own=True)
    assert found.complaints == ()
    assert found.exposure is None
    assert found.passed
    unit.write_text(unit.read_text().replace("[Service]\n", "[Service]\nProtectMoon=yes\n"))
    assert not check_unit(unit, own=True).passed
