"""What the doctor makes of a board's facts: rows, findings with their repairs, a conclusion."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_hdr.connection import Completed
from edge_hdr.doctor import Report, examine
from edge_hdr.errors import DeviceStepError
from edge_hdr.inspection import NO_PYTHON, SEND, ask, script
from edge_hdr_device.install import probe
from edge_hdr_device.install.requirements import Platform, plan

NOW_S = 1_795_000_000.0
DISK = {"path": "/", "free_bytes": 8 * 10**9, "total_bytes": 32 * 10**9, "kind": "ext4",
        "read_only": False}  # fmt: skip
PI_4: dict[str, Any] = {  # with Bookworm of 64 bits, picamera2 and a camera
    "probe": 1,
    "host": "pi4",
    "user": "pi",
    "uid": 1000,
    "home": "/home/pi",
    "groups": ["pi", "video"],
    "system": {
        "name": "Debian GNU/Linux 12 (bookworm)", "id": "debian", "version": "12",
        "codename": "bookworm", "kernel": "6.6.31", "kernel_machine": "aarch64",
    },
    "userland": {
        "machine": "aarch64", "bits": 64, "dpkg": "arm64", "libc": "glibc", "libc_version": "2.36",
    },
    "python": {"version": "3.11.2", "executable": "/usr/bin/python3", "venv": True, "pip": True},
    "packages": {
        "numpy": "1.24.2", "cv2": None, "picamera2": "0.3.27", "ai_edge_litert": None,
        "tflite_runtime": None, "starlette": None, "uvicorn": None, "paho": None,
        "prometheus_client": None,
    },
    "disk": {"system": DISK, "home": {**DISK, "path": "/home/pi"},
             "tmp": {**DISK, "path": "/var/tmp"}},
    "memory": {"total_bytes": 4 << 30, "available_bytes": 3 << 30, "limits": True},
    "cameras": [{"kind": "csi", "name": "imx708_wide", "device": "csi:0"}],
    "detects_cameras": True,
    "cma_bytes": 512 << 20,
    "clock": {"time_s": NOW_S, "synchronized": True, "kept": True, "zone": "Europe/Berlin"},
    "board": {
        "model": "Raspberry Pi 4 Model B Rev 1.4", "temperature_c": 48.2, "throttled": [],
        "throttled_before": [], "governor": "ondemand",
    },
    "systemd": {"version": 252, "running": True, "user_manager": True, "linger": False},
    "sudo": "free",
    "coral": {"usb": False, "pci": False, "library": False},
    "edge_hdr": None,
    "network": {"index": True, "detail": "index answers"},
}  # fmt: skip
DEPLOYED: dict[str, Any] = {
    "mode": "system", "base": "/opt/edge-hdr", "current": "0123456789ab", "version": "0.5.0",
    "model": "ds-cnn@1", "releases": ["0123456789ab"], "runtimes": [], "environments": [],
    "members": [], "service": "active", "trusted": 0, "trial": False, "held": None, "other": None,
}  # fmt: skip


def changed(**changes: Any) -> dict[str, Any]:
    """Give the Pi 4 with other values; "system__codename" is a key within a key."""
    facts = copy.deepcopy(PI_4)
    for name, value in changes.items():
        *path, last = name.split("__")
        place = facts
        for key in path:
            place = place[key]
        assert last in place
        place[last] = value
    return facts


def look(**changes: Any) -> Report:
    return examine(changed(**changes), now_s=NOW_S)


def the(report: Report) -> tuple[str, str, str]:
    """Give severity, subject and repair of the only finding."""
    (finding,) = report.findings
    return finding.severity, finding.subject, finding.repair


def verdict(report: Report, what: str) -> str:
    return next(row.verdict for row in report.rows if row.what == what)


def found(report: Report, what: str) -> str:
    return next(row.found for row in report.rows if row.what == what)


def shape(value: Any) -> Any:
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def test_the_facts_here_have_the_keys_that_the_probe_gives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert shape(probe.facts(home=tmp_path)) == shape(PI_4) | {"edge_hdr": None}


def test_a_good_board() -> None:
    report = look()
    assert report.findings == ()
    assert not report.forbids
    assert report.mode == "system"
    assert report.interpreter == "ai-edge-litert 2.3.0"
    assert report.conclusion == "a deployment can go ahead: ai-edge-litert 2.3.0, system service"
    rows = {row.what: row for row in report.rows}
    assert rows["userland"].found == "aarch64, 64 bits"
    assert rows["packages"].found == "numpy 1.24.2, picamera2 0.3.27"
    assert rows["cameras"].found == "imx708_wide (csi:0)"
    assert rows["temperature"].found == "48 °C"
    assert rows["edge-hdr"].found == "none"
    assert {row.verdict for row in report.rows} == {"ok", ""}
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()


FORBIDDEN = [
    ({"python__version": "3.9.2", "userland__libc_version": "2.31"}, "interpreter", "64-bit"),
    ({"userland__machine": "armv6l"}, "interpreter", "Zero 2 W"),
    ({"userland__libc": "musl"}, "interpreter", "64-bit"),
    (
        {"userland__machine": "armv7l", "python__version": "3.13.5", "packages__cv2": "4.10.0"},
        "interpreter",
        "64-bit",
    ),
    ({"userland__libc_version": "2.27"}, "interpreter", "64-bit"),
    ({"disk__system": {**DISK, "free_bytes": 10**8}}, "disk", "sudo apt clean"),
    ({"disk__system": {**DISK, "read_only": True}}, "disk", "sudo mount -o remount,rw /"),
    ({"python__venv": False, "python__pip": False}, "Python", "sudo apt install -y python3-venv"),
]


@pytest.mark.parametrize(("changes", "subject", "repair"), FORBIDDEN)
def test_what_forbids_a_deployment(changes: dict[str, Any], subject: str, repair: str) -> None:
    report = look(**changes)
    severity, found, hint = the(report)
    assert (severity, found) == ("forbids", subject)
    assert repair in hint
    assert report.forbids
    assert verdict(report, subject) == "bad"
    assert report.conclusion.startswith(f"forbidden: {subject}: ")
    assert (report.interpreter is None) == (subject == "interpreter")


CSI_ON_A_ZERO = {
    "memory__total_bytes": 426 << 20,
    "cma_bytes": 64 << 20,
    "board__model": "Raspberry Pi Zero 2 W Rev 1.0",
}
BEFORE = {"board__throttled_before": ["under-voltage"]}
USB = {"kind": "usb", "name": "Webcam", "device": "/dev/video0"}
WARNED = [
    ({"board__throttled": ["under-voltage"]} | BEFORE, "power", "use the power supply made for"),
    (BEFORE, "power", "use the power supply made for"),
    ({"board__throttled": ["throttled"]}, "power", "vcgencmd get_throttled"),
    ({"board__temperature_c": 82.0}, "temperature", "cool the board"),
    (
        {"clock__synchronized": False, "clock__kept": False},
        "clock",
        "sudo timedatectl set-ntp true",
    ),
    ({"clock__synchronized": False}, "clock", "sudo systemctl restart systemd-timesyncd"),
    ({"clock__time_s": NOW_S - 7200}, "clock", "sudo date -s @1795000000"),
    ({"cameras": []}, "cameras", "rpicam-hello --list-cameras"),
    (
        {"cameras": [], "detects_cameras": False},
        "cameras",
        "echo camera_auto_detect=1 | sudo tee -a /boot/firmware/config.txt && sudo reboot",
    ),
    ({"cameras": [], "board__model": "PC"}, "cameras", "lsusb"),
    (
        {"packages__picamera2": None},
        "cameras",
        "sudo apt install -y --no-install-recommends python3-picamera2",
    ),
    (CSI_ON_A_ZERO, "CMA", "vc4-kms-v3d,cma-128/' /boot/firmware/config.txt && sudo reboot"),
    ({"memory__total_bytes": 200 << 20}, "memory", "sudo systemctl set-default multi-user.target"),
    (
        {"memory__limits": False},
        "memory",
        "sudo sed -i '1s/$/ cgroup_enable=memory/' /boot/firmware/cmdline.txt && sudo reboot",
    ),
    ({"systemd__running": False}, "systemd", "edge-hdr-device run"),
    ({"coral__usb": True}, "Coral", "sudo apt install -y libedgetpu1-std"),
    ({"disk__system": {**DISK, "kind": "overlay"}}, "disk", "do_overlayfs 1 && sudo reboot"),
    (
        {"edge_hdr": {**DEPLOYED, "trial": True}},
        "edge-hdr",
        "sudo /opt/edge-hdr/settle && sudo systemctl restart edge-hdr-device",
    ),
    (
        {"edge_hdr": {**DEPLOYED, "trial": True, "held": {"by": "ann", "since": "10:00"}}},
        "edge-hdr",
        "wait for it to end",
    ),
    (
        {"edge_hdr": {**DEPLOYED, "service": "failed"}},
        "edge-hdr",
        "sudo journalctl -u edge-hdr-device -n 50",
    ),
    (
        {"edge_hdr": {**DEPLOYED, "other": "/home/pi/.local/share/edge-hdr"}},
        "edge-hdr",
        "systemctl --user disable --now edge-hdr-device",
    ),
]


@pytest.mark.parametrize(("changes", "subject", "repair"), WARNED)
def test_what_is_warned_of(changes: dict[str, Any], subject: str, repair: str) -> None:
    report = look(**changes)
    severity, found, hint = the(report)
    assert (severity, found) == ("warns", subject)
    assert repair in hint
    assert not report.forbids
    assert verdict(report, subject) == "warn"


def test_a_user_without_root() -> None:
    report = look(sudo="password", groups=["pi"], systemd__user_manager=False)
    assert report.mode == "user"
    assert report.conclusion.endswith("user service")
    assert [(finding.subject, finding.repair) for finding in report.findings] == [
        ("user", "sudo usermod -aG video pi"),
        ("rights", "edge-hdr deploy --ask-sudo-password makes it the system's"),
    ]
    assert found(report, "systemd") == "252, runs, the user does not linger yet"
    assert verdict(report, "systemd") == "ok"
    report = look(sudo="none", systemd__linger=True, groups=["pi"])
    assert [(finding.subject, finding.repair) for finding in report.findings] == [
        ("user", "su -c 'usermod -aG video pi'"),
        ("rights", "log in as root to make it the system's"),
    ]
    assert found(report, "systemd") == "252, runs, the user lingers"


def test_a_command_of_ours_names_the_board_as_it_was_called() -> None:
    report = examine(changed(sudo="password"), now_s=NOW_S, target="ssh://pi@host:2222")
    command = "edge-hdr deploy ssh://pi@host:2222 --ask-sudo-password"
    assert the(report)[2] == f"{command} makes it the system's"


def test_a_board_without_the_index_gets_its_packages_from_here() -> None:
    offline = {"index": False, "detail": "no route"}
    report = look(network=offline)
    assert report.findings == ()
    assert found(report, "network") == "no route; a deployment brings the packages along"
    assert verdict(report, "network") == ""
    key = plan(Platform.of(PI_4)).key
    report = look(network=offline, edge_hdr={**DEPLOYED, "environments": [key]})
    assert (found(report, "network"), verdict(report, "network")) == ("no route", "")
    assert verdict(look(), "network") == "ok"


def test_roots_commands_are_spelt_without_sudo() -> None:
    report = look(uid=0, sudo="root", python__venv=False, python__pip=False)
    assert the(report)[2] == "apt install -y python3-venv"


def test_a_users_disk_is_the_one_of_the_home() -> None:
    small = {**DISK, "path": "/home/pi", "free_bytes": 10**8}
    assert not look(disk__home=small).forbids
    report = look(disk__home=small, sudo="none", systemd__linger=True)
    assert "in /home/pi, 100 MB are free" in report.findings[0].what


def test_an_environment_that_is_there_needs_neither_network_nor_room_nor_venv() -> None:
    key = plan(Platform.of(PI_4)).key
    report = look(
        edge_hdr={**DEPLOYED, "environments": [key]},
        network={"index": False, "detail": "no route"},
        disk__system={**DISK, "free_bytes": 50 * 10**6},
        python__venv=False,
        python__pip=False,
    )
    assert report.findings == ()
    assert verdict(report, "edge-hdr") == "ok"


def test_roots_deployment_stands_in_a_users_way() -> None:
    """Both want the camera and the port, whoever asks and whichever the probe tells of first."""
    users = "/home/pi/.local/share/edge-hdr"
    own = {**DEPLOYED, "mode": "user", "base": users, "other": "/opt/edge-hdr"}
    for sudo, there, stop in (
        ("none", DEPLOYED, "su -c 'systemctl disable --now edge-hdr-device'"),
        ("password", own, "sudo systemctl disable --now edge-hdr-device"),
        ("free", DEPLOYED, "edge-hdr undeploy pi@host"),
        ("free", {**DEPLOYED, "other": users}, "edge-hdr undeploy pi@host"),
    ):
        facts = changed(sudo=sudo, edge_hdr=there)
        report = examine(facts, mode="user", now_s=NOW_S, target="pi@host")
        (finding,) = (finding for finding in report.findings if finding.subject == "edge-hdr")
        assert finding.severity == "warns"
        assert "root's installation in /opt/edge-hdr wants the same camera" in finding.what
        assert f"first: {stop}; or set another camera.source and web.port" in finding.repair


def test_a_users_deployment_stands_in_roots_way() -> None:
    users = {**DEPLOYED, "mode": "user", "base": "/home/pi/.local/share/edge-hdr"}
    report = examine(changed(edge_hdr=users), mode="system", now_s=NOW_S)
    assert "a user's own installation in /home/pi/.local" in report.findings[0].what


def test_what_another_mode_left_behind_without_a_release_stands_in_nobodys_way() -> None:
    left = {**DEPLOYED, "current": None, "service": None}
    assert examine(changed(edge_hdr=left), mode="user", now_s=NOW_S).findings == ()


def test_a_pip_of_the_system_will_do() -> None:
    assert look(python__venv=False).findings == ()


def test_what_forbids_comes_first() -> None:
    report = look(cameras=[], python__venv=False, python__pip=False)
    assert [finding.severity for finding in report.findings] == ["forbids", "warns"]


def test_a_32_bit_system_with_what_debian_has() -> None:
    report = look(
        userland={**PI_4["userland"], "machine": "armv7l", "bits": 32, "dpkg": "armhf"},
        packages__cv2="4.6.0",
    )
    assert report.interpreter == "tflite-runtime 2.14.0"
    assert not report.forbids


# Asking: what the board's shell may answer.


class Answers:
    """A connection whose answers are written down."""

    def __init__(self, *answers: tuple[int, str, str]) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []
        self.target = "pi@board"

    def run(self, argv: tuple[str, ...], *, send: bytes = b"", **_: Any) -> Completed:
        code, out, err = self.answers.pop(0)
        self.sent.append(send)
        return Completed(code, out.encode(), err)


LINE = '{"probe": 1, "host": "x"}\n'


def test_a_board_that_tells_by_itself_is_asked_once() -> None:
    board = Answers((0, f"Welcome!\n{LINE}", ""))
    assert ask(board) == {"probe": 1, "host": "x"}  # type: ignore[arg-type]
    assert board.sent == [b""]


def test_a_board_that_cannot_is_sent_the_script() -> None:
    board = Answers((0, f"{SEND}\n", ""), (0, LINE, ""))
    assert ask(board)["host"] == "x"  # type: ignore[arg-type]
    assert board.sent == [b"", script()]


FAILING = [
    ([(0, f"{NO_PYTHON}\n", "")], "has no python3", "sudo apt install -y python3"),
    ([(0, f"{SEND}\n", ""), (1, "", "x\nIts Python is 3.5\n")], "Python is 3.5", "--reinstall"),
    ([(0, f"{SEND}\n", ""), (-11, "", "")], "exit code -11", "--reinstall"),
    ([(1, "", "sh: grep: not found\n")], "grep: not found", "--reinstall"),
]


@pytest.mark.parametrize(("answers", "message", "hint"), FAILING)
def test_a_board_that_tells_nothing(answers: Any, message: str, hint: str) -> None:
    with pytest.raises(DeviceStepError) as caught:
        ask(Answers(*answers))  # type: ignore[arg-type]
    assert message in caught.value.message
    assert caught.value.message.startswith("pi@board")
    assert hint in caught.value.hint


def test_the_script_is_small_and_needs_nothing_of_ours(tmp_path: Path) -> None:
    content = script().decode("ascii")
    assert len(content) < 40_000
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIP_NO_INDEX": "1"}
    words = [sys.executable, "-I", "-S", "-B", "-"]
    done = subprocess.run(words, input=content, env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["home"] == str(tmp_path)
