"""The phases of a build: float training, pruning, quantization-aware training."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edge_hdr.architectures import registry
from edge_hdr.checkpoint import CheckpointStore
from edge_hdr.compress import prune, quantize
from edge_hdr.config import IMAGENET, BuildConfig
from edge_hdr.data.augment import Augmentation
from edge_hdr.data.dataset import Split, joined
from edge_hdr.data.splits import subset
from edge_hdr.errors import ConfigError
from edge_hdr.exposure.material import Exposure
from edge_hdr.progress import Progress
from edge_hdr.training import fit, values_of
from edge_hdr.training_recipe import Recipe

CALIBRATION_IMAGES = 1000
STEPS_AN_EPOCH, SMALLEST_BATCH = 32, 16  # a few hundred examples must not mean a few steps


@dataclass
class Phases:
    """Train one model through its phases; each gives a plain Keras model, outside any strategy.

    Attributes:
        config: the settings.
        train: what is learnt from; also gives the representative images.
        validation: what is watched.
        classes: number of outputs.
        store: of the checkpoints.
        progress: is told of all steps.
        strategy: tf.distribute strategy.
        exposure: what is mixed into the training examples, or None.
        teacher: Keras model to distil, or None.
        history: rows of all phases so far.
    """

    config: BuildConfig
    train: Split
    validation: Split
    classes: int
    store: CheckpointStore
    progress: Progress
    strategy: Any
    exposure: Exposure | None = None
    teacher: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)

    def float_model(self) -> Any:
        """Train from random weights, or from those that `start` names."""
        if self.config.sparsity:  # a wrong layer name shows before hours of training
            prune.layer_sparsity(self._build(), self.config.sparsity)
        return self._fit(self._begin, self._recipe("float", self.config.epochs))

    def pruned(self, model: Any) -> Any:
        """Prune a trained model by magnitude and fine-tune it; the wrappers are off."""
        recipe = self._fine("prune", self.config.prune_epochs)
        shares = prune.layer_sparsity(model, self.config.sparsity)
        steps = recipe.epochs * max(1, len(self.train) // recipe.batch_size)

        def make() -> Any:
            return prune.wrap(model, shares, steps=steps)

        return prune.strip(self._fit(make, recipe, pruning=True), self._build())

    def quantized(self, model: Any) -> Any:
        """Fine-tune a trained model under int8 rounding."""
        recipe = replace(self._fine("qat", self.config.qat_epochs), freeze_norm_share=0.34)
        images = self.representative()

        def make() -> Any:
            sparse = bool(self.config.sparsity)
            return quantize.quantization_aware(model, images, preserve_sparsity=sparse)

        return self._fit(make, recipe)

    def representative(self) -> Any:
        """Draw training images uint8 (N, 28, 28) that stand for all, stratified and seeded."""
        train = joined(self.train, self.exposure.digits) if self.exposure else self.train
        count = min(CALIBRATION_IMAGES, len(train))
        return subset(train, count, seed=self.config.seed).images

    def _build(self) -> Any:
        channels = self.config.channels or None
        return registry.build(self.config.architecture, channels=channels, classes=self.classes)

    def _begin(self) -> Any:
        """Build the model with the weights that training starts from."""
        model, start = self._build(), self.config.start
        if start == IMAGENET:
            import_module("edge_hdr.architectures.mobilenet").load_imagenet(model)
        elif start:
            source = load_float(Path(start), self.classes, option="--start")
            try:
                model.set_weights(source.get_weights())
            except ValueError as error:
                raise ConfigError(
                    f"--start {start} has another architecture or other widths",
                    hint="give --arch and --channels as that build had them",
                ) from error
        return model

    def _fit(self, make: Any, recipe: Recipe, *, pruning: bool = False) -> Any:
        with self.strategy.scope():
            model = make()
            _quicken_norm(model, recipe.epochs * max(1, len(self.train) // recipe.batch_size))
            self.history += fit(
                model,
                recipe,
                self.train,
                self.validation,
                store=self.store,
                progress=self.progress,
                exposure=self.exposure,
                teacher=self.teacher,
                settle=prune.settle if pruning else None,
            )
            values = values_of(model)
        if self.strategy is tf.distribute.get_strategy():
            return model
        plain = make()
        for variable, value in zip(plain.variables, values, strict=True):
            variable.assign(value)
        return plain

    def _recipe(self, phase: str, epochs: int) -> Recipe:
        config = self.config
        how = Augmentation(
            rotation_deg=config.rotation_deg,
            shift_px=config.shift_px,
            scale=config.scale,
            shear=config.shear,
            stroke=config.stroke,
            elastic_px=config.elastic_px,
            clean_share=config.clean_share,
        )
        batch = self._batch_size()
        return Recipe(
            phase=phase,
            epochs=epochs,
            batch_size=batch,
            learning_rate=config.learning_rate * batch / config.batch_size,
            optimizer=config.optimizer,  # type: ignore[arg-type]
            schedule=config.schedule,  # type: ignore[arg-type]
            weight_decay=config.weight_decay,
            label_smoothing=config.label_smoothing,
            ema=config.ema,
            augmentation=how if config.clean_share < 1 else None,
            plain_epochs=min(config.plain_epochs, epochs) if phase == "float" else 0,
            exposure_share=config.exposure_share,
            outlier_share=config.outlier_share,
            outlier_weight=config.outlier_weight,
            degrade=config.degrade,
            distill=config.distill if self.teacher is not None else 0.0,
            patience=config.patience if phase == "float" else 0,
            seed=config.seed,
        )

    def _batch_size(self) -> int:
        """Give the configured batch size, or a smaller one where the training split is small."""
        count, replicas = len(self.train), int(self.strategy.num_replicas_in_sync)
        batch = min(self.config.batch_size, max(SMALLEST_BATCH, count // STEPS_AN_EPOCH), count)
        if batch < replicas:
            raise ConfigError(
                f"a batch of {batch} cannot be shared by {replicas} replicas",
                hint="raise --batch-size, or use fewer replicas",
            )
        return batch - batch % replicas

    def _fine(self, phase: str, epochs: int) -> Recipe:
        """Give the recipe of a phase that starts from trained weights."""
        recipe = self._recipe(phase, epochs)
        return replace(recipe, learning_rate=recipe.learning_rate / 10, schedule="cosine")


def _quicken_norm(model: Any, steps: int) -> None:
    """Let batch-norm statistics forget faster where steps are few, lest they stay behind."""
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, tf_keras.layers.BatchNormalization):
            inner.momentum = min(inner.momentum, max(0.5, 1 - 10 / steps))


def load_teacher(folder: Path, classes: int) -> Any:
    """Rebuild the float model of an earlier build, frozen, to be distilled.

    Raises:
        ConfigError: see `load_float`.
    """
    model = load_float(folder, classes, option="--teacher")
    model.trainable = False
    return model


def load_float(folder: Path, classes: int, *, option: str = "") -> Any:
    """Rebuild the float model of an earlier build from its folder, with its averaged weights.

    Args:
        folder: of a build whose float phase is done, with its `build.json` and checkpoints.
        classes: number of outputs that it must have.
        option: the option that named the folder, for the message.

    Raises:
        ConfigError: the folder holds no such build, or one with other classes.
    """
    named = f"{option} {folder}".strip()
    try:
        settings = json.loads((folder / "build.json").read_text())["config"]
        saved = CheckpointStore(folder / "checkpoints").load("float")
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{named} is no build", hint="give a build's folder") from error
    if saved is None:
        raise ConfigError(f"{named} has no float checkpoint", hint="build it first")
    channels = tuple(settings["channels"]) or None
    model = registry.build(settings["architecture"], channels=channels, classes=classes)
    variables = model.variables
    if [array.shape for array in saved.arrays[: len(variables)]] != [
        tuple(variable.shape) for variable in variables
    ]:
        raise ConfigError(
            f"{named} was not built for {classes} classes",
            hint="give a build for the same classes",
        )
    for variable, array in zip(variables, saved.arrays[: len(variables)], strict=True):
        variable.assign(array)
    averages = saved.arrays[-len(model.trainable_variables) :]
    if settings["ema"] > 0:
        for variable, array in zip(model.trainable_variables, averages, strict=True):
            variable.assign(np.asarray(array))
    return model
