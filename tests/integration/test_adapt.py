"""A released file becomes trainable again, and is adapted to a hand with forms of its own."""

from __future__ import annotations

import json
import os
import signal
import warnings
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_hdr.adaptation import judgement, record, rehearsal
from edge_hdr.adaptation.run import Wish, adapt
from edge_hdr.data.strokes import make_split
from edge_hdr.data.written import shape, write
from edge_hdr.errors import ModelError
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import Manifest, pack, read_model

pytestmark = [pytest.mark.train, pytest.mark.slow]
NANO = "ds-cnn-nano-int8"
PER_CLASS = 12


@pytest.fixture(scope="module", autouse=True)
def _tensorflow():
    from edge_hdr.training_setup import prepare

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports
        prepare(0)
        import edge_hdr.training_adapt  # noqa: F401


class Reporter:
    """Note what is told; interrupt at the first step where that is asked for."""

    def __init__(self, *, interrupts=False):
        self.steps, self.warnings, self.interrupts = [], [], interrupts

    def start(self, phase, *, epochs, steps, done):
        self.steps.append(f"{phase} {epochs}")

    def step(self, loss):
        if self.interrupts:
            os.kill(os.getpid(), signal.SIGINT)

    def epoch(self, row):
        self.steps.append(row["epoch"])

    def step_begins(self, name):
        self.steps.append(name)

    def warn(self, message):
        self.warnings.append(message)

    def bytes_done(self, name, done, total):
        pass


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Write digits of a hand whose 7 is a form that no model reads as one."""
    folder = tmp_path_factory.mktemp("mine")
    drawn = make_split(400, seed=8, workers=1)
    odd = write(shape("odd", "0 100, 50 0!, 100 100", aspect=0.8), PER_CLASS,
                np.random.default_rng(0))  # fmt: skip
    for digit in range(10):
        images = odd if digit == 7 else drawn.images[drawn.labels == digit][:PER_CLASS]
        (folder / str(digit)).mkdir()
        for index, image in enumerate(images):
            cv2.imwrite(str(folder / str(digit) / f"{index}.png"), 255 - image)
    return folder


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Make the rehearsal small, and hold one part back instead of each in turn."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sizes = {"LEARNT": 1200, "SEEN": 20, "OTHERS": 20, "CHECKED_SEEN": 20, "CHECKED_OTHERS": 20,
             "STROKES": 1500}  # fmt: skip
    for name, size in sizes.items():
        monkeypatch.setattr(rehearsal, name, size)
    monkeypatch.setattr(judgement, "FEW", 10)
    from edge_hdr import training_adapt

    monkeypatch.setattr(training_adapt, "SAMPLE_SHARE", 0.5)  # few steps have to do
    monkeypatch.setattr(training_adapt, "KEPT", 0.0)


def packed(model, architecture, channels, variant, images, path):
    """Export a model and pack what `from_tflite` needs; gives it opened."""
    from edge_hdr.export import export

    flatbuffer = export(model, variant, images)
    bare = Classifier(flatbuffer)
    manifest = Manifest("little", "1", architecture, variant, tuple("0123456789"), bare.input_spec,
                        bare.output_spec, config={"channels": list(channels)})  # fmt: skip
    path.write_bytes(pack(flatbuffer, manifest))
    return bare


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """Train a small model that reads drawn digits, as an int8 file."""
    import tf_keras

    from edge_hdr.architectures import registry

    split = make_split(3000, seed=6, workers=1)
    images = split.images[..., None].astype(np.float32) / 255
    channels = (6, 12, 32, 32)
    model = registry.build("lenet5", channels=channels)
    model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, split.labels, epochs=6, verbose=0)
    path = tmp_path_factory.mktemp("parent") / "little.tflite"
    packed(model, "lenet5", channels, "int8-ptq", split.images, path)
    return path


def test_a_hand_is_learnt_and_the_file_says_so(mine, small, parent, tmp_path):
    reporter = Reporter()
    adapted = adapt(Wish(mine, parent, data="strokes"), reporter)
    metrics = record.write(adapted, tmp_path / "new", command="edge-hdr adapt")
    held = metrics["adaptation"]["held_back"]
    assert held["n"] == 10 * PER_CLASS // judgement.HELD_SHARE
    assert held["new_errors"] < held["old_errors"]
    assert reporter.steps[:2] == ["data", "training 1 of 1: 30 samples held back"]
    assert any("rehearses strokes" in line for line in reporter.warnings)
    path = released.find(str(tmp_path / "new"))
    _, manifest = read_model(path)
    assert (manifest.name, manifest.variant) == ("little-adapted", "int8")
    assert manifest.data["adaptation"]["from"]["sha256"] == read_model(parent)[1].sha256
    assert (manifest.input.dtype, manifest.input.zero_point) == ("int8", -128)
    classifier = Classifier(path)
    odd = write(shape("odd", "0 100, 50 0!, 100 100", aspect=0.8), 40, np.random.default_rng(1))
    before, after = (
        int((one.predict(odd).labels == 7).sum()) for one in (Classifier(parent), classifier)
    )
    assert before < 10
    assert after >= before + 10
    assert json.loads((tmp_path / "new" / "manifest.json").read_text())["sha256"] == manifest.sha256


def test_an_interruption_ends_between_two_steps(parent):
    from edge_hdr.training_adapt import Adapter

    reporter, split = Reporter(interrupts=True), make_split(64, seed=2, workers=1)
    adapter = Adapter(parent, split, split, sparse=False, seed=0, progress=reporter)
    with pytest.raises(KeyboardInterrupt):
        adapter.train(split.take(np.arange(10)))
    assert reporter.steps == ["qat 3"]  # no epoch was told


def build(architecture, channels):
    """Build a model with norms that are not neutral."""
    from edge_hdr.architectures import registry

    model = registry.build(architecture, channels=channels)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if "BatchNormalization" in type(layer).__name__:
            shapes = [weight.shape for weight in layer.get_weights()]
            layer.set_weights([rng.uniform(0.5, 1.5, size) for size in shapes])
    return model


def test_a_released_file_becomes_trainable_again():
    from edge_hdr.training_weights import from_tflite

    path, split = released.find(NANO), make_split(100, seed=4, workers=1)
    images = split.images[..., None].astype(np.float32) / 255
    again = from_tflite(path, images=split.images)
    read = again(images, training=False).numpy().argmax(axis=1)
    assert (read == Classifier(path).predict(split.images).labels).mean() > 0.95


@pytest.mark.parametrize(
    ("architecture", "channels"), [("resnet", (4, 8)), ("lenet5", (3, 4, 12, 10))]
)
def test_a_float_file_becomes_the_model_it_came_from(architecture, channels, tmp_path):
    from edge_hdr.training_weights import from_tflite

    images = make_split(64, seed=4, workers=1).images
    path = tmp_path / "model.tflite"
    model = build(architecture, channels)
    bare = packed(model, architecture, channels, "float32", images, path)
    again = from_tflite(path)
    logits = again(images[..., None].astype(np.float32) / 255, training=False).numpy()
    assert np.allclose(logits, bare.logits(images), atol=1e-3)
    # the norms are unfolded: in training they give about what they give in use
    trained = again(images[..., None].astype(np.float32) / 255, training=True).numpy()
    assert (trained.argmax(axis=1) == logits.argmax(axis=1)).mean() > 0.8
    flatbuffer, manifest = read_model(path)
    wrong = replace(manifest, architecture="cnn5", config={})
    path.write_bytes(pack(flatbuffer, wrong))
    with pytest.raises(ModelError, match="does not hold the layers of cnn5"):
        from_tflite(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": ""}, "does not say which architecture"),
        ({"architecture": "unheard-of"}, "architecture that this edge-hdr does not know"),
    ],
)
def test_a_file_of_unknown_make_is_refused(change, message, tmp_path):
    from edge_hdr.training_weights import from_tflite

    flatbuffer, manifest = read_model(released.find(NANO))
    path = tmp_path / "model.tflite"
    path.write_bytes(pack(flatbuffer, replace(manifest, **change)))
    with pytest.raises(ModelError, match=message):
        from_tflite(path)
