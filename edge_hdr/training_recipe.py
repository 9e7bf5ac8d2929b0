"""What a training phase is made of: the recipe, its schedule and its optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tf_keras

from edge_hdr.data.augment import Augmentation


@dataclass(frozen=True)
class Recipe:
    """How one phase is trained.

    Attributes:
        phase: float, prune or qat; names the checkpoint.
        epochs: passes over the training split, ≥ 1.
        batch_size: examples a step, over all replicas.
        learning_rate: the highest.
        optimizer: sgd (Nesterov, momentum 0.9) or adam.
        schedule: one-cycle (linear warm-up, cosine to 0), cosine (to 0) or constant.
        weight_decay: L2 on kernels, added to their gradients.
        label_smoothing: share of a label spread over all classes.
        ema: decay of the exponential moving average of the weights, per step; 0 is off.
        augmentation: of the training batches; None is off.
        plain_epochs: last epochs that train without augmentation.
        exposure_share: of an epoch's examples that are digits found in scenes, where there are any.
        outlier_share: of an epoch's examples that show no digit, where there are any.
        outlier_weight: of their loss.
        degrade: share of the examples that are damaged.
        distill: weight of the teacher's loss, 0 to 1.
        distill_temperature: softens both distributions, > 0.
        patience: stop after so many epochs without a better validation accuracy; 0 is off.
        freeze_norm_share: last share of the epochs with frozen batch-norm statistics.
        seed: of order, augmentation and weights.
    """

    phase: str
    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.1
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    weight_decay: float = 1e-4
    label_smoothing: float = 0.02
    ema: float = 0.998
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    plain_epochs: int = 0
    exposure_share: float = 0.0
    outlier_share: float = 0.0
    outlier_weight: float = 1.0
    degrade: float = 0.0
    distill: float = 0.0
    distill_temperature: float = 3.0
    patience: int = 0
    freeze_norm_share: float = 0.0
    seed: int = 0


def make_optimizer(recipe: Recipe, steps: int) -> Any:
    """Make the optimizer of a recipe whose epochs have so many steps."""
    rate = _Schedule(recipe.learning_rate, recipe.epochs * steps, recipe.schedule)
    if recipe.optimizer == "adam":
        return tf_keras.optimizers.Adam(rate, jit_compile=False)
    return tf_keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, jit_compile=False)


def rate_at(recipe: Recipe, steps: int, step: int) -> float:
    """Give the learning rate of a recipe, whose epochs have so many steps, after a step."""
    schedule = _Schedule(recipe.learning_rate, recipe.epochs * steps, recipe.schedule)
    return round(float(schedule(tf.constant(step))), 8)


class _Schedule(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Warm up linearly over the first fifth (one-cycle), then fall to 0 along a cosine, or stay."""

    def __init__(self, highest: float, steps: int, kind: str) -> None:
        self.highest, self.steps, self.kind = highest, steps, kind
        self.warm = max(1, int(steps * (0.2 if kind == "one-cycle" else 0.0)))

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        if self.kind == "constant":
            return tf.constant(self.highest)
        now = tf.cast(step, tf.float32)
        rest = tf.minimum((now - self.warm) / max(1, self.steps - self.warm), 1.0)
        falling = 0.5 * (1 + tf.cos(np.pi * tf.maximum(rest, 0.0)))
        return self.highest * tf.minimum((now + 1) / self.warm, falling)

    def get_config(self) -> dict[str, Any]:
        return {"highest": self.highest, "steps": self.steps, "kind": self.kind}
