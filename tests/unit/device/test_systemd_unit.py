"""The unit's text, and setting it up on machines that are small folders."""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr_device.errors import ConfigError, EdgeHdrError, ModelError, StorageError
from edge_hdr_device.settings import (
    CameraConfig,
    MqttConfig,
    OutputConfig,
    ReadConfig,
    RunConfig,
    SamplesConfig,
    WebConfig,
)
from edge_hdr_device.system.places import Account, check_places, written_folders
from edge_hdr_device.system.service import look_at_machine, write_unit
from edge_hdr_device.system.systemd_unit import Machine, unit_text
from edge_hdr_device.web.token import make_token

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
        "the kernel limits no memory ye",
        "/etc/edge-hdr/not-there.toml i",
    ]
    assert written.to_dict()["unit"] == str(out)


def test_a_machine_without_the_group_render_alarms_nobody(tmp_path: Path) -> None:
    written = write_unit(
        out=tmp_path / "unit", python=PYTHON, machine=replace(PI, groups=("video",))
    )
    assert settings(written.text)["SupplementaryGroups"] == ["video"]
    assert not any("group" in note for note in written.notes)


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
        output=OutputConfig(file="/var/lib/edge-hdr-device/out.jsonl"),
    )
    check_places(config)
    assert written_folders(config) == {}
    assert written_folders(RunConfig()) == {}


@pytest.mark.parametrize(
    "file",
    [
        *("/etc/readings.jsonl", "/var/log/x.jsonl", "/tmp/x.jsonl", "/home/pi/x.jsonl"),
        *("/readings.jsonl", "/srv/x.jsonl", "/opt/x.jsonl", "/root/a/b/x.jsonl", "/usr/lib/x/x"),
        *("/var/lib/x.jsonl", "/run/edge/x.jsonl", "/var/run/edge/x.jsonl", "/boot/firmware/x"),
    ],
)
def test_a_file_in_a_folder_of_the_system_is_refused(tmp_path: Path, file: str) -> None:
    config = RunConfig(output=OutputConfig(file=file))
    with pytest.raises(ConfigError, match=r"output\.file: .* folder of the system") as caught:
        write_unit(out=tmp_path / "unit", python=PYTHON, settings=config, machine=PI)
    assert "of its own below /var/lib/edge-hdr-device or /srv" in caught.value.hint
    assert not (tmp_path / "unit").exists()


@pytest.mark.parametrize(
    "folder", ["/", "/etc", "/var/log", "/home/pi/samples", "/dev/shm", "/mnt"]
)
def test_samples_in_a_folder_of_the_system_are_refused(folder: str) -> None:
    with pytest.raises(ConfigError, match=r"samples\.folder: .* folder of the system"):
        check_places(RunConfig(samples=SamplesConfig(folder=folder)))


def test_a_link_into_the_system_is_refused(system: Path) -> None:
    (system / "link").symlink_to("/etc")
    with pytest.raises(ConfigError, match="must not write to /etc"):
        check_places(RunConfig(samples=SamplesConfig(folder=str(system / "link"))))


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (RunConfig(camera=CameraConfig("/home/pi/film.mp4")), "camera.source"),
        (RunConfig(read=ReadConfig("/root/model.tflite")), "read.model"),
        (RunConfig(mqtt=MqttConfig("b", credentials="/tmp/secret")), "mqtt.credentials"),
        (RunConfig(mqtt=MqttConfig("b", ca="/var/tmp/ca.pem")), "mqtt.ca"),
        (RunConfig(mqtt=MqttConfig("b", cert="/home/pi/a.pem")), "mqtt.cert"),
        (RunConfig(mqtt=MqttConfig("b", key="/home/pi/a.key")), "mqtt.key"),
        (RunConfig(web=WebConfig(cert="/run/user/1000/a.pem")), "web.cert"),
        (RunConfig(web=WebConfig(key="/home/pi/a.key")), "web.key"),
        (RunConfig(web=WebConfig(token_file="/home/pi/token")), "web.token_file"),
    ],
)
def test_a_setting_that_the_service_could_not_see_is_named(config: RunConfig, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: the service could not see") as caught:
        check_places(config)
    assert "/etc/edge-hdr" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (RunConfig(output=OutputConfig(file="out.jsonl")), "output.file"),
        (RunConfig(output=OutputConfig(file="/srv/x/../../etc/out.jsonl")), "output.file"),
        (RunConfig(samples=SamplesConfig(folder="~/samples")), "samples.folder"),
        (RunConfig(camera=CameraConfig("film.mp4")), "camera.source"),
        (RunConfig(read=ReadConfig("own.tflite")), "read.model"),
        (RunConfig(mqtt=MqttConfig("b", credentials="secret")), "mqtt.credentials"),
        (RunConfig(web=WebConfig(token_file="token")), "web.token_file"),
    ],
)
def test_a_path_that_depends_on_where_one_stands_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: RunConfig, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("film.mp4", "own.tflite"):
        (tmp_path / file).write_bytes(b"")
    with pytest.raises(ConfigError, match=f"{name}: .* is no absolute path"):
        check_places(config)


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        (RunConfig(camera=CameraConfig("nosuch")), ConfigError, "'nosuch' is no camera"),
        (RunConfig(camera=CameraConfig("/srv/none.mp4")), ConfigError, "no file or folder"),
        (RunConfig(read=ReadConfig("ds-cnn-smal")), ModelError, "no model 'ds-cnn-smal'"),
        (RunConfig(read=ReadConfig(roi=("1,2",))), ConfigError, "1,2"),
        (RunConfig(read=ReadConfig(expect="[0-9")), ConfigError, "expect"),
        (
            RunConfig(mqtt=MqttConfig("b", tls=True, ca="/etc/no-such-ca.pem")),
            ConfigError,
            "cannot be read",
        ),
    ],
)
def test_what_the_reader_would_refuse_is_refused_before_the_unit_is_written(
    tmp_path: Path, config: RunConfig, kind: type[EdgeHdrError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        write_unit(out=tmp_path / "unit", python=PYTHON, settings=config, machine=PI)
    assert not (tmp_path / "unit").exists()


def test_a_model_may_come_later(tmp_path: Path) -> None:
    config = RunConfig(read=ReadConfig("/opt/models/later.tflite"))
    written = write_unit(out=tmp_path / "unit", python=PYTHON, settings=config, machine=PI)
    assert any("/opt/models/later.tflite is not there yet" in note for note in written.notes)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let a folder of the test's be seen and written by the service, as /srv is."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        places = "edge_hdr_device.system.places"
        monkeypatch.setattr(f"{places}.SYSTEM_TREES", (Path("/etc"),))
        monkeypatch.setattr("edge_hdr_device.system.systemd_unit.HIDDEN", ())
        monkeypatch.setattr("edge_hdr_device.system.service.STATE", folder / "state")
        yield folder


def test_a_folder_that_is_there_is_never_given_away(system: Path) -> None:
    (system / "there").mkdir(mode=0o755)
    config = RunConfig(
        samples=SamplesConfig(folder=str(system / "there")),
        output=OutputConfig(file=str(system / "new" / "out.jsonl")),
    )
    written = write_unit(
        out=system / "unit", python=PYTHON, user="edge-nobody", settings=config, machine=PI
    )
    assert [step for step in written.steps if "install -d" in step or "chown" in step] == [
        f"install -d -o edge-nobody -g edge-nobody {system / 'new'}"
    ]
    assert any(
        f"samples.folder: edge-nobody may not write to {system / 'there'}" in note
        for note in written.notes
    )
    (system / "there").chmod(0o777)
    again = write_unit(
        out=system / "unit", python=PYTHON, user="edge-nobody", settings=config, machine=PI
    )
    assert not any("may not write" in note for note in again.notes)


def test_samples_in_a_file_are_refused(system: Path) -> None:
    (system / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file, not a folder"):
        check_places(RunConfig(samples=SamplesConfig(folder=str(system / "file"))))


def test_secrets_are_given_to_the_service(system: Path) -> None:
    secret, key, other = system / "secret", system / "a b.key", system / "others.key"
    secret.write_text('username = "a"\npassword = "b"\n')
    for file, mode in ((secret, 0o600), (key, 0o600), (other, 0o644)):
        file.touch()
        file.chmod(mode)
    config = RunConfig(
        mqtt=MqttConfig("broker", credentials=str(secret)), web=WebConfig(key=str(key))
    )
    written = write_unit(
        out=system / "unit", python=PYTHON, user="edge-nobody", settings=config, machine=PI
    )
    gifts = [step for step in written.steps if step.startswith("chown")]
    assert gifts == [f"chown edge-nobody: {secret}", f"chown edge-nobody: '{key}'"]
    me = pwd.getpwuid(os.getuid()).pw_name
    shared = replace(config, web=WebConfig(key=str(other)))
    for user, settings in ((me, config), ("edge-nobody", replace(shared, mqtt=MqttConfig()))):
        again = write_unit(
            out=system / user, python=PYTHON, user=user, settings=settings, machine=PI
        )
        assert not any(step.startswith("chown") for step in again.steps)


def test_credentials_that_others_can_read_are_refused(system: Path) -> None:
    secret = system / "secret"
    secret.write_text('username = "a"\n')
    secret.chmod(0o644)
    config = RunConfig(mqtt=MqttConfig("broker", credentials=str(secret)))
    with pytest.raises(ConfigError, match="others than its owner") as caught:
        write_unit(out=system / "unit", python=PYTHON, settings=config, machine=PI)
    assert "chmod 600" in caught.value.hint


def test_a_page_for_others_gets_its_token_before_the_service_starts(system: Path) -> None:
    config = RunConfig(web=WebConfig(host="0.0.0.0"))
    token = system / "state" / "web-token"

    def steps() -> tuple[str, ...]:
        out = system / "unit"
        return write_unit(
            out=out, python=PYTHON, user="edge-nobody", settings=config, machine=PI
        ).steps

    assert [step.split()[0] for step in steps()] == [
        *("useradd", str(PYTHON), "chown", "install", "systemctl", "systemctl")
    ]
    assert steps()[1:3] == (
        f"{PYTHON} -P -m edge_hdr_device token --token-file {token}",
        f"chown edge-nobody: {token}",
    )
    make_token(token)
    assert steps()[1] == f"chown edge-nobody: {token}"
    assert not any(" token " in step for step in steps())
    token.write_text("no hash")
    with pytest.raises(ConfigError, match="holds no token's hash"):
        steps()


def test_a_token_file_that_is_named_is_made_for_this_machine_alone_too(system: Path) -> None:
    token = system / "named"
    config = RunConfig(web=WebConfig(token_file=str(token)))
    written = write_unit(out=system / "unit", python=PYTHON, settings=config, machine=PI)
    assert any(step.endswith(f"token --token-file {token}") for step in written.steps)
    off = replace(config, web=replace(config.web, enabled=False))
    written = write_unit(out=system / "unit", python=PYTHON, settings=off, machine=PI)
    assert not any(" token " in step for step in written.steps)


def test_settings_that_the_service_may_not_read_are_told(system: Path) -> None:
    config = system / "device.toml"
    config.write_text("")
    config.chmod(0o600)
    written = write_unit(
        out=system / "unit", python=PYTHON, user="edge-nobody", config=config, machine=PI
    )
    assert any(f"edge-nobody may not read {config}" in note for note in written.notes)


def test_a_secret_that_we_may_not_read_ourselves_asks_for_root(system: Path, nobody: None) -> None:
    config = RunConfig(mqtt=MqttConfig("broker", credentials="/etc/shadow"))
    with pytest.raises(ConfigError, match="not for this user to read") as caught:
        write_unit(out=system / "unit", python=PYTHON, settings=config, machine=PI)
    assert "sudo" in caught.value.hint


def test_who_is_not_root_can_write_the_unit_for_roots_folders(system: Path, nobody: None) -> None:
    config = RunConfig(output=OutputConfig(file="/srv/edge-hdr-not-there/out.jsonl"))
    with tempfile.TemporaryDirectory() as mine:
        written = write_unit(out=Path(mine) / "unit", python=PYTHON, settings=config, machine=PI)
    assert "install -d -o edge-hdr -g edge-hdr /srv/edge-hdr-not-there" in written.steps


def test_the_modes_tell_what_an_account_may_do(system: Path) -> None:
    file = system / "file"
    file.write_text("")
    info = file.stat()
    owner = Account("a", info.st_uid, frozenset())
    member = Account("b", 4_000_000, frozenset({info.st_gid}))
    other = Account("c", None, frozenset())
    file.chmod(0o640)
    assert (owner.may(file, 2), member.may(file, 4), other.may(file, 4)) == (True, True, False)
    assert not member.may(file, 2)
    file.chmod(0o444)
    (system / "closed").mkdir()
    (system / "closed" / "file").write_text("")
    (system / "closed").chmod(0o700)
    assert other.may(file, 4)
    assert not other.may(system / "closed" / "file", 4)


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
