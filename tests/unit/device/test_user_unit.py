"""A user's own unit, and units for what a deployment put there."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.settings import OutputConfig, ReadConfig, RunConfig, SamplesConfig, WebConfig
from edge_hdr_device.system.places import Account, check_places
from edge_hdr_device.system.preparation import Service, notes
from edge_hdr_device.system.service import Written, write_unit, write_user_unit
from edge_hdr_device.system.systemd_unit import Machine, unit_text
from edge_hdr_device.system.user_unit import user_unit_text

PI = Machine(groups=("video", "render"), memory_bytes=1 << 30, systemd=252)
SYSTEM = Layout.system()
COMMAND = "/opt/edge-hdr/current/bin/edge-hdr-device run --config /etc/edge-hdr/device.toml"
ROOTS_OWN = (
    *("User=", "Group=", "SupplementaryGroups=", "Protect", "Private", "Device", "Capability"),
    *("AmbientCapabilities", "ReadWritePaths", "RemoveIPC", "StateDirectory", "modprobe@"),
)


@pytest.fixture
def home(tmp_path: Path) -> Layout:
    return Layout.user(tmp_path)


def lines(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def written(home: Layout, settings: RunConfig | None = None, out: Path | None = None) -> Written:
    return write_user_unit(
        unit=home.unit,
        state=home.state,
        config=home.config,
        program=home.program,
        settle=home.settle,
        settings=settings,
        out=out,
        machine=PI,
    )


def test_a_deployment_s_program_is_started_checked_and_settled_before() -> None:
    text = unit_text(PI, program=SYSTEM.program, settle=SYSTEM.settle, config=SYSTEM.config)
    assert lines(text, "ExecStart") == [COMMAND]
    assert lines(text, "ExecReload") == [f"{COMMAND} --check", "/bin/kill -HUP $MAINPID"]
    # out of the sandbox, which lets it write nothing; its failure keeps nothing from starting
    assert lines(text, "ExecStartPre") == ["-+/opt/edge-hdr/settle"]
    assert lines(text, "ProtectSystem") == ["strict"]
    assert text.index("ExecStartPre=") < text.index("ExecStart=")
    assert "ExecStartPre" not in unit_text(PI, program=SYSTEM.program)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"program": Path("/home/pi/x")}, "--program: the service could not see /home/pi/x"),
        ({"program": Path("bin/x")}, "--program: 'bin/x' is no absolute path"),
        ({"program": SYSTEM.program, "settle": Path("settle")}, "--settle: 'settle' is no"),
    ],
)
def test_a_program_that_systemd_could_not_start_is_refused(
    changes: dict[str, Path], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        unit_text(PI, **changes)  # type: ignore[arg-type]


def test_steps_that_prepare_stand_apart_from_those_that_start(tmp_path: Path) -> None:
    settings = RunConfig(
        web=WebConfig(host="0.0.0.0", token_file="/etc/edge-hdr/no-such-token"),
        samples=SamplesConfig(folder="/srv/no-such-samples"),
    )
    found = write_unit(
        out=tmp_path / "unit",
        program=SYSTEM.program,
        settle=SYSTEM.settle,
        user="edge-nobody",
        settings=settings,
        machine=PI,
    )
    assert [step.split()[0] for step in found.prepare] == [
        *("useradd", "install", "/opt/edge-hdr/current/bin/edge-hdr-device", "chown")
    ]
    assert found.prepare[2].endswith(
        "edge-hdr-device token --token-file /etc/edge-hdr/no-such-token"
    )
    assert [step.split()[:2] for step in found.start] == [
        *(["install", "-m"], ["systemctl", "daemon-reload"], ["systemctl", "enable"])
    ]
    assert found.steps == found.prepare + found.start
    assert found.to_dict()["prepare"] == list(found.prepare)


def test_a_user_s_unit_asks_for_nothing_that_needs_rights(home: Layout) -> None:
    text = written(home).text
    assert [word for word in ROOTS_OWN if word in text] == []
    assert lines(text, "WantedBy") == ["default.target"]
    assert lines(text, "ExecStart") == [f"{home.program} run --config {home.config}"]
    assert lines(text, "ExecStartPre") == [f"-{home.settle}"]
    assert f"EDGE_HDR_STATE={home.state}" in lines(text, "Environment")
    for name, value in (
        ("Type", "notify"),
        ("WatchdogSec", "30"),
        ("Restart", "on-failure"),
        ("StandardOutput", "null"),
        ("NoNewPrivileges", "yes"),
    ):
        assert lines(text, name) == [value]


def test_a_user_s_paths_are_quoted_as_each_line_wants() -> None:
    text = user_unit_text(
        PI,
        name="x",
        config=Path("/home/a $b/c%.toml"),
        state=Path("/home/a $b/50%"),
        program=Path("/home/a $b/run"),
    )
    assert lines(text, "ExecStart") == ['"/home/a $$b/run" run --config "/home/a $$b/c%%.toml"']
    assert lines(text, "Environment")[1] == '"EDGE_HDR_STATE=/home/a $b/50%%"'
    assert lines(text, "WorkingDirectory") == ["-/home/a $b/50%%"]


def test_a_user_s_steps_need_no_root(home: Layout, tmp_path: Path) -> None:
    settings = RunConfig(
        web=WebConfig(host="0.0.0.0"),
        samples=SamplesConfig(folder=str(tmp_path / "my samples")),
        output=OutputConfig(file=str(home.state / "out.jsonl")),
    )
    found = written(home, settings, out=tmp_path / "unit")
    assert found.prepare == (
        f"mkdir -p {home.state} '{tmp_path}/my samples'",
        f"{home.program} token --token-file {home.state}/web-token",
    )
    assert found.start == (
        f"install -D -m 644 {tmp_path}/unit {home.unit}",
        "loginctl enable-linger",
        "systemctl --user daemon-reload",
        "systemctl --user enable --now edge-hdr-device",
    )
    assert written(home).start[0] == "loginctl enable-linger"


def test_a_user_s_settings_may_name_places_in_the_home(tmp_path: Path) -> None:
    """What the system's unit closes is open to a unit that is the user's own."""
    config = RunConfig(
        read=ReadConfig("/home/pi/model.tflite"), output=OutputConfig(file="/home/pi/out.jsonl")
    )
    with pytest.raises(ConfigError, match="could not see"):
        check_places(config)
    check_places(config, own=True, state=tmp_path)
    with pytest.raises(ConfigError, match="no absolute path"):
        check_places(RunConfig(output=OutputConfig(file="out.jsonl")), own=True, state=tmp_path)


def test_groups_that_a_user_is_not_in_are_told_with_the_command(home: Layout) -> None:
    account = Account("pi", 1000, frozenset())
    service = Service(home.unit, ("x",), account, home.config, state=home.state, own=True)
    told = notes(service, PI, RunConfig())
    assert "sudo usermod -aG video,render pi, then reboot" in told[0]
    root = Service(home.unit, ("x",), Account("root", 0, frozenset()), home.config, own=True)
    assert "usermod" not in " ".join(notes(root, PI, RunConfig()))


def run(home: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "edge_hdr_device", "service", "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout)


def test_the_command_writes_both_kinds_of_unit(tmp_path: Path) -> None:
    config, out = tmp_path / "device.toml", tmp_path / "made/unit.service"
    config.write_text("")
    flags = ["--program", "/opt/edge-hdr/current/bin/edge-hdr-device", "--config", str(config)]
    flags += ["--settle", "/opt/edge-hdr/settle", "--out", str(out), "--force"]
    code, document = run(tmp_path, *flags, "--user-unit")
    assert (code, document["ok"]) == (0, True)
    data = document["data"]
    assert isinstance(data, dict)
    assert data["unit"] == str(out)
    assert data["prepare"] == [f"mkdir -p {Layout.user(tmp_path).state}"]
    assert f"EDGE_HDR_STATE={Layout.user(tmp_path).state}" in out.read_text()
    code, document = run(tmp_path, "--program", "/opt/x", "--out", str(out), "--force")
    assert code == 0, document
    assert f"User={getpass.getuser()}" not in out.read_text() or getpass.getuser() == "edge-hdr"
    assert "User=edge-hdr" in out.read_text()
    code, document = run(tmp_path, "--program", "/opt/x", "--python", "/opt/y")
    assert code == 2
    code, document = run(tmp_path, "--user-unit", "--user", "pi")
    assert code == 2
