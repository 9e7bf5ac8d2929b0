"""The tf.data input of training: the order and the augmentation follow from the seed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from edge_hdr.data.augment import Augmentation, augment
from edge_hdr.data.dataset import Split

if TYPE_CHECKING:
    from edge_hdr.training_recipe import Recipe

EVALUATION_BATCH = 500


def training_batches(
    split: Split, recipe: Recipe, first_epoch: int, augmentation: Augmentation | None
) -> Any:
    """Stream batches from an epoch on, shared out over the replicas of the current strategy.

    Args:
        split: the training examples; those left over by whole batches change with each epoch.
        recipe: batch size (a multiple of the number of replicas), epochs and seed.
        first_epoch: where to begin, from 0.
        augmentation: None feeds the images as they are.

    Returns:
        A distributed dataset of (float32 (n, 28, 28, 1) in [0, 1], int32 (n,)), n a replica's
        share of the batch.
    """
    strategy = tf.distribute.get_strategy()
    images = tf.constant(split.images[..., np.newaxis])
    labels = tf.constant(split.labels.astype(np.int32))
    count, size = len(split), min(recipe.batch_size, len(split))
    steps = max(1, count // size)

    def make(context: Any) -> Any:
        local = context.num_replicas_in_sync // context.num_input_pipelines
        share = size // context.num_replicas_in_sync

        def shares(epoch: tf.Tensor) -> Any:
            order = tf.random.experimental.stateless_shuffle(
                tf.range(count), seed=tf.stack([tf.constant(recipe.seed, tf.int64), epoch])
            )
            return tf.data.Dataset.range(steps * local).map(
                lambda number: _take(order, epoch, number)
            )

        def _take(order: tf.Tensor, epoch: tf.Tensor, number: tf.Tensor) -> tuple[Any, Any]:
            step, replica = number // local, number % local
            position = context.input_pipeline_id * local + replica
            index = order[step * size + position * share :][:share]
            seed = tf.stack([recipe.seed * 1_000_003 + epoch, step * 4099 + position])
            return index, seed

        def examples(index: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            index = tf.ensure_shape(index, (share,))
            batch = tf.cast(tf.gather(images, index), tf.float32) / 255.0
            if augmentation is not None:
                batch = augment(batch, tf.cast(seed, tf.int32), augmentation)
            return batch, tf.gather(labels, index)

        epochs = tf.data.Dataset.range(first_epoch, recipe.epochs)
        batches = epochs.flat_map(shares).map(examples, num_parallel_calls=2, deterministic=True)
        return batches.prefetch(4)

    return strategy.distribute_datasets_from_function(make)


def evaluation_batches(split: Split) -> Any:
    """Yield (float32 (n, 28, 28, 1) in [0, 1], int32 (n,)) over a split, in order."""
    for start in range(0, len(split), EVALUATION_BATCH):
        images = split.images[start : start + EVALUATION_BATCH, ..., np.newaxis]
        labels = split.labels[start : start + EVALUATION_BATCH].astype(np.int32)
        yield tf.constant(images.astype(np.float32) / np.float32(255)), tf.constant(labels)
