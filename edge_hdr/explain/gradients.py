"""Integrated gradients on the float Keras model of a build."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import ConfigError, DependencyError
from edge_hdr.training_setup import PACKAGES, prepare

STEPS = 64
MOST_STEPS = 1024
COMPLETE = 0.002  # share of all attributions that the sum may miss by


@dataclass(frozen=True)
class Gradients:
    """What each pixel adds to the logit of one class over that of another.

    Attributes:
        pixels: float64 (28, 28); above 0: the ink argues for the first class. Background has none:
            the path starts at an empty crop.
        total: sum of `pixels`.
        difference: what the sum has to be: the difference of the logits of the crop, less that of
            an empty crop.
        steps: of the path.
        label: index of the class that the float model itself reads.
    """

    pixels: NDArray[np.float64]
    total: float
    difference: float
    steps: int
    label: int

    @property
    def gap(self) -> float:
        """Give by how much the sum is off, as a share of all attributions, in [0, ∞)."""
        return abs(self.total - self.difference) / max(float(np.abs(self.pixels).sum()), 1e-9)

    @property
    def complete(self) -> bool:
        """Tell whether the sum is off by no more than `COMPLETE`."""
        return self.gap <= COMPLETE


class FloatModel:
    """The float model of a build.

    Args:
        folder: of the build, with its `build.json` and the checkpoint of its float phase.
        classes: number of its outputs.

    Raises:
        DependencyError: TensorFlow is not installed.
        ConfigError: the folder holds no such checkpoint.
    """

    def __init__(self, folder: Path, classes: int) -> None:
        missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            raise DependencyError(
                f"they need {', '.join(missing)}", hint="pip install 'edge-hdr[train]'"
            )
        if not (folder / "checkpoints" / "float.npz").is_file():
            raise ConfigError(
                f"{folder} has no float checkpoint", hint="give the folder of a finished build"
            )
        prepare(0)
        from edge_hdr.training_phases import load_float

        try:
            self._model = load_float(folder, classes)
        except (KeyError, TypeError) as error:
            raise ConfigError(
                f"{folder} has a damaged build.json", hint="build it again"
            ) from error

    def explain(self, crop: NDArray[np.uint8], label: int, other: int) -> Gradients:
        """Integrate the gradient of logit `label` − logit `other` from an empty crop to this one.

        Steps are short where the path begins, as a net with batch norm changes most there. Their
        number is doubled until the sum is complete, up to `MOST_STEPS`.

        Args:
            crop: uint8 (28, 28), ink 255 on background 0.
            label: index of the class that was read.
            other: index of the class that it is held against.

        Source: M. Sundararajan, A. Taly, Q. Yan, Axiomatic Attribution for Deep Networks,
        arXiv 1703.01365; the path is sampled at the middle of each step.
        """
        inputs = np.asarray(crop / np.float32(255), np.float32)
        ends = self._logits(np.stack([np.zeros_like(inputs), inputs]))
        rise = ends[1] - ends[0]
        steps = STEPS
        while True:
            pixels = inputs * self._mean_gradient(inputs, label, other, steps)
            found = Gradients(
                pixels=pixels,
                total=float(pixels.sum()),
                difference=float(rise[label] - rise[other]),
                steps=steps,
                label=int(ends[1].argmax()),
            )
            if found.complete or steps >= MOST_STEPS:
                return found
            steps *= 2

    def _logits(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self._model(images[..., None], training=False), np.float64)

    def _mean_gradient(
        self, inputs: NDArray[np.float32], label: int, other: int, steps: int
    ) -> NDArray[np.float64]:
        import tensorflow as tf

        evenly = (np.arange(steps, dtype=np.float32) + 0.5) / steps
        points: Any = tf.constant((evenly[:, None, None] ** 2 * inputs)[..., None])
        with tf.GradientTape() as tape:
            tape.watch(points)
            logits = self._model(points, training=False)
            target = tf.reduce_sum(logits[:, label] - logits[:, other])
        slope = tape.gradient(target, points).numpy()[..., 0]
        weights = 2 * evenly[:, None, None]  # the slope of the square
        return np.asarray((weights * slope).mean(axis=0, dtype=np.float64))
