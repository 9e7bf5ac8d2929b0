"""Prove that the device package installs, runs and answers the same on ARM as on x86-64.

    python scripts/aarch64/prove.py [--quick] [--board NAME ...] [--out FILE]

A board's userland is unpacked from Debian's packages, its Python packages come from PyPI's wheels
for its processor, and QEMU runs it; its twin runs the same versions natively. Emulation proves that
answers are right, never how fast they come.

The quick form takes the first board, asks it the question, and runs the device's commands; it needs
no rights and no settings of the machine. The full form takes every board and every processor,
installs the package with pip in the board's own root, and runs its unit tests there too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import wheels
from boards import BOARDS, ROOT, Board
from commands import all_commands
from compare import compare
from emulation import Guest, emulated, twin
from install import install
from questions import Answer, ask, pose
from suite import unit_tests

from edge_hdr.errors import CheckFailedError, EdgeHdrError
from edge_hdr_device.storage import write_atomic

RESULT = ROOT / "benchmarks" / "results" / "aarch64.json"
RECORDING = Lock()


@dataclass(frozen=True)
class Case:
    """A board to prove, and what it is measured by.

    Attributes:
        board: to prove.
        folder: of files that the board sees; holds the question.
        home: of the board's own files, within the folder.
        question: what board and twin are asked.
        wheel: of the device package.
        device: the same, unpacked.
        twin: the same versions, run natively.
        wanted: the twin's answer.
    """

    board: Board
    folder: Path
    home: Path
    question: Path
    wheel: Path
    device: Path
    twin: Guest
    wanted: Answer

    @classmethod
    def prepare(cls, board: Board, folder: Path) -> Case:
        """Build the package, pose the question, and put it to the twin."""
        home = folder / "home"
        home.mkdir()
        question, wheel = pose(folder), wheels.device_wheel(folder)
        device = wheels.unpacked(wheel, folder / "device")
        native = twin(board, device, home)
        wanted = ask(native, question)
        return cls(board, folder, home, question, wheel, device, native, wanted)

    def answer(self, guest: Guest) -> dict[str, Any]:
        """Put the question to the board.

        Raises:
            DeviceStepError: it does not run.
            CheckFailedError: it answers something else than its twin.
        """
        found = ask(guest, self.question)
        result = compare(self.board, found, self.wanted)
        if result.failures:
            raise CheckFailedError(
                f"{self.board.name}, {guest.cpu}, {guest.how}: {'; '.join(result.failures)}",
                hint="the tolerances and their reasons stand in scripts/aarch64/compare.py",
            )
        return {
            "how": guest.how,
            "cpu": guest.cpu,
            **found.machine,
            "versions": found.versions,
            "logits": result.logits,
            "readings": result.readings,
        }

    def quick(self) -> list[dict[str, Any]]:
        """Prove with the emulator alone."""
        guest = emulated(self.board, self.board.cpus[0], self.device, self.home)
        with ThreadPoolExecutor(2) as pool:
            commands = pool.submit(all_commands, guest, self.twin, self.home)
            run = self.answer(guest)
            return [run | {"commands": commands.result()}]

    def full(self) -> list[dict[str, Any]]:
        """Prove on every processor, then with an installation in the board's own root."""
        guests = [emulated(self.board, cpu, self.device, self.home) for cpu in self.board.cpus]
        runs = [self.answer(guest) for guest in guests]
        python = install(self.board, self.wheel, home=self.home, folder=self.folder)
        run = self.answer(python)
        run["commands"] = all_commands(python, self.twin, self.home)
        run["unit_tests"] = unit_tests(python, self.home)
        return [*runs, run]


def main() -> None:
    """Prove what the command line asks for; exit codes are those of the device package."""
    options = parse()
    with ThreadPoolExecutor(2) as pool:
        failures = list(pool.map(partial(attempt, options), options.boards))
    sys.exit(max(failures))


def parse() -> argparse.Namespace:
    """Read the command line."""
    names = {board.name: board for board in BOARDS}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the first board, by emulation alone")
    parser.add_argument("--board", action="append", choices=names, help="may be repeated")
    parser.add_argument("--out", type=Path, help=f"default: {RESULT.name}, of the full form")
    options = parser.parse_args()
    options.boards = [names[name] for name in options.board or names]
    if options.quick:
        del options.boards[1:]
    else:
        options.out = options.out or RESULT
    return options


def attempt(options: argparse.Namespace, board: Board) -> int:
    """Prove a board, so that a failure does not end the others' proofs; give the exit code."""
    try:
        found = prove(board, quick=options.quick)
    except EdgeHdrError as error:
        lines = [f"error: {board.name}: {error.message}", f"hint: {error.hint}"]
        print("\n".join(lines), file=sys.stderr, flush=True)
        return error.exit_code
    if options.out:
        record(options.out, found)
    return 0


def record(out: Path, found: dict[str, Any]) -> None:
    """Put a board's proof in the place of its last one."""
    with RECORDING:
        boards = json.loads(out.read_text())["boards"] if out.exists() else []
        by_name = {board["board"]: board for board in [*boards, found]}
        order = [by_name[board.name] for board in BOARDS if board.name in by_name]
        write_atomic(out, json.dumps({"boards": order}, indent=1) + "\n")


def prove(board: Board, *, quick: bool) -> dict[str, Any]:
    """Prove one board and give what was found."""
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edge-hdr-aarch64-") as folder:
        case = Case.prepare(board, Path(folder))
        runs = case.quick() if quick else case.full()
    lines = [f"{board.name}: {board.system}", *map(summary, runs)]
    lines.append(f"proven in {time.monotonic() - start_s:.0f} s")
    print("\n  ".join(lines), flush=True)
    native = {**case.wanted.machine, "versions": case.wanted.versions}
    command = f"python scripts/aarch64/prove.py {'--quick' if quick else f'--board {board.name}'}"
    about = {"board": board.name, "system": board.system, "command": command}
    return about | {"twin": native, "runs": runs}


def summary(run: dict[str, Any]) -> str:
    """Say in a line what a run has shown."""
    readings, steps = run["readings"], {"xnnpack": 0, "none": 0}
    for key, entry in run["logits"].items():
        if entry["unit"] == "steps":
            delegate = key.split(maxsplit=1)[1]
            steps[delegate] = max(steps[delegate], entry["difference"])
    parts = [
        f"{run['cpu']} ({run['machine']}), {run['how']}: int8 logits differ by {steps['xnnpack']} "
        f"steps, by {steps['none']} without XNNPACK",
        f"the same text in {readings['readings']} readings of {readings['digits']} digits",
    ]
    if "commands" in run:
        parts.append(f"commands: {', '.join(run['commands'])}")
    if "unit_tests" in run:
        parts.append(f"unit tests: {run['unit_tests']}")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
