"""Real builds at toy size in a process that stays, and what they measured."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from tests.conftest import command_environment

TOY = ("--arch", "ds-cnn-nano", "--epochs", "2", "--qat-epochs", "1", "--prune-epochs", "2",
       "--batch-size", "64", "--max-error-ratio", "0")  # fmt: skip

# Runs commands that come as lines of JSON, each in its folder and environment.
PROGRAM = """
import json, os, sys, tempfile, traceback
from edge_hdr.cli.app import main

answers, own = os.fdopen(os.dup(1), "w"), (os.dup(1), os.dup(2))
for line in sys.stdin:
    words, folder, environment = json.loads(line)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if keras := sys.modules.get("tf_keras"):
        keras.backend.clear_session()  # layers are named as in a new process
    sys.argv, code = ["edge-hdr", *words], 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            main()
        except SystemExit as end:
            code = end.code
        except Exception:
            traceback.print_exc()
            code = 1
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os.dup2(own[0], 1), os.dup2(own[1], 2)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    print(json.dumps([code, *said]), file=answers, flush=True)
os._exit(0)  # TensorFlow takes seconds to tidy up
"""


class Builder:
    """An `edge-hdr` that runs one command after another and imports TensorFlow once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(
        self, *words: str | Path, folder: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder, off the network and past the user's settings."""
        environment = command_environment(folder, dict(env or {}))
        job = [[*map(str, words)], str(folder), environment]
        print(json.dumps(job), file=self._pipe(self._process.stdin), flush=True)
        answer = self._pipe(self._process.stdout).readline()
        assert answer, f"the process has ended: {words}"
        return subprocess.CompletedProcess(job[0], *json.loads(answer))

    def build(
        self, folder: Path, data: Path, *words: str | Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a toy build into `out` of a folder; fails where it does."""
        done = self("build", "--data", data, *TOY, "--out", "out", *words, folder=folder)
        assert done.returncode == 0, done.stderr
        return done

    @staticmethod
    def _pipe(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


@contextlib.contextmanager
def building() -> Iterator[Builder]:
    """Start the process, and end it."""
    command = [sys.executable, "-c", PROGRAM]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as process:
        yield Builder(process)
        process.communicate(timeout=30)
    assert process.returncode == 0


def metrics(folder: Path) -> dict:
    """Read what a build measured."""
    return json.loads((folder / "metrics.json").read_text())
