"""`edge-hdr evaluate` and `edge-hdr info`, from the command line to the files they write."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from dense_model import dense_model

from edge_hdr.cli.app import main
from edge_hdr.data.strokes import make_split
from edge_hdr_device.manifest import unpack

DATA = Path(__file__).parents[1] / "data"
INT8, FLOAT = (DATA / f"{name}.tflite" for name in ("tiny-int8", "tiny-float"))
PER_CLASS = 8


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Write a data folder: train/ and test/, a sub-folder a class, PNG files."""
    folder = tmp_path_factory.mktemp("data") / "mine"
    split = make_split(600, seed=21, workers=1)
    for label in range(10):
        images = split.images[split.labels == label][: 2 * PER_CLASS]
        for index, image in enumerate(images):
            part = folder / ("test" if index < PER_CLASS else "train") / str(label)
            part.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(part / f"{index}.png"), 255 - image)
    return folder


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command line; give exit code, stdout and stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["edge-hdr", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        return code, out, err

    return call


def document(out):
    """Read stdout as the one JSON document that it has to be."""
    assert out.count("\n") == 1
    return json.loads(out)


def test_figures_for_people(run, digits):
    code, out, _ = run("evaluate", INT8, "--data", digits)
    assert code == 0
    for text in ("tiny-int8 on mine test", "95 % interval", "n = 80", "MACs", "precision", "mean"):
        assert text in out


def test_figures_as_json(run, digits):
    code, out, _ = run("evaluate", INT8, "--data", digits, "--json", "--threads", "2")
    found = document(out)
    assert (code, found["command"], found["ok"]) == (0, "evaluate", True)
    test = found["data"]["test"]
    assert test["n"] == 10 * PER_CLASS
    assert test["accuracy"] == 1 - test["errors"] / test["n"] > 0.8
    assert sum(map(sum, test["confusion"])) == test["n"]
    assert found["data"]["model"]["variant"] == "int8-ptq"
    assert found["data"]["data"]["test_name"] == "mine test"


def test_anyones_file_is_evaluated_without_a_manifest(run, digits):
    code, out, _ = run("evaluate", FLOAT, "--data", digits, "--json", "--input-range", "0,1")
    found = document(out)["data"]
    assert code == 0
    assert found["test"]["accuracy"] > 0.8
    assert found["model"]["name"] == "tiny-float"
    assert found["test"]["selective"]["threshold"] == 0
    assert "variant" not in found["model"]


def test_another_input_range_gives_other_figures(run, digits):
    _, right, _ = run("evaluate", FLOAT, "--data", digits, "--json")
    _, wrong, _ = run("evaluate", FLOAT, "--data", digits, "--json", "--input-range=1,0")
    errors = [document(out)["data"]["test"]["errors"] for out in (right, wrong)]
    assert errors[1] > errors[0]


def test_a_reference_is_compared_pair_by_pair(run, digits, tmp_path):
    arguments = ("evaluate", INT8, "--data", digits, "--reference", FLOAT)
    code, out, _ = run(*arguments, "--json", "--out", tmp_path / "report")
    found = document(out)["data"]
    pair = found["comparison"]
    assert code == 0
    assert pair["candidate_errors"] == found["test"]["errors"]
    assert pair["reference_errors"] == found["float_test"]["errors"]
    assert (
        pair["only_candidate_wrong"] - pair["only_reference_wrong"]
        == pair["candidate_errors"] - pair["reference_errors"]
    )
    assert "Against tiny-float" in (tmp_path / "report" / "report.html").read_text()
    code, out, _ = run(*arguments)
    assert "Against tiny-float" in out


def test_out_holds_report_and_metrics_and_is_not_overwritten(run, digits, tmp_path):
    out = tmp_path / "report"
    assert run("evaluate", INT8, "--data", digits, "--out", out)[0] == 0
    page = (out / "report.html").read_text()
    assert "tiny-int8" in page
    assert "data:image/png" in page or '"errors": 0' in (out / "metrics.json").read_text()
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["schema"] == 1
    assert metrics["command"].startswith("edge-hdr evaluate")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {"report.html", "metrics.json"}

    code, _, err = run("evaluate", FLOAT, "--data", digits, "--out", out)
    assert (code, "hint: " in err and "--force" in err) == (3, True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    assert run("evaluate", FLOAT, "--data", digits, "--out", out, "--force")[0] == 0
    assert "tiny-float" in (out / "report.html").read_text()


def test_out_that_is_a_file_is_refused(run, digits, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, _, err = run("evaluate", INT8, "--data", digits, "--out", tmp_path / "taken", "--force")
    assert (code, (tmp_path / "taken").read_text()) == (3, "mine")
    assert "is a file" in err


def test_a_validation_split_that_may_have_been_trained_on_is_told(run, digits):
    code, out, err = run("evaluate", INT8, "--data", digits, "--split", "validation")
    assert code == 0
    assert "mine validation" in out
    assert "warning: the model was not built from this training split" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--split", "tset"), 2, "--split tset"),
        (("--input-range", "0"), 2, "is not LOW,HIGH"),
        (("--input-range", "1,1"), 2, "is not LOW,HIGH"),
        (("--input-range", "0,inf"), 2, "is not LOW,HIGH"),
        (("--threads", "0"), 2, "--threads"),
        (("--data", "nowhere"), 3, "nowhere"),
        (("--reference", "nothing.tflite"), 3, "nothing.tflite"),
    ],
)
def test_wrong_arguments_are_one_clear_line(run, digits, arguments, code, message):
    found, out, err = run("evaluate", INT8, "--data", digits, *arguments)
    assert (found, out) == (code, "")
    assert message in err


def bad_models():
    """Name the bad files: content and what the error has to say."""
    _, manifest = unpack(INT8.read_bytes())
    assert manifest is not None
    return {
        "a picture": (b"\x89PNG\r\n\x1a\n" * 100, "no TFLite file"),
        "empty": (b"", "no TFLite file"),
        "changed": (INT8.read_bytes().replace(b"\x00\x01", b"\x00\x02", 1), "does not match"),
        "32 pixels": (dense_model(side=32), "not one 28×28 grey image"),
        "12 classes": (dense_model(classes=12), "not (1, 10)"),
    } | {
        f"first {length} bytes": (FLOAT.read_bytes()[:length], "cannot be loaded")
        for length in (8, 100, 1000, 5000, FLOAT.stat().st_size - 1)
    }


@pytest.mark.parametrize("name", bad_models())
def test_a_bad_model_is_one_clear_line_that_names_the_file(run, digits, tmp_path, name):
    content, message = bad_models()[name]
    model = tmp_path / "bad.tflite"
    model.write_bytes(content)
    code, out, err = run("evaluate", model, "--data", digits, "--json", "--out", tmp_path / "o")
    error = document(out)["error"]
    assert (code, error["code"], error["exit_code"]) == (3, "model", 3)
    assert message in error["message"]
    assert "bad.tflite" in error["message"]
    assert f"error: {error['message']}" in err
    assert error["hint"]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("classes", "expected"), [("013", 0), ("01x", 3)])
def test_data_may_have_some_of_a_models_classes_but_no_other(run, tmp_path, classes, expected):
    for label in classes:
        (tmp_path / "few" / label).mkdir(parents=True)
        for index in range(8):
            image = np.full((28, 28), 255, np.uint8)
            cv2.circle(image, (14, 14), 5 + index % 3, 0, 2)
            image[2, 2 + index] = 254
            cv2.imwrite(str(tmp_path / "few" / label / f"{index}.png"), image)
    code, out, err = run("evaluate", INT8, "--data", tmp_path / "few", "--split", "all")
    assert code == expected
    if expected:
        assert "the model has 10 classes and the data 3" in err
    else:
        assert "few training and test" in out


def test_info_shows_manifest_footprint_and_operators(run):
    code, out, _ = run("info", INT8)
    assert code == 0
    for text in ("int8-ptq", "zero point -128", "24,600", "0 conv 3×3, 8", "6 of 6 operators"):
        assert text in out


def test_info_as_json(run):
    code, out, _ = run("info", INT8, "--json")
    found = document(out)["data"]
    assert code == 0
    assert found["manifest"]["name"] == "tiny-int8"
    assert found["footprint"]["parameters"] == 1960
    assert [row["name"] for row in found["footprint"]["operators"]][-1] == "FULLY_CONNECTED"


def test_info_of_anyones_file_even_if_it_reads_no_digits(run, tmp_path):
    (tmp_path / "theirs.tflite").write_bytes(dense_model(side=32, classes=3))
    code, out, _ = run("info", tmp_path / "theirs.tflite", "--json")
    found = document(out)["data"]
    assert (code, found["manifest"]) == (0, None)
    assert found["footprint"]["macs"] == 3 * 32 * 32
    code, out, _ = run("info", tmp_path / "theirs.tflite")
    assert "none is packed into this file" in out


@pytest.mark.parametrize("length", [0, 9, 300, 4000])
def test_info_of_a_truncated_file_is_one_clear_line(run, tmp_path, length):
    (tmp_path / "half.tflite").write_bytes(FLOAT.read_bytes()[:length])
    code, out, err = run("info", tmp_path / "half.tflite")
    assert (code, out) == (3, "")
    assert "half.tflite" in err.splitlines()[-2]
