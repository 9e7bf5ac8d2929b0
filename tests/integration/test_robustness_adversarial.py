"""Attacks on a real float model, rebuilt from a build's folder, and their transfer."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_hdr.data.dataset import Split
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import ConfigError

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a network of one hidden layer for a moment and lay it down as a build does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports
        from edge_hdr.training_setup import prepare

        prepare(0)
        import tensorflow  # noqa: F401
        import tensorflow_model_optimization  # noqa: F401
    from edge_hdr.architectures import registry
    from edge_hdr.checkpoint import Checkpoint, CheckpointStore

    model = registry.build("mlp", channels=(32,))
    split = make_split(1500, seed=7, workers=1)
    _fit(model, split)
    folder = tmp_path_factory.mktemp("toy-build")
    arrays = [variable.numpy() for variable in model.variables]
    store = CheckpointStore(folder / "checkpoints")
    store.save("float", Checkpoint(epochs=1, history=[], arrays=arrays))
    config = {"architecture": "mlp", "channels": [32], "ema": 0}
    (folder / "build.json").write_text(json.dumps({"config": config}))
    return folder


def _fit(model: Any, split: Split) -> None:
    from tf_keras import losses

    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    images = split.images[..., None].astype(np.float32) / 255
    model.fit(images, split.labels, epochs=6, batch_size=32, verbose=0)


def test_attacks_stay_within_epsilon_and_fool_the_model_they_are_made_on(folder: Path) -> None:
    from edge_hdr.robustness import adversarial

    source = adversarial.load_adversary(folder, classes=10)
    assert source.name == f"mlp float32 of {folder.name}"
    split = make_split(300, seed=8, workers=1)
    errors = {"clean": (source.predict(split.images).argmax(axis=1) != split.labels).mean()}
    for name, images in (
        ("fgsm", adversarial.fgsm(source, split, 0.1)),
        ("pgd", adversarial.pgd(source, split, 0.1, seed=0)),
    ):
        change = np.abs(images.astype(int) - split.images).max()
        assert change == int(0.1 * 255)
        errors[name] = (source.predict(images).argmax(axis=1) != split.labels).mean()
    assert errors["clean"] < 0.3
    assert errors["clean"] + 0.2 < errors["fgsm"] <= errors["pgd"] + 0.02
    again = adversarial.pgd(source, split, 0.1, seed=0)
    assert (again == images).all()
    assert (adversarial.pgd(source, split, 0.1, seed=1) != images).any()


def test_attacked_digits_are_shown_to_every_model(folder: Path) -> None:
    from edge_hdr.robustness.adversarial import load_adversary, transfer
    from edge_hdr.robustness.examined import Examined

    def always_three(images: np.ndarray) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[np.full(len(images), 3)]

    source = load_adversary(folder, classes=10)
    split = make_split(100, seed=9, workers=1)
    three, twin = transfer(
        source, [Examined(always_three), Examined(source.predict)], split, seed=0
    )
    strengths = {"0.1": 0.9, "0.2": 0.9, "0.3": 0.9}  # nine of ten digits are no 3
    assert three["fgsm"] == three["pgd"] == pytest.approx(strengths)
    assert three["source"] == f"mlp float32 of {folder.name}"
    assert {name: twin[name] for name in ("fgsm", "pgd")} == twin["on_source"]
    assert twin["pgd"]["0.1"] <= twin["pgd"]["0.3"]


def test_a_folder_without_a_build_and_other_classes_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    from edge_hdr.robustness.adversarial import load_adversary

    with pytest.raises(ConfigError, match=r"--adversary .* is no build"):
        load_adversary(tmp_path, classes=10)
    with pytest.raises(ConfigError, match="7 classes"):
        load_adversary(folder, classes=7)
