"""The Python packages of a board, and of its twin on this machine, from PyPI's wheels alone."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

from boards import ROOT, Board, name
from cached import cached

from edge_hdr.errors import CheckFailedError, UnreachableError

GLIBC_MINORS = (36, 35, 34, 31, 28, 27, 17)  # pip infers no lower tag from a higher one
TESTS = ("pytest", "pytest-timeout")


def device_wheel(folder: Path) -> Path:
    """Build the device package's wheel into a folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT / "device", capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckFailedError(
            f"the device package does not build: {done.stderr.strip()[-300:]}",
            hint="install the test extra, which brings hatchling",
        )
    (wheel,) = folder.glob("edge_hdr_device-*.whl")
    return wheel


def unpacked(wheel: Path, folder: Path) -> Path:
    """Unpack a pure Python wheel, which installs it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def house(board: Board) -> Path:
    """Give a folder of all wheels that the board's packages need, for an install off the network.

    Raises:
        UnreachableError: PyPI does not answer, or has no wheel for the board.
    """

    def make(folder: Path) -> None:
        (folder / "constraints.txt").write_text("\n".join(board.constraints()) + "\n")
        for requirements, options in _batches(board):
            _pip(["download", "--dest", str(folder)], folder, board, requirements, options)

    return cached(f"wheels-{board.name}", _made_of(board), make)


def site(board: Board) -> Path:
    """Give a folder for PYTHONPATH with the board's packages, installed from `house`."""
    wheels = house(board)

    def make(folder: Path) -> None:
        offline = ["--no-index", "--find-links", str(wheels)]
        for requirements, options in _batches(board):
            install = ["install", "--no-compile", "--upgrade", "--target", str(folder), *offline]
            _pip(install, wheels, board, requirements, options)

    return cached(f"site-{board.name}", _made_of(board), make)


def twin(board: Board) -> Path:
    """Give a folder with the same versions for this machine's Python and processor."""
    wanted = [*board.requirements(), *(pypi for _, pypi in board.debian)]
    made_of = "\n".join([*board.constraints(), *wanted, sys.version, platform.machine()])

    def make(folder: Path) -> None:
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(board.constraints()) + "\n")
        only = ["--only-binary", ":all:", "--constraint", str(constraints)]
        _run(["install", "--no-compile", "--target", str(folder), *only, *wanted], board)

    return cached(f"twin-{board.name}", made_of, make)


def _made_of(board: Board) -> str:
    return "\n".join([board.python, board.machine, *board.constraints(), *board.requirements()])


def _batches(board: Board) -> list[tuple[list[str], list[str]]]:
    """Part what pip resolves from what it must not, because Debian brings its numpy."""
    if not board.debian:
        return [([*board.requirements(), *TESTS], [])]
    alone = [wanted for wanted in board.requirements() if name(wanted) == "tflite-runtime"]
    rest = [wanted for wanted in board.requirements() if wanted not in alone]
    return [(alone, ["--no-deps"]), ([*rest, *TESTS], [])]


def _pip(
    command: list[str], wheels: Path, board: Board, requirements: list[str], options: list[str]
) -> None:
    short = "cp" + board.python.replace(".", "")
    target = ["--only-binary", ":all:", "--constraint", str(wheels / "constraints.txt")]
    target += ["--python-version", board.python, "--implementation", "cp"]
    target += [f"--abi={abi}" for abi in (short, "abi3", "none")]
    target += [f"--platform=manylinux_2_{minor}_{board.machine}" for minor in GLIBC_MINORS]
    target += [f"--platform=manylinux2014_{board.machine}"]
    _run([*command, *target, *options, *requirements], board)


def _run(arguments: list[str], board: Board) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UnreachableError(
            f"the packages of {board.name} cannot be had: {(lines or ['no reason given'])[-1]}",
            hint="check the network and pip's index",
        )
