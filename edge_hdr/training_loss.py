"""What a model is trained to make small: the loss of digits, of non-digits and of a teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from edge_hdr.training_recipe import Recipe


def loss_of(
    model: Any, images: tf.Tensor, labels: tf.Tensor, recipe: Recipe, teacher: Any = None
) -> tf.Tensor:
    """Give this replica's share of the mean loss over the global batch.

    Args:
        model: Keras model to logits, run as in training.
        images: float32 (n, 28, 28, 1) in [0, 1].
        labels: int32 (n,), −1 for a non-digit.
        recipe: batch size, label smoothing, the weights of teacher and non-digits.
        teacher: Keras model whose logits are distilled, of digits alone.
    """
    logits = model(images, training=True)
    classes = logits.shape[-1]
    smooth = recipe.label_smoothing
    target = tf.one_hot(labels, classes) * (1 - smooth) + smooth / classes
    losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
    if teacher is not None and recipe.distill > 0:
        heat = recipe.distill_temperature
        soft = tf.nn.softmax(teacher(images, training=False) / heat)
        taught = tf.nn.softmax_cross_entropy_with_logits(soft, logits / heat) * heat**2
        losses = (1 - recipe.distill) * losses + recipe.distill * taught
    losses = tf.where(labels < 0, recipe.outlier_weight * preference(logits), losses)
    return tf.reduce_sum(losses) / recipe.batch_size


def preference(logits: tf.Tensor) -> tf.Tensor:
    """Give how far answers are from preferring no class, in nats: float32 (n,), 0 for equal logits.

    Args:
        logits: float32 (n, classes).

    Source: D. Hendrycks et al., Deep Anomaly Detection with Outlier Exposure, 2019, less the
    constant logarithm of the number of classes.
    """
    even = tf.ones_like(logits) / logits.shape[-1]
    return tf.nn.softmax_cross_entropy_with_logits(even, logits) - np.log(logits.shape[-1])
