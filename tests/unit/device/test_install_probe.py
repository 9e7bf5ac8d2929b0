"""What the probe tells of boards, each a small tree of files as its kernel and Debian have them."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge_hdr_device.install import probe, probe_index, probe_place
from edge_hdr_device.install.index import Index, Member
from edge_hdr_device.install.layout import Layout

INSTALL = Path(probe.__file__).parent
SOURCES = sorted(INSTALL.glob("probe*.py"))
ELF = {"aarch64": (2, 0xB7), "arm": (1, 0x28), "x86_64": (2, 0x3E)}
PI_4 = "Raspberry Pi 4 Model B Rev 1.4"
CODECS = {
    "video10": "bcm2835-codec-decode",
    "video13": "bcm2835-isp-output0",
    "video19": "rpi-hevc-dec",
    "video20": "pispbe-input",
}


class Tree:
    """The files of a board."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home/pi"
        self.home.mkdir(parents=True)

    def write(self, name: str, text: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, script: str) -> None:
        self.write(f"usr/bin/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)

    def link(self, name: str, target: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def python(self, version: str, machine: str) -> None:
        kind, number = ELF[machine]
        self.link("usr/bin/python3", f"python{version}")
        head = (
            b"\x7fELF" + bytes([kind, 1, 1]) + bytes(9) + b"\x03\0" + number.to_bytes(2, "little")
        )
        self.write(f"usr/bin/python{version}").write_bytes(head + bytes(100))
        self.write(f"usr/lib/python{version}/venv/__init__.py")
        self.write("usr/lib/python3/dist-packages/README")

    def release(self, name: str, version: str, codename: str, kernel_machine: str) -> None:
        self.write(
            "etc/os-release",
            f'PRETTY_NAME="{name}"\nID=debian\nVERSION_ID="{version}"\n'
            f"VERSION_CODENAME={codename}\n",
        )
        self.write("etc/hostname", "board\n")
        self.write("proc/sys/kernel/arch", f"{kernel_machine}\n")
        self.write("proc/sys/kernel/osrelease", "6.6.31-rpt-rpi-v8\n")

    def debian(self, architecture: str, **packages: str) -> None:
        entries = [
            f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nPriority: optional\n"
            f"Architecture: {architecture}\nVersion: {version}\nDescription: x\n y\n"
            for name, version in {"dpkg": "1.21.22", **packages}.items()
        ]
        entries.append("Package: python3-gone\nStatus: deinstall ok config-files\nVersion: 1\n")
        self.write("var/lib/dpkg/status", "\n".join(entries))

    def package(self, folder: str) -> None:
        (self.root / "usr/lib/python3/dist-packages" / folder).mkdir(parents=True)

    def video(self, nodes: dict[str, str]) -> None:
        for node, name in nodes.items():
            self.write(f"sys/class/video4linux/{node}/name", f"{name}\n")
            self.write(f"sys/class/video4linux/{node}/index", "0\n")

    def facts(self) -> dict:
        found = probe.facts(self.root, self.home)
        assert json.loads(json.dumps(found)) == found
        return found


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def pi_4(tree: Tree) -> Tree:
    """Make a Pi 4 with Bookworm of 64 bits, picamera2 and a camera on its ribbon cable."""
    tree.release("Debian GNU/Linux 12 (bookworm)", "12", "bookworm", "aarch64")
    tree.python("3.11", "aarch64")
    tree.debian(
        "arm64", libc6="2.36-9+rpt2+deb12u7", python3_numpy="1:1.24.2-1", python3_opencv="4.6.0+x-1"
    )
    for folder in ("numpy-1.24.2.egg-info", "picamera2-0.3.27.egg-info", "pip-23.0.1.dist-info"):
        tree.package(folder)
    tree.write("usr/lib/python3/dist-packages/cv2.cpython-311-aarch64-linux-gnu.so")
    tree.write("usr/lib/python3.11/ensurepip/__init__.py")
    tree.write("sys/firmware/devicetree/base/model", PI_4 + "\0")
    tree.write(
        "proc/meminfo", "MemTotal: 3884320 kB\nMemAvailable: 3000000 kB\nCmaTotal: 524288 kB\n"
    )
    tree.write("proc/mounts", "/dev/root / ext4 rw,noatime 0 0\ntmpfs /opt tmpfs ro 0 0\n")
    tree.write("opt/x")
    tree.write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    tree.write("sys/class/thermal/thermal_zone0/temp", "48199\n")
    tree.write("boot/firmware/config.txt", "# x\ncamera_auto_detect=1\n")
    tree.video({"v4l-subdev0": "imx708_wide 10-001a", "v4l-subdev1": "dw9807 10-000c"})
    tree.video({"video0": "unicam-image", **CODECS})
    tree.program("vcgencmd", 'echo "throttled=0x50005"')
    tree.program(
        "timedatectl", 'printf "NTPSynchronized=yes\\nNTP=yes\\nTimezone=Europe/Berlin\\n"'
    )
    tree.program(
        "systemctl", 'case $1 in --version) echo "systemd 252 (252.30)";; *) echo active;; esac'
    )
    (tree.root / "run/systemd/system").mkdir(parents=True)
    return tree


def test_a_pi_4_with_a_camera_on_its_cable(pi_4: Tree) -> None:
    facts = pi_4.facts()
    assert facts["host"] == "board"
    assert facts["system"]["codename"] == "bookworm"
    assert facts["system"]["kernel"] == "6.6.31-rpt-rpi-v8"
    assert facts["userland"] == {
        "machine": "aarch64", "bits": 64, "dpkg": "arm64", "libc": "glibc", "libc_version": "2.36",
    }  # fmt: skip
    assert facts["python"]["version"] == "3.11"
    assert (facts["python"]["venv"], facts["python"]["pip"]) == (True, True)
    assert facts["packages"]["numpy"] == "1.24.2"
    assert facts["packages"]["cv2"] == "4.6.0"
    assert facts["packages"]["picamera2"] == "0.3.27"
    assert facts["packages"]["ai_edge_litert"] is None
    assert facts["cameras"] == [{"kind": "csi", "name": "imx708_wide", "device": "csi:0"}]
    assert facts["detects_cameras"] is True
    assert facts["cma_bytes"] == 512 << 20
    assert facts["memory"]["total_bytes"] == 3884320 * 1024
    assert facts["board"] == {
        "model": PI_4, "temperature_c": 48.2, "throttled": ["under-voltage", "throttled"],
        "throttled_before": ["under-voltage", "throttled"], "governor": None,
    }  # fmt: skip
    assert facts["clock"]["synchronized"] is True
    assert facts["clock"]["zone"] == "Europe/Berlin"
    assert facts["systemd"] == {
        "version": 252, "running": True, "user_manager": False, "linger": False,
    }  # fmt: skip
    assert facts["edge_hdr"] is None


def test_disks_are_told_with_what_they_are_mounted_as(pi_4: Tree) -> None:
    disk = pi_4.facts()["disk"]
    assert disk["system"]["path"] == str(pi_4.root / "opt")
    assert (disk["system"]["kind"], disk["system"]["read_only"]) == ("tmpfs", True)
    assert (disk["home"]["kind"], disk["home"]["read_only"]) == ("ext4", False)
    assert disk["tmp"]["path"] == str(pi_4.root / "var")  # there is no /var/tmp
    assert 0 < disk["home"]["free_bytes"] <= disk["home"]["total_bytes"]


def test_a_32_bit_userland_on_a_64_bit_kernel(tree: Tree) -> None:
    tree.release("Raspbian GNU/Linux 12 (bookworm)", "12", "bookworm", "aarch64")
    tree.python("3.11", "arm")
    tree.debian("armhf", libc6="2.36-9+rpi1")
    facts = tree.facts()
    assert facts["system"]["kernel_machine"] == "aarch64"
    assert facts["userland"]["machine"] == "armv7l"
    assert facts["userland"]["bits"] == 32
    assert facts["userland"]["dpkg"] == "armhf"
    assert facts["python"]["venv"] is False  # there is venv and no ensurepip


def test_a_pi_zero_is_armv6(tree: Tree) -> None:
    tree.release("Raspbian GNU/Linux 12 (bookworm)", "12", "bookworm", "armv6l")
    tree.python("3.11", "arm")
    assert tree.facts()["userland"]["machine"] == "armv6l"


def test_trixie_with_pip_of_its_own_in_local(tree: Tree) -> None:
    tree.release("Debian GNU/Linux 13 (trixie)", "13", "trixie", "aarch64")
    tree.python("3.13", "aarch64")
    tree.debian("arm64", libc6="2.41-12", python3_numpy="1:2.2.4+ds-1")
    tree.package("numpy-2.2.4.dist-info")
    (tree.root / "usr/local/lib/python3.13/dist-packages/numpy-2.3.1.dist-info").mkdir(parents=True)
    facts = tree.facts()
    assert facts["python"]["version"] == "3.13"
    assert facts["packages"]["numpy"] == "2.3.1"  # what an import would give
    assert facts["userland"]["libc_version"] == "2.41"


def test_a_bare_debian_tells_nulls(tree: Tree) -> None:
    tree.release("Debian GNU/Linux 12 (bookworm)", "12", "bookworm", "x86_64")
    tree.python("3.11", "x86_64")
    facts = tree.facts()
    assert facts["userland"]["machine"] == "x86_64"
    assert facts["userland"]["libc"] is None
    assert set(facts["packages"].values()) == {None}
    assert facts["cameras"] == []
    assert facts["board"]["model"] is None
    assert facts["board"]["throttled"] is None
    assert facts["clock"]["synchronized"] is None
    assert facts["systemd"]["version"] is None
    assert facts["memory"] == {"total_bytes": None, "available_bytes": None, "limits": True}
    assert facts["network"] == {"index": None, "detail": "there is no pip to tell the index"}


def test_musl_is_no_glibc(tree: Tree) -> None:
    tree.python("3.12", "x86_64")
    tree.write("lib/ld-musl-x86_64.so.1")
    assert tree.facts()["userland"]["libc"] == "musl"


def test_packages_that_are_not_installed_any_more_do_not_count(tree: Tree) -> None:
    tree.python("3.11", "x86_64")
    tree.debian("amd64")
    place = probe_place.Place(tree.root, tree.home)
    assert set(place.debian) == {"dpkg"}


def test_usb_cameras_by_their_first_node(tree: Tree) -> None:
    tree.python("3.11", "aarch64")
    tree.video({"video0": "HD Webcam: HD Webcam", "video1": "HD Webcam: HD Webcam", **CODECS})
    tree.write("sys/class/video4linux/video1/index", "1\n")  # its metadata
    tree.link("sys/class/video4linux/video0/device/subsystem", "../../../../bus/usb")
    tree.video({"video2": "Dummy video device (0x0000)", "video3": "rp1-cfe-csi2_ch0"})
    assert tree.facts()["cameras"] == [
        {"kind": "usb", "name": "HD Webcam: HD Webcam", "device": "/dev/video0"},
        {"kind": "other", "name": "Dummy video device (0x0000)", "device": "/dev/video2"},
    ]


def test_nodes_are_in_the_order_of_their_numbers(tree: Tree) -> None:
    tree.python("3.11", "aarch64")
    tree.video({"video10": "b", "video2": "a"})
    assert [camera["name"] for camera in tree.facts()["cameras"]] == ["a", "b"]


@pytest.mark.parametrize("known", ["1a6e:089a", "18d1:9302"])
def test_a_coral_without_its_library(tree: Tree, known: str) -> None:
    tree.python("3.11", "aarch64")
    vendor, product = known.split(":")
    tree.write("sys/bus/usb/devices/1-1/idVendor", f"{vendor}\n")
    tree.write("sys/bus/usb/devices/1-1/idProduct", f"{product}\n")
    assert tree.facts()["coral"] == {"usb": True, "pci": False, "library": False}
    tree.write("usr/lib/aarch64-linux-gnu/libedgetpu.so.1.0")
    assert tree.facts()["coral"]["library"] is True


def test_raspberry_pi_os_limits_no_memory(tree: Tree) -> None:
    tree.python("3.11", "aarch64")
    tree.write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n")
    assert tree.facts()["memory"]["limits"] is False
    tree.write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
    assert tree.facts()["memory"]["limits"] is True


def test_the_sensor_of_power_serves_where_the_firmware_cannot_be_asked(tree: Tree) -> None:
    tree.python("3.11", "aarch64")
    tree.write("sys/class/hwmon/hwmon2/name", "rpi_volt\n")
    tree.write("sys/class/hwmon/hwmon2/in0_lcrit_alarm", "1\n")
    board = tree.facts()["board"]
    assert (board["throttled"], board["throttled_before"]) == (["under-voltage"], [])


def test_programs_that_hang_hold_nothing_up(pi_4: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_place, "LIMIT_S", 0.3)
    for name in ("timedatectl", "vcgencmd", "systemctl"):
        pi_4.program(name, "exec sleep 30")
    start_s = time.monotonic()
    facts = pi_4.facts()
    assert time.monotonic() - start_s < 5
    assert facts["clock"]["synchronized"] is None
    assert facts["systemd"]["version"] is None


@pytest.mark.parametrize(("script", "expected"), [("echo 0", "free"), ("exit 1", "password")])
def test_sudo_is_tried_without_a_password(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, script: str, expected: str
) -> None:
    tree.python("3.11", "aarch64")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert tree.facts()["sudo"] == "none"
    tree.program("sudo", script)
    assert tree.facts()["sudo"] == expected


# What edge-hdr has there.


def deploy(layout: Layout, *, model: bytes = b"model", wheel: bool = False) -> Index:
    """Lay out a release as the installer does."""
    members = {
        "runtime.zip": Member.of(b"runtime"),
        "model.tflite": Member.of(model),
        "canary.json": Member.of(b"{}"),
        **({"wheels/x.whl": Member.of(b"x")} if wheel else {}),
    }
    index = Index("0.5.0", "ds-cnn@1", members)
    release = layout.releases / index.id
    release.mkdir(parents=True)
    (release / "payload.json").write_bytes(index.to_bytes())
    (release / "model.tflite").write_bytes(model)
    (release / "canary.json").write_bytes(b"{}")
    (layout.runtimes / index.runtime).mkdir(parents=True, exist_ok=True)
    (layout.environments / "k3y").mkdir(parents=True, exist_ok=True)
    layout.current.unlink(missing_ok=True)
    layout.current.symlink_to(f"releases/{index.id}")
    layout.lock.touch()
    return index


def test_a_deployment_is_told_with_what_need_not_be_sent(pi_4: Tree) -> None:
    layout = Layout.system(pi_4.root)
    first, second = deploy(layout), deploy(layout, model=b"other", wheel=True)
    layout.etc.mkdir(parents=True)
    layout.trusted.write_text("# school\nssh-ed25519 AAAA teacher\n\n")
    found = pi_4.facts()["edge_hdr"]
    assert found["mode"] == "system"
    assert found["base"] == str(layout.base)
    assert found["current"] == second.id
    assert (found["version"], found["model"]) == ("0.5.0", "ds-cnn@1")
    assert found["releases"] == sorted([first.id, second.id])
    assert (found["runtimes"], found["environments"]) == ([first.runtime], ["k3y"])
    kept = {Member.of(content).sha256 for content in (b"runtime", b"model", b"other", b"{}")}
    assert set(found["members"]) == kept
    assert found["service"] == "active"
    assert found["trusted"] == 1
    assert (found["trial"], found["held"], found["other"]) == (False, None, None)


def test_what_is_gone_or_cut_short_is_no_member(pi_4: Tree) -> None:
    layout = Layout.system(pi_4.root)
    index = deploy(layout)
    (layout.runtimes / index.runtime).rmdir()
    (layout.releases / index.id / "model.tflite").write_bytes(b"mod")
    (layout.releases / "torn").mkdir()
    (layout.releases / "torn/payload.json").write_text('{"memb')
    assert pi_4.facts()["edge_hdr"]["members"] == [Member.of(b"{}").sha256]


def test_a_trial_is_seen(pi_4: Tree) -> None:
    layout = Layout.system(pi_4.root)
    deploy(layout)
    layout.fallback.symlink_to("none")
    assert pi_4.facts()["edge_hdr"]["trial"] is True


def test_a_deployment_at_work_is_seen_by_its_lock(pi_4: Tree) -> None:
    layout = Layout.system(pi_4.root)
    deploy(layout)
    layout.lock.write_text('{"by": "ann@laptop", "pid": 7, "since": "2025-01-01T10:00:00+00:00"}\n')
    assert pi_4.facts()["edge_hdr"]["held"] is None
    with layout.lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        pi_4.write("proc/locks", Path("/proc/locks").read_text())
    held = pi_4.facts()["edge_hdr"]["held"]
    assert held == {"by": "ann@laptop", "since": "2025-01-01T10:00:00+00:00"}


def test_a_users_deployment_counts_where_root_cannot_be_had(
    pi_4: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(Layout.user(pi_4.home))
    assert pi_4.facts()["edge_hdr"]["mode"] == "user"
    deploy(Layout.system(pi_4.root))
    found = pi_4.facts()["edge_hdr"]
    assert (found["mode"], found["other"]) == ("system", str(Layout.user(pi_4.home).base))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert pi_4.facts()["edge_hdr"]["mode"] == "user"


# The package index.


class _Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Index) as server:
        server.answer, server.asked = 200, []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def reach(tree: Tree) -> dict:
    return probe_index.reach_index(probe_place.Place(tree.root, tree.home))


def test_the_index_is_the_one_that_pip_names(pi_4: Tree, index: ThreadingHTTPServer) -> None:
    pi_4.write(
        "usr/lib/python3/dist-packages/pip/_internal/models/index.py",
        f'import x\n\nPyPI = PackageIndex("{address(index)}/", file_storage_domain="f")\n',
    )
    assert reach(pi_4) == {"index": True, "detail": "127.0.0.1 answers"}
    assert index.asked == [("/simple/pip/", None)]  # type: ignore[attr-defined]


def test_pips_settings_come_first_and_passwords_stay_secret(
    pi_4: Tree, index: ThreadingHTTPServer
) -> None:
    pi_4.write("etc/pip.conf", "[global]\nindex-url = http://127.0.0.1:9/nowhere\n")
    secret = address(index).replace("//", "//me:s3cret@") + "/mirror/"
    pi_4.write("home/pi/.config/pip/pip.conf", f"[install]\nindex-url = {secret}\n")
    found = reach(pi_4)
    assert found["index"] is True
    assert "s3cret" not in str(found)
    assert index.asked == [("/mirror/pip/", None)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "expected"), [(404, True), (401, True), (503, False), (403, False)]
)
def test_what_the_index_answers(
    pi_4: Tree, index: ThreadingHTTPServer, code: int, expected: bool
) -> None:
    index.answer = code  # type: ignore[attr-defined]
    pi_4.write("etc/pip.conf", f"[global]\nindex-url = {address(index)}\n")
    assert reach(pi_4)["index"] is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("index-url = http://127.0.0.1:9/simple", False),  # nobody listens
        ("index-url = http://127.0.0.1:port/simple", False),
        ("index-url = file:///nowhere", False),
        ("no-index = true", None),
    ],
)
def test_an_index_that_is_not_there(pi_4: Tree, line: str, expected: object) -> None:
    pi_4.write("etc/pip.conf", f"[global]\n{line}\n")
    assert reach(pi_4)["index"] is expected


# This machine, and old Pythons.


def test_this_machine_by_the_module_and_quickly(tmp_path: Path) -> None:
    start_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "edge_hdr_device.install.probe"],
        env={**os.environ, "HOME": str(tmp_path), "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.monotonic() - start_s < 10
    assert done.stdout.startswith('{"probe": ')
    facts = json.loads(done.stdout)
    assert facts["userland"]["bits"] == 64
    assert facts["home"] == str(tmp_path)
    assert facts["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert Path(facts["python"]["executable"]).parent != Path(sys.prefix, "bin")  # the venv's own
    assert list(tmp_path.iterdir()) == []


def test_the_platform_alone_is_the_same_as_among_all_facts(pi_4: Tree) -> None:
    facts = pi_4.facts()
    alone = probe.platform_facts(probe_place.Place(pi_4.root, pi_4.home))
    assert alone == {name: facts[name] for name in ("userland", "python", "packages")}
    assert probe.platform_facts()["userland"]["bits"] == 64


LATER_THAN_36 = {
    *("removeprefix", "removesuffix", "readlink", "is_relative_to", "missing_ok", "with_stem"),
    *("capture_output", "text", "fromisoformat", "nullcontext", "cached_property", "hardlink_to"),
}
MODULES_LATER_THAN_36 = {
    "__future__",
    "dataclasses",
    "importlib",
    "zoneinfo",
    "tomllib",
    "graphlib",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_probe_is_written_for_python_3_6(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="ascii"), feature_version=(3, 6))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names]
            assert not MODULES_LATER_THAN_36 & {name.partition(".")[0] for name in names}
            ours = [name for name in names if name.startswith("edge_hdr")]
            assert all(name.startswith("edge_hdr_device.install.probe") for name in ours)
        if isinstance(node, ast.keyword):
            assert node.arg not in LATER_THAN_36
        if isinstance(node, ast.Attribute):
            fine = node.attr == "text" or ast.unparse(node) == "os.readlink"
            assert fine or node.attr not in LATER_THAN_36, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.FunctionDef):
            said = [node.returns, *(arg.annotation for arg in node.args.args)]
            evaluated = [part for one in said if one is not None for part in ast.walk(one)]
            kinds = ast.Subscript | ast.BinOp  # as list[int] and int | None
            assert not [part for part in evaluated if isinstance(part, kinds)], node.name
