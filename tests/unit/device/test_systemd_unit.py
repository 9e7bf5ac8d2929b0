"""The unit's text, and setting it up on machines that are small folders."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr_device.errors import ConfigError, StorageError
from edge_hdr_device.settings import OutputConfig, RunConfig, SamplesConfig
from edge_hdr_device.system.service import look_at_machine, writable_folders, write_unit
from edge_hdr_device.system.systemd_unit import Machine, unit_text

PYTHON = Path("/opt/edge-hdr/bin/python")
PI = Machine(groups=("video", "render"), memory_bytes=1 << 30, systemd=252)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be a user without rights, where the tests are root's."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_service_runs_the_reader_as_its_own_user() -> None:
    unit = settings(unit_text(PI, python=PYTHON))
    assert unit["ExecStart"] == [
        "/opt/edge-hdr/bin/python -P -m edge_hdr_device run --config /etc/edge-hdr/device.toml"
    ]
    assert unit["User"] == ["edge-hdr"]
    assert unit["SupplementaryGroups"] == ["video render"]
    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"] == ["30"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["DevicePolicy"] == ["closed"]
    assert "ReadWritePaths" not in unit


def test_groups_that_the_machine_lacks_are_left_out() -> None:
    assert settings(unit_text(replace(PI, groups=("video",)), python=PYTHON))[
        "SupplementaryGroups"
    ] == ["video"]
    assert "SupplementaryGroups" not in unit_text(replace(PI, groups=()), python=PYTHON)


def test_usb_is_open_only_to_a_coral() -> None:
    assert "char-usb_device rw" not in settings(unit_text(PI, python=PYTHON))["DeviceAllow"]
    coral = settings(unit_text(replace(PI, coral=True), python=PYTHON))
    assert {"char-usb_device rw", "char-apex rw"} <= set(coral["DeviceAllow"])


@pytest.mark.parametrize(
    ("memory_mb", "limit"),
    [(430, "256M"), (1024, "512M"), (1900, "950M"), (8000, "1024M"), (None, "512M")],
)
def test_the_memory_limit_is_half_the_board_within_bounds(
    memory_mb: int | None, limit: str
) -> None:
    machine = replace(PI, memory_bytes=None if memory_mb is None else memory_mb << 20)
    assert settings(unit_text(machine, python=PYTHON))["MemoryMax"] == [limit]


def test_growing_pauses_are_asked_only_of_a_systemd_that_has_them() -> None:
    assert "RestartSteps" not in unit_text(replace(PI, systemd=253), python=PYTHON)
    new = settings(unit_text(replace(PI, systemd=254), python=PYTHON))
    assert (new["RestartSteps"], new["RestartMaxDelaySec"]) == (["5"], ["120"])


def test_paths_are_quoted_for_systemd() -> None:
    unit = settings(
        unit_text(
            PI,
            python=Path("/opt/my $env/100%/py"),
            config=Path('/etc/a "b"/c.toml'),
            writable=(Path("/mnt/card 1"), Path("/srv/x")),
        )
    )
    assert unit["ExecStart"][0].startswith('"/opt/my $$env/100%%/py" -P -m')
    assert unit["ExecStart"][0].endswith(r'--config "/etc/a \"b\"/c.toml"')
    assert unit["ReadWritePaths"] == ['-"/mnt/card 1"', "-/srv/x"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user": "Edge HDR"}, "no name of a system user"),
        ({"user": "root\nExecStart=x"}, "no name of a system user"),
        ({"config": Path("device.toml")}, "no absolute path"),
        ({"config": Path("/etc/a\nUser=root")}, "no absolute path"),
        ({"config": Path("/home/pi/device.toml")}, "/home is closed to it"),
        ({"python": Path("/root/venv/bin/python")}, "/root is closed to it"),
    ],
)
def test_what_systemd_or_the_service_cannot_use_is_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        unit_text(PI, **{"python": PYTHON, **changes})  # type: ignore[arg-type]
    assert caught.value.hint


def test_a_python_that_leads_into_a_closed_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_hdr_device.system.systemd_unit.HIDDEN", (str(tmp_path / "home"),))
    link = tmp_path / "python"
    link.symlink_to(tmp_path / "home" / "python3")
    with pytest.raises(ConfigError, match="is closed to it"):
        unit_text(PI, python=link)


def test_the_unit_is_written_with_the_steps_that_start_it(tmp_path: Path) -> None:
    out = tmp_path / "edge-hdr-device.service"
    config = Path("/etc/edge-hdr/not-there.toml")
    bare = Machine(groups=(), has_memory_limit=False)
    written = write_unit(out=out, python=PYTHON, user="edge-nobody", config=config, machine=bare)
    assert out.read_text() == written.text
    assert written.steps == (
        "useradd --system --user-group --home-dir /var/lib/edge-hdr-device --no-create-home "
        "--shell /usr/sbin/nologin edge-nobody",
        f"install -m 644 {out} /etc/systemd/system/edge-hdr-device.service",
        "systemctl daemon-reload",
        "systemctl enable --now edge-hdr-device",
    )
    assert [note[:30] for note in written.notes] == [
        "this machine has no group vide",
        "this machine has no group rend",
        "the kernel limits no memory ye",
        "/etc/edge-hdr/not-there.toml i",
    ]
    assert written.to_dict()["unit"] == str(out)


def test_a_user_that_exists_is_not_made_again(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    written = write_unit(out=tmp_path / "unit", python=PYTHON, user=me, machine=PI)
    assert not any("useradd" in step for step in written.steps)


def test_folders_of_the_settings_are_opened_and_made(tmp_path: Path) -> None:
    config = RunConfig(
        samples=SamplesConfig(folder="/srv/samples"), output=OutputConfig(file="/mnt/a b/out.jsonl")
    )
    written = write_unit(
        out=tmp_path / "unit", python=PYTHON, user="edge-nobody", settings=config, machine=PI
    )
    assert settings(written.text)["ReadWritePaths"] == ["-/srv/samples", '-"/mnt/a b"']
    assert "install -d -o edge-nobody -g edge-nobody '/mnt/a b'" in written.steps


def test_what_lies_in_the_state_folder_needs_no_opening() -> None:
    config = RunConfig(
        samples=SamplesConfig(folder="/var/lib/edge-hdr-device/samples"),
        output=OutputConfig(file="out.jsonl"),
    )
    assert writable_folders(config) == ()
    assert writable_folders(RunConfig()) == ()


def test_a_unit_that_differs_is_replaced_only_when_told(tmp_path: Path) -> None:
    out = tmp_path / "unit"
    write_unit(out=out, python=PYTHON, machine=PI)
    write_unit(out=out, python=PYTHON, machine=PI)  # the same again does no harm
    with pytest.raises(StorageError, match="is there and differs") as caught:
        write_unit(out=out, python=PYTHON, machine=replace(PI, coral=True))
    assert "--force" in caught.value.hint
    write_unit(out=out, python=PYTHON, machine=replace(PI, coral=True), force=True)
    assert "usb" in out.read_text()


def test_a_place_of_roots_is_named(nobody: None) -> None:
    with pytest.raises(StorageError, match="for root to write") as caught:
        write_unit(out=Path("/etc/edge-hdr-test.service"), python=PYTHON, machine=PI)
    assert "--out" in caught.value.hint


def test_this_machine_is_looked_at() -> None:
    machine = look_at_machine()
    assert machine.memory_bytes
    known = {entry.gr_name for entry in grp.getgrall()}
    assert set(machine.groups) == {"video", "render"} & known


def test_a_coral_and_a_kernel_without_memory_limits_are_seen(tmp_path: Path) -> None:
    library = tmp_path / "usr/lib/aarch64-linux-gnu/libedgetpu.so.1.0"
    controllers = tmp_path / "sys/fs/cgroup/cgroup.controllers"
    for file, text in ((library, ""), (controllers, "cpuset cpu io pids\n")):
        file.parent.mkdir(parents=True)
        file.write_text(text)
    machine = look_at_machine(tmp_path)
    assert machine.coral
    assert not machine.has_memory_limit
    controllers.write_text("cpu memory pids\n")
    assert look_at_machine(tmp_path).has_memory_limit
