"""Ways to run a board's Python here: emulated as it is, emulated in its own root, or its twin."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import debian
import wheels
from boards import Board

from edge_hdr.errors import DependencyError, DeviceStepError

HERE = Path(__file__).parent
# The head of an ELF file for the machine, and the mask over it: any kind of executable.
MAGICS = {
    "aarch64": r"\x7fELF\x02\x01\x01" + r"\x00" * 9 + r"\x02\x00\xb7\x00",
    "armv7l": r"\x7fELF\x01\x01\x01" + r"\x00" * 9 + r"\x02\x00\x28\x00",
}
MASK = r"\xff" * 7 + r"\x00" + r"\xff" * 8 + r"\xfe\xff\xff\xff"


@dataclass(frozen=True)
class Guest:
    """A Python and how it is started.

    Attributes:
        how: in a few words, for the results.
        cpu: processor that it runs on.
        command: what starts it.
        env: its whole environment.
    """

    how: str
    cpu: str
    command: tuple[str, ...]
    env: dict[str, str]

    def run(
        self, *arguments: str | Path, cwd: Path, timeout_s: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python program to its end.

        Raises:
            DeviceStepError: it takes too long.
        """
        try:
            return subprocess.run(
                [*self.command, *map(str, arguments)],
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            started = " ".join(map(str, arguments[:4]))
            raise DeviceStepError(
                f"{started} did not end within {timeout_s:.0f} s",
                hint="try again on an idle machine",
            ) from error

    def start(self, *arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
        """Start a Python program; its standard output is a pipe, its errors go to `errors.txt`."""
        with (cwd / "errors.txt").open("w") as errors:
            return subprocess.Popen(
                [*self.command, *map(str, arguments)],
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )


def twin(board: Board, device: Path, home: Path) -> Guest:
    """Run the same versions on this machine's own processor.

    For a board of the project's own versions they are those that this very Python has.
    """
    python, paths = [sys.executable, "-s"], [device]
    if board.pins:
        python.append("-S")
        paths.append(wheels.twin(board))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    env["PYTHONPATH"] = ":".join(map(str, paths))
    return Guest("native", platform.machine(), tuple(python), env)


def emulated(board: Board, cpu: str, device: Path, home: Path) -> Guest:
    """Run the board's Python with no more than the emulator: no rights and no settings needed.

    The emulator looks for files in the board's root first and here second. A program in there
    cannot start another one.
    """
    root = debian.root(board)
    env = {
        "QEMU_CPU": cpu,
        "QEMU_LD_PREFIX": str(root),
        "PYTHONHOME": str(root / "usr"),
        "PYTHONPATH": f"{device}:{wheels.site(board)}",
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
    }
    python = root / "usr/bin" / f"python{board.python}"
    return Guest("emulator alone", cpu, (str(debian.emulator(board)), str(python), "-s"), env)


def chrooted(board: Board, program: str, *, home: Path, folders: Sequence[Path]) -> Guest:
    """Run a program in the board's own root; whatever it starts is emulated too.

    Args:
        board: whose userland; its first processor is emulated.
        program: path in the root, or in one of the folders.
        home: of the user in there.
        folders: are seen in there under their own paths.

    Raises:
        DependencyError: the kernel does not let users register an emulator for themselves.
    """
    unshare = ("unshare", "--user", "--map-root-user", "--mount")
    _require_own_binfmt(unshare)
    enter = (
        str(HERE / "enter.sh"),
        str(debian.root(board)),
        str(debian.emulator(board)),
        f"{MAGICS[board.machine]}:{MASK}",
        ":".join(map(str, folders)),
    )
    env = {
        "QEMU_CPU": board.cpus[0],
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return Guest("installed in its own root", board.cpus[0], (*unshare, *enter, program), env)


def _require_own_binfmt(unshare: Sequence[str]) -> None:
    probe = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc"
    done = subprocess.run([*unshare, "sh", "-c", probe], capture_output=True, check=False)
    if done.returncode:
        raise DependencyError(
            "the kernel does not let users register an emulator of their own",
            hint="that needs Linux 6.7 or newer, with user namespaces allowed",
        )
