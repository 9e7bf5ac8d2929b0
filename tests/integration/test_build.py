"""The real build command at toy size, on a folder of procedural digits."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device.manifest import read_model
from tests.conftest import command_environment

pytestmark = [pytest.mark.train, pytest.mark.slow]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
TOY = ("--arch", "ds-cnn-nano", "--epochs", "2", "--qat-epochs", "1", "--prune-epochs", "2",
       "--batch-size", "64", "--max-error-ratio", "0")  # fmt: skip


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def test_a_build_gives_a_verified_file_with_all_that_belongs_to_it(
    edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    done = edge_hdr("build", "--data", digit_folder, *TOY, "--out", "out", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["ok"] and document["command"] == "build"
    out = tmp_path / "out"
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


def test_the_same_command_gives_the_same_bytes(
    edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        done = edge_hdr("build", "--data", digit_folder, *TOY, "--out", "out", "--force")
        assert done.returncode == 0, done.stderr
        (tmp_path / "out" / "model.tflite").rename(tmp_path / f"{time.monotonic_ns()}.tflite")
    first, second = (path.read_bytes() for path in tmp_path.glob("*.tflite"))
    assert first == second


def start(tmp_path: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_hdr", *map(str, arguments)],
        cwd=tmp_path,
        env=command_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("how", "after"),
    [(signal.SIGINT, "training 2/4"), (signal.SIGKILL, "quantization-aware training 3/4")],
    ids=["ctrl-c", "kill-in-qat"],
)
def test_an_interrupted_build_resumes_to_the_same_training(
    how: signal.Signals, after: str, edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    # the last of four epochs of quantization-aware training has frozen batch norms
    command = ("build", "--data", digit_folder, *TOY, "--epochs", "4", "--qat-epochs", "4")
    process = start(tmp_path, *command, "--out", "cut")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(after):
            os.kill(process.pid, how)
            break
    rest = process.communicate(timeout=60)[1]
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "the same command resumes" in rest
    assert not (tmp_path / "cut" / "model.tflite").exists()
    resumed = edge_hdr(*command, "--out", "cut")
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after epoch" in resumed.stderr or "were done before" in resumed.stderr
    whole = edge_hdr(*command, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    rows = [metrics(tmp_path / folder)["history"] for folder in ("cut", "whole")]
    epochs = [("float", n) for n in range(1, 5)] + [("qat", n) for n in range(1, 5)]
    assert [(row["phase"], row["epoch"]) for row in rows[0]] == epochs
    for kind in ("loss", "val_loss"):
        found, expected = ([row[kind] for row in history] for history in rows)
        np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic", "int8-ptq"])
def test_every_variant_is_exported_as_asked(
    variant: str, edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    done = edge_hdr("build", "--data", digit_folder, *TOY, "--quantize", variant, "--out", "out")
    assert done.returncode == 0, done.stderr
    _, manifest = read_model(tmp_path / "out" / "model.tflite")
    assert manifest is not None
    assert manifest.variant == variant
    assert manifest.input.dtype == ("int8" if variant == "int8-ptq" else "float32")
    cost = metrics(tmp_path / "out")["footprint"]
    per_parameter = cost["weight_bytes"] / cost["parameters"]
    most = {"float32": 4.0, "float16": 2.0, "dynamic": 3.5, "int8-ptq": 1.3}  # dynamic: large ones
    assert most[variant] - 0.7 < per_parameter <= most[variant]


def test_pruned_zeros_stand_in_the_exported_file(
    edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    wish = "block2_pointwise=0.75,*=0.5"
    done = edge_hdr("build", "--data", digit_folder, *TOY, "--sparsity", wish, "--out", "out")
    assert done.returncode == 0, done.stderr
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


def test_a_teacher_is_distilled(edge_hdr: Run, digit_folder: Path, tmp_path: Path) -> None:
    base = ("build", "--data", digit_folder, *TOY, "--quantize", "float32")
    assert edge_hdr(*base, "--out", "teacher", "--channels", "16,16,16,24").returncode == 0
    taught = edge_hdr(*base, "--out", "pupil", "--teacher", "teacher", "--distill", "1")
    assert taught.returncode == 0, taught.stderr
    plain = edge_hdr(*base, "--out", "plain")
    assert plain.returncode == 0, plain.stderr
    losses = [metrics(tmp_path / name)["history"][-1]["loss"] for name in ("pupil", "plain")]
    assert losses[0] != losses[1]
    wrong = edge_hdr(*base, "--out", "other", "--teacher", "nowhere")
    assert wrong.returncode == 3
    assert "--teacher nowhere is no build" in wrong.stderr


@pytest.mark.parametrize(
    ("limit", "file"),
    [(30_000, "checkpoints/float.npz"), (150_000, "report.html")],
    ids=["checkpoint", "export"],
)
def test_a_full_disk_is_one_line_leaves_no_half_file_and_is_resumed(
    limit: int, file: str, edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    command = ["build", "--data", str(digit_folder), *TOY, "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "edge_hdr", *command],
        cwd=tmp_path,
        env=command_environment(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert f"error: cannot write out/{file}: File too large" in done.stderr
    left = {item.name for item in (tmp_path / "out").rglob("*")}
    assert not {name for name in left if name.endswith(".part")}
    assert not left & {Path(file).name, "model.tflite"}
    resumed = edge_hdr(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "out" / "model.tflite").exists()


def test_too_many_int8_errors_fail_the_build_and_keep_the_evidence(
    edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    ratio = "0.000001"  # no int8 file can be that good, unless it makes no error at all
    toy = [word for word in TOY if word != "0"]
    done = edge_hdr("build", "--data", digit_folder, *toy, ratio, "--out", "out", "--json")
    assert done.returncode == 6, done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "check-failed"
    assert "at most 1e-06" in error["message"]
    left = {item.name for item in (tmp_path / "out").iterdir()}
    assert {"rejected.tflite", "report.html", "metrics.json"} <= left
    assert "model.tflite" not in left
