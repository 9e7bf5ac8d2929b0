"""A Debian with systemd that was booted from a folder, for proofs; needs root."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CONTROLLERS = ("memory", "devices", "pids")  # what the unit's limits need
JOIN = 'for group in $GROUPS_TO_JOIN; do echo $$ >"$group/cgroup.procs"; done; exec "$@"'


class Container:
    """A system that was booted from a folder.

    On a machine without systemd it gets control groups of its own, and may set limits in them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._groups: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Container:
        (self.root / "etc/machine-id").write_text("")
        command = ["sh", "-c", JOIN, "sh"]
        command += ["systemd-nspawn", "--quiet", "--boot", "--private-network", "--console=pipe"]
        command += ["--machine", f"edge-hdr-proof-{os.getpid()}", "--directory", str(self.root)]
        if not Path("/run/systemd/system").is_dir():
            command += ["--keep-unit", "--register=no"]
            self._groups = make_groups()
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
        if self._init:  # of init, not of nspawn: a killed nspawn leaves the tree running
            os.kill(self._init, signal.SIGKILL)
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
        inside = ["nsenter", "--target", str(self._init), "--all", "--", *command]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(inside, capture_output=True, text=True, check=False, env=environment)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done

    def write(self, name: str, text: str) -> None:
        """Write a file of the container."""
        path = self.root / name.lstrip("/")
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
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split()
        self._init = int(found[0]) if found else 0
        return bool(found)

    def _open_groups(self) -> None:
        """Let the container's systemd write into its own control groups of the old kind."""
        for group in self._groups:
            place = f"/sys/fs/cgroup/{group.parent.name}"
            self.run("mount", "-o", "remount,bind,rw", place)
        if self._groups:
            self.run("systemctl", "daemon-reexec")


def make_groups() -> list[Path]:
    """Make control groups of the old kind for the container; none where there is one hierarchy."""
    groups = []
    for name in CONTROLLERS:
        parent = Path("/sys/fs/cgroup") / name
        if parent.is_dir():
            groups.append(parent / f"edge-hdr-proof-{os.getpid()}")
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
