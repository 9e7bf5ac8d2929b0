"""A Debian with systemd that was booted from a folder, for proofs; needs root."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

CONTROLLERS = ("memory", "devices", "pids")  # what the unit's limits need
JOIN = 'for group in $GROUPS_TO_JOIN; do echo $$ >"$group/cgroup.procs"; done; '
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
COUNT = itertools.count(1)


class Container:
    """A system that was booted from a folder.

    On a machine without systemd it gets control groups of its own, and may set limits in them.

    Args:
        root: what is booted, and changed.
        layers: when given, these folders are what is booted, the first one uppermost, and `root`
            keeps the changes; it need not exist.
    """

    def __init__(self, root: Path, *, layers: Sequence[Path] = ()) -> None:
        self.root = root
        self.init = 0
        self._layers = layers
        self._name = f"edge-hdr-proof-{os.getpid()}-{next(COUNT)}"
        self._groups: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Container:
        place = self.root.with_name(f"{self.root.name}.mounted") if self._layers else self.root
        mount = overlay(self._layers, self.root, place) if self._layers else ":"
        (self.root / "etc").mkdir(parents=True, exist_ok=True)
        (self.root / "etc/machine-id").write_text("")
        command = ["unshare", "--mount", "sh", "-ec", f'{JOIN} {mount}; exec "$@"', "sh"]
        command += ["systemd-nspawn", "--quiet", "--boot", "--private-network", "--console=pipe"]
        command += ["--machine", self._name, "--hostname", "board", "--directory", str(place)]
        if not Path("/run/systemd/system").is_dir():
            command += ["--keep-unit", "--register=no"]
            self._groups = make_groups(self._name)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GROUPS_TO_JOIN": " ".join(map(str, self._groups))},
        )
        try:
            wait(self._find_init, "the container's first process")
            wait(self._is_up, "the boot")
        except BaseException:
            self.__exit__()
            raise
        self._open_groups()
        return self

    def __exit__(self, *error: object) -> None:
        if self.init:  # of init, not of nspawn: a killed nspawn leaves the tree running
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGKILL)
        if self._process:
            self._process.terminate()
            self._process.wait(30)
        for group in self._groups:
            for inner in sorted(group.rglob("*"), reverse=True):
                if inner.is_dir():
                    inner.rmdir()
            group.rmdir()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the container as root."""
        inside = ["nsenter", "--target", str(self.init), "--all", "--", *command]
        done = subprocess.run(inside, capture_output=True, text=True, check=False, env=ENVIRONMENT)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done

    def write(self, name: str, text: str) -> None:
        """Write a file of the container."""
        inside = f"/proc/{self.init}/root" if self._layers else self.root
        path = Path(inside, name.lstrip("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def show(self, name: str, unit: str) -> str:
        """Give a property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def _is_up(self) -> bool:
        asked = self.run("systemctl", "is-system-running", check=False)
        return asked.stdout.strip() in {"running", "degraded"}

    def _find_init(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError("the container did not start")
        self.init = first_process(self._process.pid)
        return bool(self.init)

    def _open_groups(self) -> None:
        """Let the container's systemd write into its own control groups of the old kind."""
        for group in self._groups:
            place = f"/sys/fs/cgroup/{group.parent.name}"
            self.run("mount", "-o", "remount,bind,rw", place)
        if self._groups:
            self.run("systemctl", "daemon-reexec")


def first_process(starter: int) -> int:
    """Give the child that is process 1 of a namespace of its own; 0 while there is none."""
    for child in Path(f"/proc/{starter}/task/{starter}/children").read_text().split():
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{child}/status").read_text()
            if re.search(r"^NSpid:\t\d+\t1$", status, re.MULTILINE):
                return int(child)
    return 0


def overlay(layers: Sequence[Path], changes: Path, place: Path) -> str:
    """Give the shell command that shows layers, and changes over them, in a place that it makes."""
    scratch = place.with_name(f"{place.name}.scratch")
    for folder in (changes, place, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    lower = ":".join(map(str, layers))
    options = f"lowerdir={lower},upperdir={changes},workdir={scratch}"
    return f"mount -t overlay overlay -o {shlex.quote(options)} {shlex.quote(str(place))}"


def make_groups(name: str) -> list[Path]:
    """Make control groups of the old kind for a container; none where there is one hierarchy."""
    groups = []
    for controller in CONTROLLERS:
        parent = Path("/sys/fs/cgroup") / controller
        if parent.is_dir():
            groups.append(parent / name)
            groups[-1].mkdir()
    return groups


def wait(holds: Callable[[], object], what: str, timeout_s: float = 60.0) -> float:
    """Wait for something; gives the seconds that it took."""
    start_s = time.monotonic()
    while not holds():
        if time.monotonic() - start_s > timeout_s:
            raise RuntimeError(f"{what} did not come in {timeout_s:g} s")
        time.sleep(0.05)
    return round(time.monotonic() - start_s, 2)
