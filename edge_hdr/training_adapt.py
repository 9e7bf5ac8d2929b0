"""Fine-tune a released file on a few samples among what it knew, through to a new int8 file.

The model is quantization-aware from its first step: it starts on the int8 grid that it was
released on, so no float phase stands between. Of what is rehearsed it also learns what the old
model says; of the samples only what a person says, for there the old one may be wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edge_hdr.compress import quantize
from edge_hdr.data.augment import Augmentation, augment
from edge_hdr.data.dataset import Split, joined
from edge_hdr.errors import CheckFailedError
from edge_hdr.export import export
from edge_hdr.interruption import interruptions_held
from edge_hdr.progress import Progress
from edge_hdr.training import evaluate_model
from edge_hdr.training_input import training_batches
from edge_hdr.training_loss import preference
from edge_hdr.training_recipe import Recipe, make_optimizer, rate_at
from edge_hdr.training_weights import from_tflite

RECIPE = Recipe(
    phase="qat",
    epochs=3,
    batch_size=64,
    learning_rate=0.02,
    ema=0.99,
    augmentation=Augmentation(),
    distill=0.6,
)
# Few samples of one hand, varied more than a build's examples, of which there are thousands.
VARIED = Augmentation(
    rotation_deg=12, shift_px=1.5, scale=0.15, shear=0.25, stroke=0.6, elastic_px=0.8,
    clean_share=0.15,
)  # fmt: skip
SAMPLE_SHARE = 0.3  # of the examples of an epoch; a sample comes as often as that takes
MOST_REPEATS = 40  # of one sample in an epoch: two samples must not outweigh all else
# Of the old weights in the final ones. Source: M. Wortsman et al., Robust fine-tuning of zero-shot
# models, CVPR 2022: between old and new weights most of what either knows is kept.
KEPT = 0.25
TAUGHT = 1000  # is added to the label of a sample: a person's word alone counts
CALIBRATION_IMAGES = 1000


@dataclass(frozen=True)
class Adapter:
    """What all trainings of one adaptation share.

    Attributes:
        parent: the file that is begun from.
        rehearsal: what it must not forget; labels −1 are what is no digit.
        watched: few digits that the history reports.
        sparse: keep zeros of a pruned parent.
        seed: of order and augmentation.
        progress: is told of all steps.
    """

    parent: Path
    rehearsal: Split
    watched: Split
    sparse: bool
    seed: int
    progress: Progress

    def train(self, samples: Split) -> tuple[bytes, list[dict[str, Any]]]:
        """Train on samples among the rehearsal.

        Args:
            samples: labelled as the parent's outputs, −1 what is no digit.

        Returns:
            The int8 flatbuffer, no manifest packed, and the history: a row an epoch.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM, between two steps.
            CheckFailedError: training diverged, or the exported file's ends are wrong.
            StorageError: the converter has no room.
        """
        tf_keras.backend.clear_session()  # layers are named as in a new process
        tf_keras.utils.set_random_seed(self.seed)
        images = self.rehearsal.images[self.rehearsal.labels >= 0][:CALIBRATION_IMAGES]
        teacher = from_tflite(self.parent, images=images)
        with interruptions_held() as check:
            model = quantize.quantization_aware(teacher, images, preserve_sparsity=self.sparse)
            teacher.trainable = False
            mixed = mix(self.rehearsal, samples, seed=self.seed)
            recipe = replace(RECIPE, seed=self.seed, batch_size=min(RECIPE.batch_size, len(mixed)))
            history = _fit(model, teacher, recipe, mixed, self, check)
            flatbuffer = export(model, "int8", images)
            check()
        return flatbuffer, history


def mix(rehearsal: Split, samples: Split, *, seed: int) -> Split:
    """Add samples, varied, until they are their share of all examples, within bounds.

    Args:
        rehearsal: at least one.
        samples: at least one; labels −1 are what is no digit.
        seed: of their variation.

    Returns:
        All of it; the label of a digit among the samples is `TAUGHT` higher.
    """
    wanted = SAMPLE_SHARE / (1 - SAMPLE_SHARE) * len(rehearsal) / len(samples)
    repeats = min(MOST_REPEATS, max(1, round(wanted)))
    images = tf.constant(samples.images[..., np.newaxis].astype(np.float32) / np.float32(255))
    drawn = [augment(images, tf.constant([seed, n]), VARIED).numpy() for n in range(repeats)]
    varied = np.rint(np.concatenate(drawn)[..., 0] * 255).astype(np.uint8)
    labels = np.where(samples.labels < 0, samples.labels, samples.labels + TAUGHT)
    return joined(rehearsal, Split(varied, np.tile(labels, repeats)))


def _fit(
    model: Any,
    teacher: Any,
    recipe: Recipe,
    examples: Split,
    adapter: Adapter,
    check: Callable[[], None],
) -> list[dict[str, Any]]:
    """Train in place, norms at the statistics that they begin with; mix old weights in at last."""
    steps = max(1, len(examples) // recipe.batch_size)
    weights = list(model.trainable_variables)  # scale and shift of the norms among them
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, tf_keras.layers.BatchNormalization):
            inner.trainable = False
    averages = [tf.Variable(weight, trainable=False) for weight in weights]
    begun = [weight.numpy() for weight in weights]
    step = _step(model, teacher, recipe, weights, averages, steps)
    batches = iter(training_batches(examples, recipe, 0, recipe.augmentation))
    progress, history = adapter.progress, []
    progress.start(recipe.phase, epochs=recipe.epochs, steps=steps, done=0)
    for epoch in range(recipe.epochs):
        started, total = time.monotonic(), 0.0
        for _ in range(steps):
            loss = float(step(*next(batches)))
            if not np.isfinite(loss):
                raise CheckFailedError(
                    f"adapting diverged: the loss is {loss}", hint="try another --seed"
                )
            total += loss
            progress.step(loss)
            check()
        if epoch == recipe.epochs - 1:
            for weight, average, old in zip(weights, averages, begun, strict=True):
                weight.assign(KEPT * old + (1 - KEPT) * average)
        val_loss, val_accuracy = evaluate_model(model, adapter.watched)
        row = {
            "phase": recipe.phase,
            "epoch": epoch + 1,
            "loss": round(total / steps, 6),
            "val_loss": round(val_loss, 6),
            "val_accuracy": round(val_accuracy, 6),
            "learning_rate": rate_at(recipe, steps, (epoch + 1) * steps),
            "seconds": round(time.monotonic() - started, 2),
        }
        history.append(row)
        progress.epoch(row)
    return history


def _step(
    model: Any,
    teacher: Any,
    recipe: Recipe,
    weights: list[Any],
    averages: list[Any],
    steps: int,
) -> Callable[..., tf.Tensor]:
    optimizer = make_optimizer(recipe, steps)
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = _loss(model(images, training=True), teacher(images), labels, recipe)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for average, weight in zip(averages, weights, strict=True):
            average.assign(average * recipe.ema + weight * (1 - recipe.ema))
        return loss

    return step  # type: ignore[no-any-return]


def _loss(logits: tf.Tensor, old: tf.Tensor, labels: tf.Tensor, recipe: Recipe) -> tf.Tensor:
    """Give the mean loss of a batch: labels, the old model's words where rehearsed, doubt."""
    taught = labels >= TAUGHT
    classes, heat = logits.shape[-1], recipe.distill_temperature
    smooth = recipe.label_smoothing
    target = tf.one_hot(tf.where(taught, labels - TAUGHT, labels), classes)
    named = tf.nn.softmax_cross_entropy_with_logits(
        target * (1 - smooth) + smooth / classes, logits
    )
    soft = tf.nn.softmax(old / heat)
    said = tf.nn.softmax_cross_entropy_with_logits(soft, logits / heat) * heat**2
    share = tf.where(taught, 0.0, recipe.distill)
    losses = (1 - share) * named + share * said
    return tf.reduce_mean(tf.where(labels < 0, recipe.outlier_weight * preference(logits), losses))
