"""Integrated gradients on the float model of a build's folder."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr.checkpoint import Checkpoint, CheckpointStore
from edge_hdr.cli.app import main
from edge_hdr.data.strokes import make_split
from edge_hdr.explain.gradients import FloatModel

pytestmark = pytest.mark.train

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Save an untrained LeNet-5 as the float phase of a build saves it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports
        from edge_hdr.training_setup import prepare

        prepare(4)
        import tensorflow_model_optimization  # noqa: F401

        from edge_hdr.architectures import registry

        model = registry.build("lenet5")
    folder = tmp_path_factory.mktemp("build") / "out"
    folder.mkdir()
    shutil.copy(DATA / "tiny-int8.tflite", folder / "model.tflite")
    config = {"architecture": "lenet5", "channels": [], "ema": 0.0}
    (folder / "build.json").write_text(json.dumps({"config": config}))
    arrays = [np.asarray(variable) for variable in model.variables]
    CheckpointStore(folder / "checkpoints").save("float", Checkpoint(1, [], arrays))
    return folder, model


def test_attributions_add_up_to_the_difference_of_the_logits(build):
    folder, model = build
    crop = make_split(1, seed=8, workers=1).images[0]
    found = FloatModel(folder, 10).explain(crop, 3, 5)
    inputs = np.stack([np.zeros_like(crop), crop])[..., None] / np.float32(255)
    empty, full = model(inputs).numpy()
    assert found.difference == pytest.approx((full - empty)[3] - (full - empty)[5], abs=1e-5)
    assert found.complete
    allowed = 0.002 * np.abs(found.pixels).sum()
    assert found.pixels.sum() == pytest.approx(found.difference, abs=allowed)
    assert found.label == full.argmax()
    assert np.all(found.pixels[crop == 0] == 0)
    assert np.abs(found.pixels).max() > 0


def test_the_command_records_them(build, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), cv2.imread(str(DATA / "sample.jpg"))[20:190, 20:370])
    arguments = [photo, "--model", build[0], "--digit", 1, "--data", "none", "--json"]
    monkeypatch.setattr(sys, "argv", ["edge-hdr", "explain", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    (digit,) = json.loads(capfd.readouterr().out)["data"]["digits"]
    found = digit["gradients"]
    assert found["complete"] is True
    assert np.sum(found["pixels"]) == pytest.approx(found["sum"], abs=28 * 28 * 5e-5)
    assert "Integrated gradients" in Path("photo-explained/explanation.html").read_text()


def test_a_build_for_other_classes_is_a_note(build):
    from edge_hdr.explain.sources import find_float_model

    model, note = find_float_model(build[0], 12)
    assert model is None
    assert "12 classes" in note
