"""Train the context net and make it an int8 file."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tf_keras import Input, Model, callbacks, layers, losses, optimizers, utils

from edge_hdr.context.material import Material
from edge_hdr.data.dataset import Progress
from edge_hdr.slim import slim
from edge_hdr_device.context import LEVELS, SIDE_PX
from edge_hdr_device.quiet import native_output_hidden

CHANNELS = (12, 24, 40, 40)
BATCH = 128
LEARNING_RATE = 4e-3
OTHERS_WEIGHT = 3.0  # of the loss of what is no digit, of which there is less
LABEL_SMOOTHING = 0.01
INVERTED = 0.15  # of the examples are shown with ink and paper exchanged
GAIN = (0.7, 1.3)  # of the contrast
CALIBRATION = 1_000  # examples that set the int8 file's ranges


def context_net() -> Any:
    """Build the net: a convolution, three separable ones, their mean, one logit."""
    x = inputs = Input((SIDE_PX, SIDE_PX, 2), name="surroundings")
    x = layers.Conv2D(CHANNELS[0], 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for width, stride in zip(CHANNELS[1:], (2, 2, 1), strict=True):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(width, 1, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(1, name="digit")(x), name="context")


def train(
    material: Material, *, epochs: int, seed: int = 0, progress: Progress | None = None
) -> Any:
    """Train a net on material.

    Args:
        material: at least one region.
        epochs: passes over it.
        seed: of weights, order and augmentation; after `training_setup.prepare`, the same one gives
            the same net.
        progress: told how many steps are done.
    """
    utils.set_random_seed(seed)
    model = context_net()
    steps = -(-epochs * len(material) // BATCH)
    model.compile(
        optimizers.Adam(optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING),
    )
    labels = material.digit.astype(np.float32)[:, None]
    weights = np.where(material.digit, 1.0, OTHERS_WEIGHT).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices((material.seen, labels, weights))
    batches = batches.shuffle(len(material), seed=seed).repeat(epochs).batch(BATCH)
    model.fit(batches.map(_varied), epochs=1, verbose=0, callbacks=_told(progress, steps))
    return model


def _told(progress: Progress | None, steps: int) -> list[Any]:
    if progress is None:
        return []
    return [
        callbacks.LambdaCallback(
            on_batch_end=lambda batch, logs: progress("training", batch + 1, steps)
        )
    ]


def _varied(seen: Any, labels: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Change the contrast of a batch, and now and then exchange ink and paper."""
    real = tf.cast(seen, tf.float32) / LEVELS
    shape = [tf.shape(real)[0], 1, 1, 1]
    gain = tf.random.uniform(shape, *GAIN)
    gain *= tf.where(tf.random.uniform(shape) < INVERTED, -1.0, 1.0)
    picture = tf.clip_by_value(real[..., :1] * gain, -1.0, 1.0)
    return tf.concat([picture, real[..., 1:]], axis=-1), labels, weights


def lower(model: Any, by: float) -> None:
    """Subtract a threshold from a net's logits, so that a veto begins below 0."""
    bias = model.get_layer("digit").bias
    bias.assign(bias - by)


def to_int8(model: Any, material: Material) -> bytes:
    """Convert a net to a slim int8 file, its ranges set by material."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    rows = np.linspace(0, len(material) - 1, min(CALIBRATION, len(material))).astype(int)
    sample = material.seen[rows]
    sample[0, 0, :2, 0] = -LEVELS - 1, LEVELS  # so that the file takes `seen` as it is
    converter.representative_dataset = lambda: _one_by_one(sample)
    with (
        native_output_hidden(),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        return slim(bytes(converter.convert()))


def _one_by_one(seen: NDArray[np.int8]) -> Iterator[list[NDArray[np.float32]]]:
    for one in seen:
        yield [one[None].astype(np.float32) / np.float32(LEVELS)]
