"""One network through every library answers the same, or its times are not taken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_hdr.errors import CheckFailedError

pytestmark = pytest.mark.train
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def build(name: str, channels: tuple[int, ...]) -> Any:
    """Build a network whose batch norm has seen something, so that no unit is dead."""
    from edge_hdr.architectures import registry

    model = registry.build(name, channels=channels)
    rng, ranges = np.random.default_rng(0), {"moving_variance": (0.02, 0.1), "beta": (0.1, 0.3)}
    for variable in model.variables:
        for part, (low, high) in {**ranges, "moving_mean": (-0.1, 0.1)}.items():
            if part in variable.name:
                variable.assign(rng.uniform(low, high, variable.shape))
    return model


@pytest.mark.parametrize(
    ("name", "channels"),
    [("lenet5", (3, 4, 16, 12)), ("mlp", (20,)), ("ds-cnn-nano", (6, 8, 8, 12))],
)
def test_the_onnx_graph_is_the_keras_model(name: str, channels: tuple[int, ...]) -> None:
    model = build(name, channels)
    images = np.random.default_rng(1).random((5, 28, 28, 1), np.float32)
    expected = model(images, training=False).numpy()
    assert np.ptp(expected, axis=0).max() > 1e-2  # the answers depend on the images
    content = import_module("foreign.onnx_graph").to_onnx(model)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(["logits"], {"image": images.transpose(0, 3, 1, 2)})[0]
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_layer_that_is_not_written_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(Add\) is not written as ONNX"):
        import_module("foreign.onnx_graph").to_onnx(build("resnet", (4, 4)))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from edge_hdr.export import export

    model, folder = build("lenet5", (3, 4, 16, 12)), tmp_path_factory.mktemp("network")
    made = import_module("foreign.network").Network(
        name="lenet5",
        folder=folder,
        model=model,
        tflite=folder / "float.tflite",
        keras=folder / "lenet5.keras",
        onnx=folder / "lenet5.onnx",
    )
    made.tflite.write_bytes(export(model, "float32", np.zeros((1, 28, 28), np.uint8)))
    made.onnx.write_bytes(import_module("foreign.onnx_graph").to_onnx(model))
    return made


def test_all_forms_of_a_network_are_opened_and_agree(network: Any) -> None:
    opened = import_module("foreign.network").subjects(network)
    assert [subject.kind for subject in opened] == [
        "tflite", "keras", "keras", "keras", "onnx", "tf.lite"
    ]  # fmt: skip
    one = np.random.default_rng(2).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    answers = [subject.logits(one) for subject in opened]
    for subject, answer in zip(opened, answers, strict=True):
        np.testing.assert_allclose(answer, answers[0], atol=1e-4)
        subject.invoke()


def test_a_form_that_answers_otherwise_is_not_timed(network: Any, tmp_path: Path) -> None:
    other = tmp_path / "lenet5.onnx"
    other.write_bytes(import_module("foreign.onnx_graph").to_onnx(build("mlp", (20,))))
    with pytest.raises(CheckFailedError, match="onnxruntime answers otherwise than Keras"):
        import_module("foreign.network").subjects(replace(network, onnx=other))


def test_a_fresh_tensorflow_tells_its_start(network: Any) -> None:
    from edge_hdr_device.bench.cold import cold_all

    runtimes = import_module("foreign.runtimes")
    subject = runtimes.FullTensorflowLite("tf", network.tflite)
    found, failed = cold_all({"tf": subject.cold_argv()}, 1, lambda name: None)
    assert failed == []
    assert found["tf"]["start_ms"] > 10 * found["tf"]["first_ms"] > 0
    assert found["tf"]["resident_bytes"] > 100e6
