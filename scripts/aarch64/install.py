"""Install the device package on a board as its user would: a virtual environment, and pip."""

from __future__ import annotations

from pathlib import Path

import wheels
from boards import Board
from emulation import Guest, chrooted

from edge_hdr.errors import DeviceStepError


def install(board: Board, wheel: Path, *, home: Path, folder: Path) -> Guest:
    """Make an environment in the board's own root, off the network, and give its Python.

    Args:
        board: where.
        wheel: of the device package, in `folder`.
        home: takes the environment, in `folder`.
        folder: all that the board sees of this machine, but for its wheels.

    Raises:
        DependencyError: see `emulation.chrooted`.
        DeviceStepError: a step failed.
    """
    house = wheels.house(board)

    def guest(program: str | Path) -> Guest:
        return chrooted(board, str(program), home=home, folders=(folder, house))

    # as a board's user would where Debian brings OpenCV
    system = ["--system-site-packages"] if board.debian else []
    _step(guest("/usr/bin/python3"), ["-m", "venv", *system, "venv"], home)
    python = guest(home / "venv/bin/python")
    offline = ["--no-index", "--find-links", str(house), "--no-compile"]
    wanted = [f"{wheel}[{','.join(board.extras)}]", *wheels.TESTS]
    _step(python, ["-m", "pip", "install", "--quiet", *offline, *wanted], home)
    return python


def _step(guest: Guest, arguments: list[str], folder: Path) -> None:
    done = guest.run(*arguments, cwd=folder)
    if done.returncode:
        raise DeviceStepError(
            f"{' '.join(arguments[:3])} failed in the board's root (exit code {done.returncode})",
            hint=" / ".join((done.stderr or done.stdout).strip().splitlines()[-3:]),
        )
