"""The contract of the command line: one JSON document, one clear error, one exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import command_environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_version_and_help(edge_hdr: Run) -> None:
    from edge_hdr import __version__

    assert edge_hdr("--version").stdout == f"edge-hdr {__version__}\n"
    done = edge_hdr("--help")
    assert done.returncode == 0
    assert "130 interrupted" in done.stdout


CASES = [
    (("build", "--quantise", "int8"), 2, "usage", "No such option"),
    (("nonsense",), 2, "usage", "No such command"),
    (("evaluate",), 2, "usage", "Missing argument"),
    (("build", "--arch", "ds-cnn-nanoo"), 3, "config", "unknown architecture 'ds-cnn-nanoo'"),
    (("build", "--channels", "4,x"), 3, "config", "--channels or --sparsity"),
    (("build", "--config", "none.toml"), 3, "config", "cannot read none.toml"),
    (("evaluate", "none.tflite"), 3, "model", "no model 'none.tflite'"),
    (("info", "broken.tflite"), 3, "model", "no TFLite file"),
    (("recognize", "none.png"), 3, "image", "none.png"),
    (("recognize", "none.png", "--model", "broken.tflite"), 3, "model", "no TFLite file"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "said"), CASES, ids=[" ".join(case[0]) for case in CASES]
)
def test_a_failure_is_one_document_one_line_and_its_exit_code(
    arguments: tuple[str, ...], code: int, kind: str, said: str, edge_hdr: Run, tmp_path: Path
) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"GIF89a" + bytes(64))
    plain, as_json = edge_hdr(*arguments), edge_hdr(*arguments, "--json")
    assert plain.returncode == as_json.returncode == code, plain.stderr
    assert plain.stdout == ""
    first = plain.stderr.splitlines()[0]
    assert first.startswith("error: ") and said in first
    assert "Traceback" not in plain.stderr
    document = json.loads(as_json.stdout)
    assert set(document) == {"schema", "command", "ok", "data", "error"}
    assert not document["ok"]
    assert document["error"]["code"] == kind
    assert document["error"]["exit_code"] == code
    assert said in document["error"]["message"]


def test_nothing_is_imported_before_it_is_needed(edge_hdr: Run, tmp_path: Path) -> None:
    heavy = ["tensorflow", "tf_keras", "cv2", "matplotlib", "sklearn", "ai_edge_litert", "numpy"]
    code = f"import sys, edge_hdr.cli.app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


def test_a_full_disk_behind_stdout_is_an_error_of_its_own(edge_hdr: Run, tiny_int8: Path) -> None:
    command = f"{sys.executable} -m edge_hdr info {tiny_int8} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error(tiny_int8: Path) -> None:
    command = f"set -o pipefail; {sys.executable} -m edge_hdr info {tiny_int8} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.train
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_a_document_too(
    how: signal.Signals, digit_folder: Path, tmp_path: Path
) -> None:
    words = ("build", "--data", str(digit_folder), "--arch", "mlp", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_hdr", *words],
        cwd=tmp_path,
        env=command_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("training 1/"):
            process.send_signal(how)
            break
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert json.loads(said)["error"]["code"] == "interrupted"
