"""Models of this computer are measured on a board, by a real sshd and the device's own command."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mosquitto import wait_for
from sshd import Sshd

from edge_hdr import remote
from edge_hdr.bench import request
from edge_hdr.bench.on_board import measure_on
from edge_hdr.bench.run import run
from edge_hdr.bench.subjects import ModelFile, Options, read_model_file
from edge_hdr.errors import DeviceStepError, EdgeHdrError, InputError
from edge_hdr.target import Target
from edge_hdr.transport import CONFIG_VARIABLE, Connection, connect
from edge_hdr_device.bench.measure import Plan
from edge_hdr_device.bench.subject import TfliteSubject

LAUNCHER = """\
#!/bin/sh
pwd >{where}
EDGE_HDR_MODEL={model} exec {python} -m edge_hdr_device "$@"
"""
QUICK = Plan(seconds=0.1, cold=0, frame=False)
IMAGES = np.random.default_rng(3).integers(0, 256, (300, 28, 28), np.uint8)  # more than one batch


@dataclass
class Heard:
    """A reporter that remembers, and may act on a step."""

    act: Callable[[str], None] = lambda text: None
    steps: list[tuple[str, int, int | None]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def progress(self, text: str, done: int, total: int | None) -> None:
        self.steps.append((text, done, total))
        self.act(text)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@dataclass
class Board:
    """A user's installation that only looks like one, though its command is the real one."""

    folder: Path

    @property
    def installed(self) -> remote.Installed:
        return remote.Installed(str(self.folder), "user", (), may_be_root=False)

    def install(self, script: str) -> None:
        program = self.folder / "current/bin/edge-hdr-device"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(script)
        program.chmod(0o755)

    @property
    def work(self) -> Path:
        """The folder that the command last ran in."""
        return Path((self.folder / "where").read_text().strip())

    def is_clean(self) -> bool:
        return self.work.parent == Path("/var/tmp") and not self.work.exists()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def connection(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with connect(server.target, interactive=False) as made:
        yield made


@pytest.fixture
def board(tmp_path: Path, tiny_int8: Path) -> Board:
    made = Board(tmp_path / "board")
    where = made.folder / "where"
    made.install(LAUNCHER.format(where=where, model=tiny_int8, python=sys.executable))
    return made


def model(path: Path, name: str = "") -> ModelFile:
    file = read_model_file(str(path))
    return dataclasses.replace(file, name=name or file.name)


def test_the_answers_are_those_of_this_computer_bit_for_bit(
    connection: Connection, board: Board, tiny_int8: Path, tiny_float: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd 'name' ½.tflite"
    shutil.copy(tiny_float, odd)
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(tiny_float.read_bytes()[:3000])
    int8, again = model(tiny_int8), model(tiny_int8, "tiny-int8-2")
    files = [int8, model(broken), model(odd), again]
    heard = Heard()
    found, answers = measure_on(
        *(connection, board.installed, files, QUICK, IMAGES, heard),
        threads=1,
        delegate="xnnpack",
    )
    assert board.is_clean()
    assert list(answers) == ["tiny-int8", "odd 'name' ½", "tiny-int8-2"]
    assert [entry["name"] for entry in found["models"]] == list(answers)
    paths = [str(path) for path in (tiny_int8, odd, tiny_int8)]
    assert [entry["path"] for entry in found["models"]] == paths
    assert found["models"][0]["sha256"] == int8.sha256
    for path, given in zip((tiny_int8, odd, tiny_int8), answers.values(), strict=True):
        here = TfliteSubject(path, threads=1, delegate="xnnpack").logits(IMAGES)
        assert given.dtype == here.dtype == np.float32
        assert np.array_equal(given, here)
    [failure] = found["failed"]
    assert failure["file"] == str(broken)
    assert failure["message"].startswith(f"{broken}: ")
    sent = [(done, total) for text, done, total in heard.steps if text.startswith("sending")]
    assert sent[-1] == (connection.sent_bytes, sent[-1][1])
    assert ("tiny-int8 reads", 300, 300) in heard.steps


def test_accuracy_is_that_of_this_computer(
    connection: Connection, board: Board, tiny_int8: Path, digit_folder: Path, tmp_path: Path
) -> None:
    broken, foreign = tmp_path / "broken.tflite", tmp_path / "foreign.onnx"
    broken.write_bytes(b"0000TFL3")
    foreign.write_bytes(b"onnx")
    there = request.Request(
        models=[str(foreign), str(tiny_int8), str(broken)],
        options=Options(threads=1, delegate="none"),
        data=str(digit_folder),
        seconds=0.1,
        frame=False,
        cold=0,
        board=request.Board("pi@board", connection, board.installed),
    )
    heard = Heard()
    found, arrays = run(there, heard)
    failed = [failure["file"] for failure in found["failed"]]
    assert failed == [str(foreign), str(broken)]
    assert sum(line.startswith("error:") for line in heard.warnings) == 2
    [entry] = found["models"]
    here, known = run(replace(there, models=[str(tiny_int8)], board=None), Heard())
    assert np.array_equal(arrays["logits"]["tiny-int8"], known["logits"]["tiny-int8"])
    assert entry["test"] == here["models"][0]["test"]
    assert entry["test"]["n"] == found["data"]["n"] > 0
    assert (found["target"], entry["file_bytes"]) == ("pi@board", tiny_int8.stat().st_size)
    assert "failed" not in found["measurement"]


def test_a_model_that_is_there_answers_too(
    board: Board, tiny_float: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # stands for the folder that a login begins in
    shutil.copy(tiny_float, tmp_path / "my own.tflite")
    here = connect(Target.parse("local:"))
    found, answers = measure_on(
        *(here, board.installed, [], QUICK, IMAGES[:20], Heard()), model="my own.tflite"
    )
    [entry] = found["models"]
    assert (entry["name"], found["failed"]) == ("my own", [])
    assert answers["my own"].shape == (20, 10)
    assert board.is_clean()


def test_an_input_range_is_told(connection: Connection, board: Board, tiny_float: Path) -> None:
    files = [model(tiny_float)]
    _, answers = measure_on(
        *(connection, board.installed, files, QUICK, IMAGES[:20], Heard()),
        threads=1,
        delegate="none",
        input_range=(-1.0, 1.0),
    )
    here = TfliteSubject(tiny_float, delegate="none", input_range=(-1.0, 1.0))
    assert np.array_equal(answers["tiny-float"], here.logits(IMAGES[:20]))


def test_one_model_that_cannot_be_loaded_is_named_as_here(
    connection: Connection, board: Board, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"0000TFL3")
    with pytest.raises(InputError, match="broken") as caught:
        measure_on(connection, board.installed, [model(broken)], QUICK, None, Heard())
    assert str(broken) in caught.value.message
    assert "model-0" not in caught.value.message
    assert board.is_clean()


def test_ctrl_c_and_a_cut_leave_nothing_there(
    connection: Connection, board: Board, server: Sshd, tiny_int8: Path
) -> None:
    def interrupt(text: str) -> None:
        if text == "warm-up":
            assert (board.work / "model-0/tiny-int8.tflite").exists()
            raise KeyboardInterrupt

    def cut(text: str) -> None:
        if text == "warm-up":
            server.signal_sessions(signal.SIGKILL)

    long = Plan(seconds=600.0, cold=0, frame=False)
    files = [model(tiny_int8)]
    heard = Heard(interrupt)
    with pytest.raises(KeyboardInterrupt):
        measure_on(connection, board.installed, files, long, IMAGES, heard)
    wait_for(board.is_clean, "the end of the measurement")
    assert ["removes" in line for line in heard.warnings] == [True]
    with pytest.raises(EdgeHdrError) as caught:
        measure_on(connection, board.installed, files, long, IMAGES, Heard(cut))
    assert caught.value.exit_code == 4
    assert "removes what was sent" in caught.value.hint
    wait_for(board.is_clean, "the end of the measurement")


def answer(data: Any, error: dict[str, Any] | None) -> str:
    """Write a script that gives a document as the device's command does."""
    document = json.dumps({"schema": 1, "command": "bench", "data": data, "error": error})
    fields = document.replace('"data"', '"ok": false, "data"')
    return f"#!/bin/sh\ncat <<'.'\n{fields}\n.\n"


def told(code: str, message: str, hint: str, exit_code: int) -> dict[str, Any]:
    return {"code": code, "message": message, "hint": hint, "exit_code": exit_code}


@pytest.mark.parametrize(
    ("script", "kind", "message", "hint"),
    [
        (
            answer(None, told("usage", "unrecognized arguments: --events", "--help", 2)),
            *(DeviceStepError, "another version", "edge-hdr deploy local:"),
        ),
        (
            answer({"schema": 1, "models": [{"path": "model-0/tiny-int8.tflite"}]}, None),
            *(DeviceStepError, "another version", "edge-hdr deploy local:"),
        ),
        (
            answer(None, told("storage", "cannot write answers.npz: No space", "another", 3)),
            *(InputError, "answers.npz: No space", "/var/tmp"),
        ),
        (
            answer({"schema": 2, "models": [{"path": "elsewhere"}]}, None),
            *(DeviceStepError, "other models", "again"),
        ),
        (
            answer({"schema": 2, "models": [{"path": "model-0/x", "classes": None}]}, None),
            *(DeviceStepError, "did not come whole", "again"),
        ),
        ("#!/bin/sh\nkill -9 $$", DeviceStepError, "gave no answer: .*137|Killed", "again"),
    ],
)
def test_what_a_board_says_wrong_is_one_clear_line(
    script: str, kind: type[EdgeHdrError], message: str, hint: str, tiny_int8: Path, tmp_path: Path
) -> None:
    board = Board(tmp_path)
    board.install(script)
    here = connect(Target.parse("local:"))
    with pytest.raises(kind, match=message) as caught:
        measure_on(here, board.installed, [model(tiny_int8)], QUICK, IMAGES[:1], Heard())
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_board_without_room_is_told(
    board: Board, tiny_int8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "bin/tar"
    full.parent.mkdir()
    full.write_text("#!/bin/sh\ncat >&-\necho 'tar: x: No space left on device' >&2\nexit 2\n")
    full.chmod(0o755)
    monkeypatch.setenv("PATH", f"{full.parent}:/usr/bin:/bin")
    here = connect(Target.parse("local:"))
    with pytest.raises(DeviceStepError, match=r"did not take .*No space left") as caught:
        measure_on(here, board.installed, [model(tiny_int8)], QUICK, IMAGES, Heard())
    assert "df -h /var/tmp" in caught.value.hint
    assert not (board.folder / "where").exists()  # it was not even begun
