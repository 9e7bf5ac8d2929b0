"""The real build command at toy size, on a folder of procedural digits."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_build import TOY, Builder, metrics

from edge_hdr_device.manifest import read_model

pytestmark = [pytest.mark.train, pytest.mark.slow]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def built(
    builder: Builder, digit_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict]:
    """Give the folder of a default build, and its document."""
    folder = tmp_path_factory.mktemp("built")
    said = builder.build(folder, digit_folder, "--json").stdout
    return folder / "out", json.loads(said)


@pytest.fixture(scope="module")
def float32(builder: Builder, digit_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a build that quantizes nothing."""
    folder = tmp_path_factory.mktemp("float32")
    builder.build(folder, digit_folder, "--quantize", "float32")
    return folder / "out"


def test_a_build_gives_a_verified_file_with_all_that_belongs_to_it(
    built: tuple[Path, dict],
) -> None:
    out, document = built
    assert document["ok"] and document["command"] == "build"
    names = {"model.tflite", "float.tflite", "manifest.json", "metrics.json", "report.html"}
    assert names | {"MODEL_CARD.md"} <= {item.name for item in out.iterdir()}
    assert metrics(out) == document["data"]["metrics"]
    with zipfile.ZipFile(out / "model.tflite") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["input"]["dtype"] == manifest["output"]["dtype"] == "int8"
    assert manifest["input"]["zero_point"] == -128
    assert manifest["input"]["scale"] == pytest.approx(1 / 255, rel=1e-4)
    assert manifest["metrics"]["test"]["n"] == metrics(out)["test"]["n"] == 90  # 15 % of 600
    assert manifest["command"].startswith("edge-hdr build --data")
    weights = [item for item in metrics(out)["footprint"]["operators"] if item["weight_bytes"]]
    assert {item["weight_dtype"] for item in weights} == {"int8"}


def test_scenes_are_trained_on_and_decide_what_is_rejected(
    builder: Builder, digit_folder: Path, tmp_path: Path
) -> None:
    builder.build(tmp_path, digit_folder, "--exposure", "40", "--outliers", "60")
    out = tmp_path / "out"
    measured = metrics(out)
    assert measured["data"]["exposure_digits"] == 40
    assert measured["data"]["exposure_others"] == 60
    _, manifest = read_model(out / "model.tflite")
    assert manifest is not None
    assert manifest.metrics["rejection"] == measured["rejection"]
    assert measured["rejection"]["n"] == 40
    assert manifest.data["exposure_digits"] == 40
    assert manifest.threshold == measured["validation"]["threshold"]
    assert "AUROC, digits against non-digits" in (out / "MODEL_CARD.md").read_text()
    assert [*(tmp_path / ".cache").rglob("exposure/*.npz")]


def test_the_same_command_gives_the_same_bytes_in_another_process(
    built: tuple[Path, dict], edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    done = edge_hdr("build", "--data", digit_folder, *TOY, "--out", "out", "--json")
    assert done.returncode == 0, done.stderr
    again = (tmp_path / "out" / "model.tflite").read_bytes()
    assert again == (built[0] / "model.tflite").read_bytes()


@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic", "int8-ptq"])
def test_every_variant_is_exported_as_asked(
    variant: str,
    request: pytest.FixtureRequest,
    builder: Builder,
    digit_folder: Path,
    tmp_path: Path,
) -> None:
    if variant == "float32":
        out = request.getfixturevalue("float32")
    else:
        builder.build(tmp_path, digit_folder, "--quantize", variant)
        out = tmp_path / "out"
    _, manifest = read_model(out / "model.tflite")
    assert manifest is not None
    assert manifest.variant == variant
    assert manifest.input.dtype == ("int8" if variant == "int8-ptq" else "float32")
    cost = metrics(out)["footprint"]
    per_parameter = cost["weight_bytes"] / cost["parameters"]
    most = {"float32": 4.0, "float16": 2.0, "dynamic": 3.5, "int8-ptq": 1.3}  # dynamic: large ones
    assert most[variant] - 0.7 < per_parameter <= most[variant]


def test_pruned_zeros_stand_in_the_exported_file(
    builder: Builder, digit_folder: Path, tmp_path: Path
) -> None:
    builder.build(tmp_path, digit_folder, "--sparsity", "block2_pointwise=0.75,*=0.5")
    pointwise = [
        item["sparsity"]
        for item in metrics(tmp_path / "out")["footprint"]["operators"]
        if item["name"] == "CONV_2D"
    ]
    # the stem, then the 1×1 convolution of each of five blocks
    np.testing.assert_array_less([0.49, 0.49, 0.74, 0.49, 0.49, 0.49], pointwise)
    _, manifest = read_model(tmp_path / "out" / "model.tflite")
    assert manifest is not None
    assert manifest.variant == "int8-pruned"


def test_a_teacher_is_distilled(
    builder: Builder, float32: Path, digit_folder: Path, tmp_path: Path
) -> None:
    base = (digit_folder, "--quantize", "float32")
    builder.build(tmp_path, *base, "--out", "teacher", "--channels", "16,16,16,24")
    builder.build(tmp_path, *base, "--out", "pupil", "--teacher", "teacher", "--distill", "1")
    losses = [metrics(out)["history"][-1]["loss"] for out in (tmp_path / "pupil", float32)]
    assert losses[0] != losses[1]
    wrong = builder("build", "--data", *base, "--teacher", "nowhere", folder=tmp_path)
    assert wrong.returncode == 3
    assert "--teacher nowhere is no build" in wrong.stderr


def test_a_build_begins_from_the_weights_of_another(
    builder: Builder, float32: Path, digit_folder: Path, tmp_path: Path
) -> None:
    base = (digit_folder, "--quantize", "float32", "--start", float32)
    builder.build(tmp_path, *base, "--epochs", "1", "--learning-rate", "1e-9", "--ema", "0")
    began, ended = metrics(tmp_path / "out")["history"][0], metrics(float32)["history"][-1]
    assert began["val_accuracy"] == pytest.approx(ended["val_accuracy"], abs=0.1)  # batch norms
    assert began["val_accuracy"] > metrics(float32)["history"][0]["val_accuracy"] + 0.1
    wrong = builder(
        "build", "--data", *base, "--arch", "light-cnn", "--out", "other", folder=tmp_path
    )
    assert wrong.returncode == 3
    assert "has another architecture or other widths" in wrong.stderr


def test_too_many_int8_errors_fail_the_build_and_keep_the_evidence(
    builder: Builder, digit_folder: Path, tmp_path: Path
) -> None:
    ratio = "0.000001"  # no int8 file can be that good, unless it makes no error at all
    words = ("--data", digit_folder, *TOY, "--max-error-ratio", ratio, "--out", "out", "--json")
    done = builder("build", *words, folder=tmp_path)
    assert done.returncode == 6, done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "check-failed"
    assert "at most 1e-06" in error["message"]
    left = {item.name for item in (tmp_path / "out").iterdir()}
    assert {"rejected.tflite", "report.html", "metrics.json"} <= left
    assert "model.tflite" not in left
