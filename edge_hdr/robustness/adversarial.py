"""Digits changed on purpose so that a float model misreads them, for transfer to other models.

The attacks see the float Keras model of a build alone. What they make is stored as pixels and
shown to exported models, so the figures tell how far attacks transfer, not what an attack on the
exported file itself would reach: they are a lower bound of the harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.errors import ConfigError
from edge_hdr.robustness.examined import Examined, Images

if TYPE_CHECKING:
    from pathlib import Path

Gradient = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]

EPSILONS = (0.1, 0.2, 0.3)  # largest change of a pixel, as a share of full ink
STEPS = 20  # of PGD
STEP_SHARE = 1 / 8  # of epsilon that PGD goes a step
BATCH = 250


@dataclass(frozen=True)
class Adversary:
    """A float model that attacks are made on.

    Attributes:
        name: architecture and folder of its build.
        gradient: gives the gradient of the loss for float32 (N, 28, 28) in [0, 1] and labels.
        predict: gives its logits float32 (N, classes) for uint8 (N, 28, 28), ink 255.
    """

    name: str
    gradient: Gradient
    predict: Callable[[Images], NDArray[np.float32]]


def check_adversary(folder: Path) -> None:
    """Check in a moment, before long work, that an adversary could be loaded.

    Raises:
        ConfigError: the folder is no build's.
        DependencyError: TensorFlow is not installed.
    """
    from edge_hdr.training_setup import require_train_extra

    if not all((folder / name).is_file() for name in ("build.json", "checkpoints/float.npz")):
        raise ConfigError(
            f"--adversary {folder} is no build with a float checkpoint",
            hint="give the folder of a finished build, as runs/ds-cnn-small-int8",
        )
    require_train_extra()


def load_adversary(folder: Path, classes: int) -> Adversary:
    """Rebuild the float model of a build; TensorFlow is imported here.

    Args:
        folder: of a finished build, with its `build.json` and checkpoints.
        classes: number of classes of the data.

    Raises:
        ConfigError: the folder holds no such build.
        DependencyError: TensorFlow is not installed.
    """
    from edge_hdr.training_setup import prepare

    check_adversary(folder)
    prepare(0)
    from edge_hdr.training_phases import load_teacher

    try:
        model = load_teacher(folder, classes)
        architecture = json.loads((folder / "build.json").read_text())["config"]["architecture"]
    except ConfigError as error:
        message = error.message.replace("--teacher", "--adversary")
        raise ConfigError(message, hint=error.hint) from error
    except ValueError as error:  # another number of outputs than the data has classes
        raise ConfigError(
            f"--adversary {folder} is no model of {classes} classes",
            hint="give the folder of a build on the same data",
        ) from error
    return Adversary(f"{architecture} float32 of {folder.name}", *_functions(model))


def fgsm(adversary: Adversary, split: Split, epsilon: float) -> Images:
    """Move every pixel by epsilon to where the loss rises.

    Args:
        adversary: whose loss.
        split: what is changed.
        epsilon: > 0, as a share of full ink.

    Returns:
        uint8 (N, 28, 28), no pixel further from its origin than epsilon.

    Source: I. Goodfellow et al., Explaining and harnessing adversarial examples, 2015.
    """
    floats: NDArray[np.float32] = (split.images / np.float32(255)).astype(np.float32)
    uphill = np.sign(adversary.gradient(floats, split.labels))
    return within(floats + np.float32(epsilon) * uphill, split.images, epsilon)


def pgd(adversary: Adversary, split: Split, epsilon: float, *, seed: int) -> Images:
    """Climb the loss in small steps from a random start, never further than epsilon.

    Args:
        adversary: whose loss.
        split: what is changed.
        epsilon: > 0, as a share of full ink.
        seed: of the start.

    Returns:
        uint8 (N, 28, 28), no pixel further from its origin than epsilon.

    Source: A. Madry et al., Towards deep learning models resistant to adversarial attacks, 2018.
    """
    rng = np.random.default_rng([seed, round(1000 * epsilon)])
    origin = split.images.astype(np.float32) / 255
    reach = np.float32(epsilon)
    low, high = np.maximum(origin - reach, 0), np.minimum(origin + reach, 1)
    start = origin + rng.uniform(-epsilon, epsilon, origin.shape).astype(np.float32)
    moved: NDArray[np.float32] = np.clip(start, low, high)
    for _ in range(STEPS):
        uphill = np.sign(adversary.gradient(moved, split.labels))
        moved = np.clip(moved + np.float32(STEP_SHARE * epsilon) * uphill, low, high)
    return within(moved, split.images, epsilon)


def transfer(
    source: Adversary, models: Sequence[Examined], split: Split, seed: int
) -> list[dict[str, Any]]:
    """Attack a float model and show what comes of it to other models.

    Args:
        source: the model that is attacked.
        models: who is shown the changed digits.
        split: the digits.
        seed: of PGD's start.

    Returns:
        For each model, JSON-ready: "source", its name; "fgsm" and "pgd", by epsilon the share of
        misread digits; "on_source", the same of the attacked model itself.
    """
    subjects = [*models, Examined(source.predict)]
    found: list[dict[str, Any]] = [{"fgsm": {}, "pgd": {}} for _ in subjects]
    for epsilon in EPSILONS:
        changed = {
            "fgsm": fgsm(source, split, epsilon),
            "pgd": pgd(source, split, epsilon, seed=seed),
        }
        for subject, errors in zip(subjects, found, strict=True):
            for attack, images in changed.items():
                errors[attack][str(epsilon)] = float(subject.wrong(images, split.labels).mean())
    return [{"source": source.name, **errors, "on_source": found[-1]} for errors in found[:-1]]


def within(moved: NDArray[np.floating[Any]], origin: Images, epsilon: float) -> Images:
    """Store changed pixels, none further from its origin than epsilon after rounding.

    Args:
        moved: float (N, 28, 28), ink 1.
        origin: uint8 (N, 28, 28), ink 255.
        epsilon: as a share of full ink.
    """
    reach = int(255 * epsilon + 1e-6)
    whole = np.rint(255 * moved).astype(np.int64)
    around = origin.astype(np.int64)
    near = np.clip(whole, around - reach, around + reach)
    return np.asarray(np.clip(near, 0, 255), np.uint8)


def _functions(model: Any) -> tuple[Gradient, Callable[[Images], NDArray[np.float32]]]:
    import tensorflow as tf

    images = tf.TensorSpec((None, 28, 28, 1), tf.float32)

    @tf.function(input_signature=[images, tf.TensorSpec((None,), tf.int64)])
    def slope(x: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = model(x, training=False)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tape.gradient(loss, x)

    @tf.function(input_signature=[images])
    def logits(x: Any) -> Any:
        return model(x, training=False)

    def gradient(x: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
        return _batched(lambda part: slope(x[part][..., None], labels[part])[..., 0], len(x))

    def predict(x: Images) -> NDArray[np.float32]:
        return _batched(lambda part: logits(x[part][..., None].astype(np.float32) / 255), len(x))

    return gradient, predict


def _batched(answer: Callable[[slice], Any], count: int) -> NDArray[np.float32]:
    parts = [slice(start, start + BATCH) for start in range(0, count, BATCH)]
    return np.concatenate([np.asarray(answer(part), np.float32) for part in parts])
