"""The description beside a foreign file, as `bench` honours it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.bench.document import Result, assemble
from edge_hdr.bench.subjects import Options, read_model_file, start
from edge_hdr.errors import ModelError
from tests.onnx_digits import onnx_model

DATA = Path(__file__).parents[2] / "data"
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 28, 28), dtype=np.uint8)


@pytest.fixture
def foreign(tmp_path):
    """Put a model without a manifest and its description in a folder; gives the model's path."""

    def make(toml, name="theirs.onnx"):
        path = tmp_path / name
        path.write_bytes(onnx_model())
        if toml is not None:
            path.with_suffix(".toml").write_text(toml)
        return str(path)

    return make


def answers(path, options=None):
    file = read_model_file(path)
    return start(file, options or Options()).logits(IMAGE)


def test_its_input_range_holds_and_the_command_line_wins(foreign):
    path = foreign("input_range = [1, 0]")
    turned = answers(path)
    usual = answers(path, Options((0, 1)))
    assert np.abs(turned - usual).max() > 1e-3
    np.testing.assert_allclose(turned, answers(path, Options((1, 0))))
    np.testing.assert_allclose(usual, answers(foreign(None, "other.onnx")))


def test_each_model_of_a_run_has_its_own_range(foreign):
    wide, plain = foreign("input_range = [0, 255]", "wide.onnx"), foreign(None, "plain.onnx")
    np.testing.assert_allclose(answers(wide), 255 * answers(plain), rtol=1e-3)


def test_title_source_and_licence_go_into_the_document(foreign):
    path = foreign('title = "Net of a course"\nsource = "https://example.org"\nlicence = "MIT"\n')
    file = read_model_file(path)
    latency = {"name": file.name, "kind": "tflite", "invoke": {"p50_ms": 1.0}}
    document = assemble(
        [Result(file, latency)],
        measurement={"models": []},
        data=None,
        labels=None,
        target=None,
        command="edge-hdr bench",
        warnings=[],
    )
    (entry,) = document["models"]
    assert (entry["name"], entry["source"]) == ("Net of a course", "https://example.org")
    assert entry["licence"] == "MIT"


def test_without_a_title_a_model_keeps_its_name(foreign):
    assert read_model_file(foreign('licence = "MIT"')).name == "theirs"


def test_a_wrong_description_is_an_error_of_that_model(foreign):
    with pytest.raises(ModelError, match=r"theirs\.toml: unknown key 'range'") as caught:
        read_model_file(foreign("range = [0, 255]"))
    assert "input_range" in caught.value.hint


def test_a_layout_that_the_file_does_not_have_is_refused(foreign):
    file = read_model_file(foreign('layout = "flat"'))
    with pytest.raises(ModelError, match="not flat"):
        start(file, Options())


def test_a_model_with_a_manifest_says_itself_what_it_takes(tmp_path):
    shutil.copy(DATA / "tiny-int8.tflite", tmp_path / "ours.tflite")
    (tmp_path / "ours.toml").write_text("anything = 1")
    file = read_model_file(str(tmp_path / "ours.tflite"))
    assert (file.description, file.input_range(Options((0, 255)))) == (None, None)
