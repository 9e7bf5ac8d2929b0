"""The real build command for a Coral, at toy size, beside a stand-in for Coral's compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_build import TOY, Builder, metrics

from edge_hdr.edgetpu_rules import place
from edge_hdr.flatbuffer import read_graph
from edge_hdr_device.manifest import read_model

pytestmark = [pytest.mark.train, pytest.mark.slow]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
STAND_IN = Path(__file__).parents[1] / "data" / "edgetpu_compiler.py"
CORAL = ("build", *TOY, "--epochs", "1", "--target", "coral", "--out", "out")


@pytest.fixture
def with_stand_in(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "bin" / "edgetpu_compiler"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{STAND_IN.read_text(encoding='utf-8')}")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.fixture
def without(tmp_path: Path) -> dict[str, str]:
    """Leave only programs that a system has, in case the real compiler is installed."""
    return {"PATH": str(tmp_path)}


@pytest.mark.parametrize("quantize", ["int8", "int8-ptq"])
def test_a_build_for_a_coral_gives_a_second_file(
    quantize: str,
    builder: Builder,
    edge_hdr: Run,
    digit_folder: Path,
    tmp_path: Path,
    with_stand_in: dict[str, str],
) -> None:
    command = (*CORAL, "--data", digit_folder, "--quantize", quantize)
    done = builder(*command, folder=tmp_path, env=with_stand_in)
    assert done.returncode == 0, done.stderr
    assert "compiling for the Edge TPU" in done.stderr
    assert "15 of 15 operators, by edgetpu_compiler" in done.stdout
    assert "out/model_edgetpu.tflite" in done.stdout
    out = tmp_path / "out"
    found = metrics(out)
    assert found["warnings"] == []
    assert found["edge_tpu"]["mapped"] == found["edge_tpu"]["compiler"]["mapped"] == 15
    assert found["edge_tpu"]["file_bytes"] == (out / "model_edgetpu.tflite").stat().st_size
    assert "On the Edge TPU" in (out / "report.html").read_text()
    _, source = read_model(out / "model.tflite")
    _, packed = read_model(out / "model_edgetpu.tflite")
    assert source is not None
    assert packed is not None
    assert packed.metrics["edge_tpu"]["compiled_from_sha256"] == source.sha256
    assert (packed.threshold, packed.temperature) == (source.threshold, source.temperature)
    seen = edge_hdr("info", out / "model_edgetpu.tflite")
    assert seen.returncode == 3
    assert "compiled for the Edge TPU" in seen.stderr


def test_a_build_succeeds_without_the_compiler_and_drops_an_old_compiled_file(
    builder: Builder, digit_folder: Path, tmp_path: Path, without: dict[str, str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "model_edgetpu.tflite").write_bytes(b"of an older model")
    command = (*CORAL, "--data", digit_folder, "--quantize", "int8-ptq", "--force", "--json")
    done = builder(*command, folder=tmp_path, env=without)
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: edgetpu_compiler")]
    assert len(notes) == 1
    assert "https://coral.ai/docs/edgetpu/compiler/" in notes[0]
    document = json.loads(done.stdout)
    assert document["data"]["metrics"]["edge_tpu"]["note"] == notes[0].removeprefix("note: ")
    assert not (out / "model_edgetpu.tflite").exists()
    assert (out / "model.tflite").exists()


def test_a_failing_compiler_does_not_fail_the_build(
    builder: Builder, digit_folder: Path, tmp_path: Path, with_stand_in: dict[str, str]
) -> None:
    command = (*CORAL, "--data", digit_folder, "--quantize", "int8-ptq")
    done = builder(*command, folder=tmp_path, env=with_stand_in | {"STAND_IN": "silent"})
    assert done.returncode == 0, done.stderr
    assert "warning: edgetpu_compiler failed (exit status 1)" in done.stderr
    out = tmp_path / "out"
    assert len(metrics(out)["warnings"]) == 1
    assert "edgetpu_compiler failed" in (out / "report.html").read_text()
    assert (out / "model.tflite").exists()
    assert not (out / "model_edgetpu.tflite").exists()


def test_a_float_model_for_a_coral_is_refused_at_once(edge_hdr: Run, tmp_path: Path) -> None:
    done = edge_hdr(*CORAL, "--quantize", "float16")
    assert done.returncode == 3
    assert "error: target coral cannot run quantize float16" in done.stderr
    assert "hint: give --quantize int8" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def tensorflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports
        from edge_hdr.training_setup import prepare

        prepare(0)
        import tensorflow_model_optimization  # noqa: F401


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.filterwarnings("ignore")  # of TensorFlow's making
@pytest.mark.parametrize("name", ["ds-cnn-nano", "mlp", "lenet5"])  # one a family
def test_every_family_of_architectures_fits_the_edge_tpu(name: str) -> None:
    import tf_keras

    from edge_hdr.architectures.registry import build
    from edge_hdr.compress.quantize import quantization_aware
    from edge_hdr.export import export

    images = np.random.default_rng(5).integers(0, 256, (40, 28, 28), np.uint8)
    images[:, 0, :2] = 0, 255
    tf_keras.backend.clear_session()  # the names of a process's first model
    model = build(name)
    for variant, trained in (("int8-ptq", model), ("int8", quantization_aware(model, images))):
        flatbuffer = export(trained, variant, images, target="coral")
        left = [item for item in place(read_graph(flatbuffer)) if not item.mapped]
        assert left == [], variant
