"""`edge-hdr bench` as its user meets it: the document, the files, comparison and bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr.cli.app import main
from edge_hdr.errors import StorageError
from tests.conftest import command_environment

DATA = Path(__file__).parents[1] / "data"
INT8, FLOAT = (DATA / f"{name}.tflite" for name in ("tiny-int8", "tiny-float"))
MNIST = os.environ.get("EDGE_HDR_DATA", "")
WORDS = ("--data", "mnist" if MNIST else "strokes", "--seconds", "0.3", "--json")
N = 10_000


def fresh(home, *arguments):
    """Run the real command in a process of its own; gives exit code, document and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "edge_hdr", "bench", *map(str, arguments)],
        cwd=home,
        env=command_environment(home, {"EDGE_HDR_DATA": MNIST} if MNIST else None),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.count("\n") == 1, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Give an empty folder with a file that is no model."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "bad.tflite").write_bytes(b"no model")
    return folder


@pytest.fixture(scope="module")
def measured(home):
    """Measure two models and one that cannot be opened."""
    return fresh(home, INT8, "bad.tflite", FLOAT, *WORDS, "--cold", "1", "--out", "report")


@pytest.fixture
def run(monkeypatch, capfd, home):
    """Run the command line in this process; gives exit code, stdout and stderr."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["edge-hdr", "bench", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capfd.readouterr()

    return call


def test_the_good_models_are_measured_beside_one_that_is_none(measured):
    code, found, err = measured
    assert (code, found["ok"], found["error"]["exit_code"]) == (3, False, 3)
    assert "error: bad.tflite: the model is no TFLite file" in err
    assert found["error"]["message"] == "1 of 3 models could not be measured"
    assert [model["name"] for model in found["data"]["models"]] == ["tiny-int8", "tiny-float"]
    assert [failure["file"] for failure in found["data"]["failed"]] == ["bad.tflite"]


def test_every_digit_of_the_split_is_counted(measured):
    data = measured[1]["data"]
    assert data["data"]["n"] == N
    for model in data["models"]:
        test = model["test"]
        assert test["n"] == N == sum(map(sum, test["confusion"]))
        assert test["errors"] == len(model["wrong"]) < 0.3 * N
        assert 0 <= min(model["wrong"]) <= max(model["wrong"]) < N
    first, second = (set(model["wrong"]) for model in data["models"])
    pair = data["models"][1]["against_first"]
    assert data["models"][0]["against_first"] is None
    assert pair["only_candidate_wrong"] == len(second - first)
    assert pair["only_reference_wrong"] == len(first - second)


def test_sizes_and_times_are_there(measured):
    data = measured[1]["data"]
    assert (data["schema"], data["target"], data["comparison"]) == (2, None, None)
    assert "models" not in data["measurement"]
    for model, path in zip(data["models"], (INT8, FLOAT), strict=True):
        assert model["file_bytes"] == path.stat().st_size == model["footprint"]["file_bytes"]
        latency = model["latency"]
        assert latency["name"] == model["name"]
        assert latency["invoke"]["p50_ms"] > 0
        assert latency["call"]["p50_ms"] < latency["frame"]["p50_ms"]
        assert latency["cold"]["n"] == 1
    assert set(data["front"]["bytes"]) <= {"tiny-int8", "tiny-float"}


def test_the_folder_holds_document_and_report(measured, home):
    data = measured[1]["data"]
    files = [home / name for name in data["files"]]
    assert [path.name for path in files] == ["report.html", "bench.json"]
    assert json.loads(files[1].read_text())["models"] == data["models"]
    page = files[0].read_text()
    assert "tiny-int8" in page
    assert "tiny-float" in page


def test_a_run_that_became_worse_exits_with_6(measured, home):
    before = json.loads((home / "report" / "bench.json").read_text())
    (baseline,) = (model for model in before["models"] if model["name"] == "tiny-int8")
    baseline["wrong"] = baseline["wrong"][50:]  # 50 digits that were read and now are not
    baseline["test"]["errors"] -= 50
    baseline["file_bytes"] -= 2000
    (home / "baseline.json").write_text(json.dumps(before))
    words = (*WORDS, "--cold", "0", "--no-frame", "--compare", "baseline.json")
    code, found, err = fresh(home, INT8, *words)
    assert (code, found["error"]["code"]) == (6, "check-failed")
    comparison = found["data"]["comparison"]
    accuracy = comparison["models"][0]["accuracy"]
    assert accuracy["difference"] == pytest.approx(-50 / N)
    assert accuracy["p_value"] == pytest.approx(2 / 2**50)
    assert comparison["models"][0]["bytes"]["regression"]
    assert comparison["missing"] == ["tiny-float"]
    worse = [line for line in comparison["regressions"] if "the time a call" not in line]
    assert len(worse) == 2
    assert "errors instead of" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nothing",), 3, "no model 'nothing'"),
        (("nothing", "nowhere"), 3, "2 of 2 models could not be measured"),
        ((INT8, "--compare", "none.json"), 3, "none.json: No such file"),
        ((INT8, "--compare", "bad.tflite"), 3, "bad.tflite is no JSON document"),
        ((INT8, "--out", "bad.tflite"), 3, "bad.tflite is a file"),
        ((INT8, "--out", "/proc/foo"), 3, "cannot write /proc/foo"),
        (("a=" + str(INT8), "a=" + str(FLOAT)), 2, "two models are called a"),
        ((INT8, "--data", "nowhere"), 3, "nowhere is no data set"),
        ((INT8, "--split", "tset"), 2, "--split tset"),
        ((INT8, "--delegate", "gpu"), 2, "--delegate gpu"),
        ((INT8, "--seconds", "0"), 2, "--seconds"),
        ((INT8, "--model", "x"), 2, "--model names a model on a board"),
        ((INT8, "--robustness", "9", "--no-accuracy"), 2, "--robustness without accuracy"),
        ((INT8, "--adversary", "x"), 2, "--adversary without --robustness"),
        ((INT8, "--input-range", "0"), 2, "is not LOW,HIGH"),
    ],
)
def test_bad_input_is_one_clear_line(run, arguments, code, message):
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    (line,) = (line for line in err.splitlines() if message in line)
    assert line.startswith("error: ")
    assert err.splitlines()[-1].startswith("hint: ")


QUICK = ("--no-accuracy", "--no-frame", "--cold", "0", "--seconds", "0.05")


def test_a_model_that_may_be_anothers_replacement_stops_the_gate(run, measured, home):
    code, out, err = run(INT8, f"digits={FLOAT}", *QUICK, "--compare", "report/bench.json")
    assert (code, out.count("Against")) == (0, 1)  # the same files, one of them by a new name
    (home / "other.tflite").write_bytes(FLOAT.read_bytes() + b"another")
    code, out, err = run(INT8, "digits=other.tflite", *QUICK, "--compare", "report/bench.json")
    assert (code, out) == (3, "")
    assert "nothing to compare digits with; it has tiny-float" in err


def test_what_was_measured_is_shown_where_it_cannot_be_written(run, home, monkeypatch):
    def full(self, contents):
        raise StorageError("cannot write full: No space left on device", hint="free some space")

    monkeypatch.setattr("edge_hdr.cli.out_folder.OutFolder.write", full)  # no small disk is at hand
    code, out, err = run(INT8, *QUICK, "--out", "full")
    assert (code, "tiny-int8" in out) == (3, True)
    assert "error: cannot write full" in err
    assert not (home / "full").exists()
    code, out, _ = run(INT8, *QUICK, "--out", "full", "--json")
    found = json.loads(out)
    assert (code, found["error"]["code"]) == (3, "storage")
    assert found["data"]["models"][0]["name"] == "tiny-int8"


def test_a_person_sees_a_table_and_what_was_compared(run, measured, home, tmp_path):
    document = json.loads((home / "report" / "bench.json").read_text())
    baseline = tmp_path / "old.json"
    baseline.write_text(json.dumps({**document, "data": None}))
    code, out, _ = run(INT8, *QUICK, "--tolerance", "9", "--compare", baseline)
    assert code == 0
    for text in ("tiny-int8", "Against", "old.json"):
        assert text in out.replace("\n", "")
