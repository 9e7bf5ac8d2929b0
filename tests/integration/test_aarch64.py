"""On an emulated ARM board the device package runs and answers as it does here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "aarch64"
CANNOT = {3, 4}  # something is missing here, or the mirror or PyPI does not answer


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the record of the quick proof: one board, by emulation alone."""
    out = tmp_path_factory.mktemp("aarch64") / "proof.json"
    command = [sys.executable, SCRIPTS / "prove.py", "--quick", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in CANNOT:
        if os.environ.get("CI"):
            pytest.fail(done.stderr)
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    (board,) = json.loads(out.read_text())["boards"]
    (found,) = board["runs"]
    assert board["twin"]["machine"] != found["machine"]
    return found


pytestmark = pytest.mark.slow


def test_the_board_is_a_64_bit_arm(run: dict[str, Any]) -> None:
    assert (run["machine"], run["bits"]) == ("aarch64", 64)


def test_int8_logits_are_bit_equal(run: dict[str, Any]) -> None:
    models = ("ds-cnn-nano-int8", "ds-cnn-small-int8", "tiny-int8")
    assert [run["logits"][f"{model} xnnpack"]["difference"] for model in models] == [0, 0, 0]


def test_pictures_give_the_same_text(run: dict[str, Any]) -> None:
    assert run["readings"]["digits"] > 100
    assert run["readings"]["other_text"] == run["readings"]["other_labels"] == 0


@pytest.mark.parametrize("command", ["recognize", "selftest", "once", "page"])
def test_the_command_runs_there(run: dict[str, Any], command: str) -> None:
    assert run["commands"][command]


# What judges and prepares the proof.


@pytest.fixture
def proof(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Import the proof's own modules."""
    monkeypatch.syspath_prepend(SCRIPTS)
    import boards
    import cached
    import compare
    import questions

    return SimpleNamespace(boards=boards, cached=cached, compare=compare, questions=questions)


def answer(proof: SimpleNamespace, **changes: Any) -> Any:
    """Make an answer of three digits and one picture."""
    reading = {"lines": ["12"], "labels": ["1", "2"], "confidences": [0.9, 0.8]}
    whole = proof.questions.Answer(
        logits={"m xnnpack": np.eye(3, 10, dtype=np.float32)},
        steps={"m xnnpack": 0.25},
        readings=[reading | {"boxes": [[0, 0, 9, 9], [9, 0, 9, 9]]}],
        machine={"machine": "aarch64"},
        versions={},
    )
    return replace(whole, **changes)


def failures(proof: SimpleNamespace, found: Any) -> list[str]:
    board = proof.boards.BOARDS[0]
    return list(proof.compare.compare(board, found, answer(proof)).failures)


def test_equal_answers_pass(proof: SimpleNamespace) -> None:
    assert failures(proof, answer(proof)) == []


def test_logits_one_step_away_fail(proof: SimpleNamespace) -> None:
    logits = {"m xnnpack": np.eye(3, 10, dtype=np.float32)}
    logits["m xnnpack"][2, 7] += 0.25
    assert "'difference': 1" in failures(proof, answer(proof, logits=logits))[0]


def test_another_text_fails(proof: SimpleNamespace) -> None:
    (reading,) = answer(proof).readings
    assert failures(proof, answer(proof, readings=[reading | {"lines": ["1?"]}]))


def test_a_board_that_is_no_board_fails(proof: SimpleNamespace) -> None:
    assert failures(proof, answer(proof, machine={"machine": "x86_64"}))


def test_markers_are_not_judged_by_this_machine(proof: SimpleNamespace) -> None:
    board = next(board for board in proof.boards.BOARDS if board.runtime == "tflite")
    names = [proof.boards.name(requirement) for requirement in board.requirements()]
    assert "tflite-runtime" in names
    assert not any(";" in requirement for requirement in board.requirements())


def test_a_board_s_pins_replace_the_project_s(proof: SimpleNamespace) -> None:
    board = next(board for board in proof.boards.BOARDS if "numpy==1.24.2" in board.pins)
    numpy = [line for line in board.constraints() if proof.boards.name(line) == "numpy"]
    assert numpy == ["numpy==1.24.2"]


def test_a_cached_folder_is_made_once_and_again_when_it_changes_or_is_gone(
    proof: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").touch()

    for made_of in ("a", "a", "b"):
        folder = proof.cached.cached("x", made_of, make)
        assert (folder / "file").exists()
    assert len(made) == 2
    (folder / "file").unlink()
    folder.rmdir()
    assert proof.cached.cached("x", "b", make).exists()
    assert len(made) == 3


def test_a_failure_leaves_no_half_folder(
    proof: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        proof.cached.cached("x", "a", fail)
    assert not list(tmp_path.rglob("half"))
