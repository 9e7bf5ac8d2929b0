"""One fit loop for every phase: schedule, EMA, distillation, checkpoints, resume, progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge_hdr.checkpoint import Checkpoint, CheckpointStore
from edge_hdr.data.dataset import Split
from edge_hdr.errors import CheckFailedError
from edge_hdr.exposure.material import Exposure
from edge_hdr.interruption import interruptions_held
from edge_hdr.progress import Progress
from edge_hdr.training_input import evaluation_batches, training_batches
from edge_hdr.training_loss import loss_of
from edge_hdr.training_recipe import Recipe, make_optimizer, rate_at


def fit(
    model: Any,
    recipe: Recipe,
    train: Split,
    validation: Split,
    *,
    store: CheckpointStore,
    progress: Progress,
    exposure: Exposure | None = None,
    teacher: Any = None,
    settle: Callable[[Any], None] | None = None,
) -> list[dict[str, Any]]:
    """Train a model in place and leave it with its averaged weights.

    The work continues from the phase's last checkpoint when there is one. Order and augmentation
    of an epoch depend on the seed and the epoch alone, so a resumed run sees what an
    uninterrupted one would have seen.

    Args:
        model: Keras model from float32 (N, 28, 28, 1) to logits, made under the current strategy.
        recipe: the phase.
        train: what is learnt from.
        validation: what the history reports, and all that early stopping looks at.
        store: where the checkpoint of each epoch goes.
        progress: is told of each step and epoch.
        exposure: what is mixed into every epoch, see `training_input`; None is nothing.
        teacher: Keras model whose logits are distilled, of digits alone.
        settle: is called with the model when other weights were put in place, as pruning needs it.

    Returns:
        The history, one JSON-ready row an epoch: phase, epoch, loss, val_loss, val_accuracy,
        learning_rate, seconds.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, between two steps.
        CheckFailedError: the loss is no longer a finite number.
        StorageError: a checkpoint cannot be written; the one before is still there.
    """
    run = _Run(model, recipe, train, validation, store, progress, exposure, teacher, settle)
    with interruptions_held() as run.check_interruption:
        return run.run()


class _Run:
    """The state of one call of `fit`."""

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        train: Split,
        validation: Split,
        store: CheckpointStore,
        progress: Progress,
        exposure: Exposure | None,
        teacher: Any,
        settle: Callable[[Any], None] | None,
    ) -> None:
        self.model, self.recipe, self.store = model, recipe, store
        self.train, self.validation, self.exposure = train, validation, exposure
        self.progress, self.teacher, self.settle = progress, teacher, settle
        self.strategy = tf.distribute.get_strategy()
        self.steps = len(train) // recipe.batch_size or 1
        with self.strategy.scope():
            self.optimizer = make_optimizer(recipe, self.steps)
            self.optimizer.build(model.trainable_variables)
            # both orders change when layers are frozen, so they are taken once
            self.variables, self.weights = list(model.variables), list(model.trainable_variables)
            self.averages = [
                tf.Variable(_value(weight), trainable=False) for weight in self.weights
            ]
        self.evaluate = _evaluator(model, validation)
        self.check_interruption: Callable[[], None] = lambda: None
        self.history: list[dict[str, Any]] = []
        self.best: tuple[float, list[NDArray[Any]]] = (-1.0, [])

    def run(self) -> list[dict[str, Any]]:
        recipe = self.recipe
        first = self._resume()
        self.progress.start(recipe.phase, epochs=recipe.epochs, steps=self.steps, done=first)
        freeze_from = recipe.epochs - int(recipe.epochs * recipe.freeze_norm_share)
        plain_from = recipe.epochs - recipe.plain_epochs
        step, batches, drawn = None, None, None
        for epoch in range(first, recipe.epochs):
            if self._stopped_early():
                break
            if step is None or epoch == freeze_from:
                _set_norm_trainable(self.model, epoch < freeze_from)
                step = self._make_step()
            augmentation = recipe.augmentation if epoch < plain_from else None
            if batches is None or augmentation is not drawn:
                batches = iter(
                    training_batches(self.train, recipe, epoch, augmentation, self.exposure)
                )
                drawn = augmentation
            self._epoch(epoch, step, batches)
        _set_norm_trainable(self.model, True)
        self._finish()
        return self.history

    def _epoch(self, epoch: int, step: Callable[..., tf.Tensor], batches: Any) -> None:
        started, total = time.monotonic(), 0.0
        for _ in range(self.steps):
            images, labels = next(batches)
            loss = float(step(images, labels))
            if not np.isfinite(loss):
                raise CheckFailedError(
                    f"training diverged in epoch {epoch + 1}: the loss is {loss}",
                    hint="lower --learning-rate",
                )
            total += loss
            self.progress.step(loss)
            self.check_interruption()
        val_loss, val_accuracy = self._validate()
        row = {
            "phase": self.recipe.phase,
            "epoch": epoch + 1,
            "loss": round(total / self.steps, 6),
            "val_loss": round(val_loss, 6),
            "val_accuracy": round(val_accuracy, 6),
            "learning_rate": rate_at(self.recipe, self.steps, (epoch + 1) * self.steps),
            "seconds": round(time.monotonic() - started, 2),
        }
        self.history.append(row)
        self._save(epoch + 1)
        self.progress.epoch(row)

    def _make_step(self) -> Callable[..., tf.Tensor]:
        weights = list(self.model.trainable_variables)
        decay = self.recipe.ema

        def replica(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = loss_of(self.model, images, labels, self.recipe, self.teacher)
            gradients = tape.gradient(loss, weights)
            gradients = [
                slope + self.recipe.weight_decay * weight / self.strategy.num_replicas_in_sync
                if _decays(weight)
                else slope
                for slope, weight in zip(gradients, weights, strict=True)
            ]
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
            return loss

        @tf.function(autograph=False)
        def step(images: Any, labels: Any) -> tf.Tensor:
            losses = self.strategy.run(replica, args=(images, labels))
            if decay > 0:
                count = tf.cast(self.optimizer.iterations, tf.float32)
                keep = tf.minimum(decay, (1 + count) / (10 + count))
                for average, weight in zip(self.averages, self.weights, strict=True):
                    average.assign(average * keep + weight * (1 - keep))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        return cast("Callable[..., tf.Tensor]", step)

    def _validate(self) -> tuple[float, float]:
        """Give loss and accuracy of the averaged weights on the validation split."""
        trained = [_value(weight) for weight in self.weights]
        self._use(self._averaged())
        try:
            loss, accuracy = self.evaluate()
            if self.recipe.patience and accuracy > self.best[0]:
                self.best = (accuracy, [_value(variable) for variable in self.variables])
            return loss, accuracy
        finally:
            self._use(trained)

    def _averaged(self) -> list[NDArray[Any]]:
        source = self.averages if self.recipe.ema > 0 else self.weights
        return [_value(variable) for variable in source]

    def _use(self, values: list[NDArray[Any]]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)
        if self.settle:
            self.settle(self.model)

    def _stopped_early(self) -> bool:
        patience = self.recipe.patience
        recent = [row["val_accuracy"] for row in self.history]
        return bool(patience) and len(recent) - 1 - int(np.argmax(recent or [0])) >= patience

    def _finish(self) -> None:
        """Leave the best variables in the model where early stopping watched, else the average."""
        for variable, value in zip(self.variables, self.best[1], strict=bool(self.best[1])):
            variable.assign(value)
        if not self.best[1]:
            self._use(self._averaged())

    def _state(self) -> list[Any]:
        return [*self.variables, *self.optimizer.variables, *self.averages]

    def _save(self, epochs: int) -> None:
        arrays = [_value(variable) for variable in self._state()]
        self.store.save(self.recipe.phase, Checkpoint(epochs, self.history, arrays, self.best))

    def _resume(self) -> int:
        saved = self.store.load(self.recipe.phase)
        if saved is None:
            return 0
        for variable, array in zip(self._state(), saved.arrays, strict=True):
            variable.assign(array)
        self.history, self.best = saved.history, saved.best
        return saved.epochs


def evaluate_model(model: Any, split: Split) -> tuple[float, float]:
    """Give the mean cross-entropy and the top-1 accuracy of a Keras model on a split."""
    return _evaluator(model, split)()


def _evaluator(model: Any, split: Split) -> Callable[[], tuple[float, float]]:
    """Make a function that evaluates the model as it then is; its graph is traced once."""
    strategy = tf.distribute.get_strategy()

    @tf.function(autograph=False)
    def measure(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        logits = model(images, training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        right = tf.argmax(logits, axis=1, output_type=labels.dtype) == labels
        return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))])

    @tf.function(autograph=False)
    def over_replicas(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        sums = strategy.run(measure, args=(images, labels))
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, sums, axis=None)

    def evaluate() -> tuple[float, float]:
        total = np.zeros(2)
        for images, labels in evaluation_batches(split):
            total += over_replicas(images, labels).numpy()
        return float(total[0] / len(split)), float(total[1] / len(split))

    return evaluate


def values_of(model: Any) -> list[NDArray[Any]]:
    """Read all variables of a model, in order, as NumPy arrays."""
    return [_value(variable) for variable in model.variables]


def _decays(weight: Any) -> bool:
    return "kernel" in weight.name


def _set_norm_trainable(model: Any, trainable: bool) -> None:
    """Freeze or free the batch norms; a frozen one uses and keeps its moving statistics."""
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, tf_keras.layers.BatchNormalization):
            inner.trainable = trainable


def _value(variable: Any) -> NDArray[Any]:
    """Read a variable as NumPy, also one that replicas hold parts of."""
    strategy = tf.distribute.get_strategy()
    return np.asarray(strategy.extended.read_var(variable))
