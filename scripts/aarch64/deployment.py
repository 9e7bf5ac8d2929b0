"""The steps of a deployment to an emulated board, and what must be true after each.

What a command says is not believed: the board's files are looked at.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ssh_board import NAME, SshBoard, wait

from edge_hdr.errors import CheckFailedError
from edge_hdr_device import released
from edge_hdr_device.manifest import pack, read_model

BASE = "opt/edge-hdr"
FIRST, SECOND = "ds-cnn-small-int8", "ds-cnn-nano-int8"
INTERPRETER = "ai-edge-litert"
DEPLOY = ("deploy", NAME, "--offline", "--no-service")
AT_LEISURE = ("--budget-ms", "60000")  # an emulated processor is no measure of a model's speed
CANARY = "edge_hdr_device.install.canary"
UPDATE_BYTES = 100_000  # a model and what goes with it; an environment has 70 MB
COMMAND_S = 900.0
SETTLED_S = 60.0  # after an installer was killed


@dataclass(frozen=True)
class State:
    """What lies in a deployment's folder.

    Attributes:
        current: id of the current release; empty without one.
        releases: ids of all that are there.
        trial: whether a switch is still on trial.
        work: names of half made things.
    """

    current: str
    releases: frozenset[str]
    trial: bool = False
    work: tuple[str, ...] = ()


class Proof:
    """One board, and the steps that it is led through, in their order."""

    def __init__(self, board: SshBoard) -> None:
        self.board = board
        self.before = board.files()
        self.first = self.second = ""

    def doctor(self) -> dict[str, Any]:
        """Look at the board: nothing may forbid a deployment."""
        data = self.command("doctor", NAME)
        userland = data["facts"]["userland"]
        expect((userland["machine"], userland["bits"]) == ("aarch64", 64), "doctor", userland)
        expect(str(data["interpreter"]).startswith(INTERPRETER), "doctor", data["interpreter"])
        expect(data["facts"]["network"]["index"] is False, "network", data["facts"]["network"])
        self.expect_files(self.before)
        names = ("machine", "bits", "libc", "libc_version")
        found = {name: userland[name] for name in names} | {"conclusion": data["conclusion"]}
        return found | {"python": data["facts"]["python"]["version"], "reaches_index": False}

    def deploy_offline(self) -> dict[str, Any]:
        """Deploy for the first time, with wheels that the command itself fetches here."""
        data = self.command(*DEPLOY, *AT_LEISURE, "--model", FIRST)
        self.first = data["id"]
        self.expect_state(State(self.first, frozenset({self.first})))
        (environment,) = (self.board.changes / BASE / "environments").iterdir()
        versions = json.loads((environment / "environment.json").read_text())["versions"]
        found = {"model": data["model"], "sent_bytes": data["sent_bytes"], "versions": versions}
        return found | {"canary": self.canary(self.first)}

    def update_model(self) -> dict[str, Any]:
        """Deploy another model: little is sent, and the environment stays."""
        data = self.command(*DEPLOY, *AT_LEISURE, "--model", SECOND)
        self.second = data["id"]
        expect(data["sent_bytes"] < UPDATE_BYTES, "update", data)
        self.expect_state(State(self.second, frozenset({self.first, self.second})))
        expect(len([*(self.board.changes / BASE / "environments").iterdir()]) == 1, "update", data)
        found = {"model": data["model"], "sent_bytes": data["sent_bytes"]}
        return found | {"canary": self.canary(self.second)}

    def same_again(self) -> dict[str, Any]:
        """Deploy the same again, which changes no file."""
        before = self.board.files()
        data = self.command(*DEPLOY, *AT_LEISURE, "--model", SECOND)
        expect(data["changed"] is False, "the same again", data)
        self.expect_files(before)
        return {"changed": False, "sent_bytes": data["sent_bytes"]}

    def roll_back(self) -> dict[str, Any]:
        """Go back to the release before."""
        data = self.command("rollback", NAME)
        self.expect_state(State(self.first, frozenset({self.first, self.second})))
        return {"model": data["model"]}

    def refuse_too_slow(self) -> dict[str, Any]:
        """Refuse a model that takes longer than it may; what was current stays."""
        error = self.refused(*DEPLOY, "--budget-ms", "0.01", "--model", SECOND, exit_code=6)
        self.expect_state(State(self.first, frozenset({self.first, self.second})))
        expect("budget" in error["message"], "too slow", error)
        return {"exit_code": error["exit_code"]}

    def kill_installer(self) -> dict[str, Any]:
        """Kill the installer while the canary runs: the old release stays; then run it again."""
        words = (*DEPLOY, *AT_LEISURE, "--model", self.another_model())
        with self.started(*words) as process:
            wait(lambda: self.installer() or process.poll() is not None, "the canary", COMMAND_S)
            installer = self.installer()
            expect(bool(installer), "the canary's step", "it has not been seen")
            os.kill(installer, signal.SIGKILL)
            code = process.wait(COMMAND_S)
        expect(code not in {0, 1}, "a deployment whose installer was killed", code)
        wait(lambda: not self.working(), "the end of all that the installer started", SETTLED_S)
        kept = frozenset({self.first, self.second})
        self.expect_state(State(self.first, kept))
        data = self.command(*words)
        self.expect_state(State(data["id"], kept | {data["id"]}))
        return {"exit_code": code, "current": "the old release", "run_again": "installed"}

    def bench(self) -> dict[str, Any]:
        """Measure there; the figures of an emulation are worth nothing and are not kept."""
        data = self.command("bench", "--on", NAME, "--seconds", "0.5", "--no-accuracy")
        measurement, latency = data["measurement"], data["models"][0]["latency"]
        machine = measurement["environment"]["machine"]
        expect(machine == "aarch64" and latency["invoke"], "bench", data)
        names = [what for what in ("invoke", "call", "ten", "frame") if latency[what]]
        return {"interpreter": measurement["interpreter"], "measured": names}

    def undeploy(self) -> dict[str, Any]:
        """Remove it: the board is as it was, and nothing of it runs."""
        data = self.command("undeploy", NAME)
        self.expect_files(self.before)
        expect(not self.working(), "processes after undeploy", self.working())
        return {"kept": data["kept"]}

    def command(self, *words: str) -> dict[str, Any]:
        """Run an edge-hdr command that has to succeed, and give its data."""
        code, document, stderr = self.answer(*words)
        expect(code == 0, " ".join(words[:2]), document.get("error") or stderr[-500:])
        return dict(document["data"])

    def refused(self, *words: str, exit_code: int) -> dict[str, Any]:
        """Run an edge-hdr command that has to fail, and give its error."""
        code, document, _ = self.answer(*words)
        expect(code == exit_code, " ".join(words[:2]), document)
        return dict(document["error"])

    def answer(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Run an edge-hdr command; give its exit code, its document and what it said meanwhile."""
        with self.started(*words) as process:
            out, err = process.communicate(timeout=COMMAND_S)
        return process.returncode, json.loads(out or "{}"), err

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start an edge-hdr command with --json, and end it where the body fails."""
        with subprocess.Popen(
            [sys.executable, "-m", "edge_hdr", *words, "--json"],
            cwd=self.board.folder,
            env=self.board.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()  # does nothing to one that has ended

    def canary(self, release: str) -> dict[str, Any]:
        """Let the board try a release's model again: the host's outputs, to the bit."""
        place = f"/{BASE}/releases/{release}"
        script = f"PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={place}/runtime {place}/venv/bin/python "
        script += shlex.join(["-P", "-m", CANARY, place, "--budget-ms", "0"])
        config = str(self.board.folder / "ssh_config")
        done = subprocess.run(
            ["ssh", "-F", config, NAME, script],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        expect(done.returncode == 0, "the canary", done.stdout or done.stderr[-500:])
        found = json.loads(done.stdout.splitlines()[-1])
        expect((found["worst"], found["right"]) == (0, found["of"]), "the canary", found)
        names = ("interpreter", "of", "right", "other", "worst")
        return {name: found[name] for name in names}

    def another_model(self) -> str:
        """Write a released model under another name, so that it is another release."""
        flatbuffer, manifest = read_model(released.find(SECOND))
        assert manifest is not None
        path = self.board.folder / "another.tflite"
        path.write_bytes(pack(flatbuffer, replace(manifest, name="another")))
        return str(path)

    def installer(self) -> int:
        """Give this machine's number of the process that waits for the canary; 0 for none."""
        processes = self.board.processes()
        found = (parent for parent, words in processes.values() if CANARY in words)
        return next((parent for parent in found if "install" in processes[parent][1]), 0)

    def working(self) -> list[list[str]]:
        """List the board's processes but its first one and sshd's."""
        return [
            words
            for number, (_, words) in self.board.processes().items()
            if number != self.board.init and not any("sshd" in word for word in words)
        ]

    def expect_state(self, wanted: State) -> None:
        """Look at what the command has left there."""
        base = self.board.changes / BASE
        work, current = base / "work", base / "current"
        found = State(
            current=current.readlink().name if current.is_symlink() else "",
            releases=frozenset(path.name for path in (base / "releases").iterdir()),
            trial=(base / "fallback").is_symlink(),
            work=tuple(path.name for path in work.iterdir()) if work.is_dir() else (),
        )
        expect(found == wanted, "the board", f"{found} instead of {wanted}")

    def expect_files(self, wanted: dict[str, str]) -> None:
        """Compare all files that were added to the board's system."""
        other = sorted(path for path, _ in self.board.files().items() ^ wanted.items())
        expect(not other, "files", other)


def expect(holds: bool, what: str, found: object) -> None:
    """Fail with what was found where something does not hold."""
    if not holds:
        raise CheckFailedError(f"{what}: {found}", hint="run the command by hand on such a board")
