"""The tf.data input of training: order, mix and augmentation follow from the seed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from edge_hdr.data.augment import Augmentation, augment
from edge_hdr.data.dataset import Split, joined
from edge_hdr.exposure.material import Exposure
from edge_hdr.training_degrade import degrade

if TYPE_CHECKING:
    from edge_hdr.training_recipe import Recipe

EVALUATION_BATCH = 500


def training_batches(
    split: Split,
    recipe: Recipe,
    first_epoch: int,
    augmentation: Augmentation | None,
    exposure: Exposure | None = None,
) -> Any:
    """Stream batches from an epoch on, shared out over the replicas of the current strategy.

    Every epoch has as many examples as the split. With an exposure they are drawn anew for each
    epoch from its digits, its non-digits and the split, by the recipe's shares.

    Args:
        split: the training examples; those left over by whole batches change with each epoch.
        recipe: batch size (a multiple of the number of replicas), epochs, shares and seed.
        first_epoch: where to begin, from 0.
        augmentation: None feeds the images as they are, undamaged as well.
        exposure: what is mixed in; None is nothing.

    Returns:
        A distributed dataset of (float32 (n, 28, 28, 1) in [0, 1], int32 (n,)), n a replica's
        share of the batch; a non-digit has label −1.
    """
    strategy = tf.distribute.get_strategy()
    exposure = exposure or Exposure()
    pool = joined(split, exposure.as_split())
    images = tf.constant(pool.images[..., np.newaxis])
    labels = tf.constant(pool.labels.astype(np.int32))
    count, size = len(split), min(recipe.batch_size, len(split))
    steps = max(1, count // size)
    parts = mix(count, exposure, recipe)

    def make(context: Any) -> Any:
        local = context.num_replicas_in_sync // context.num_input_pipelines
        share = size // context.num_replicas_in_sync

        def shares(epoch: tf.Tensor) -> Any:
            order = _order(parts, recipe.seed, epoch)
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
                if recipe.degrade > 0:
                    batch = degrade(batch, tf.cast(seed, tf.int32), recipe.degrade)
            return batch, tf.gather(labels, index)

        epochs = tf.data.Dataset.range(first_epoch, recipe.epochs)
        batches = epochs.flat_map(shares).map(examples, num_parallel_calls=2, deterministic=True)
        return batches.prefetch(4)

    return strategy.distribute_datasets_from_function(make)


def mix(count: int, exposure: Exposure, recipe: Recipe) -> list[tuple[int, int]]:
    """Decide what an epoch of `count` examples is drawn from.

    Args:
        count: of the published examples, and of an epoch.
        exposure: what is mixed in; a part of it that is smaller than its share is taken whole.
        recipe: the shares.

    Returns:
        (size of the pool, examples drawn from it an epoch) of the published examples, of the
        exposure's digits and of its non-digits.
    """
    found, others = len(exposure.digits), len(exposure.others)
    some = min(found, int(recipe.exposure_share * count))
    strange = min(others, int(recipe.outlier_share * count))
    return [(count, count - some - strange), (found, some), (others, strange)]


def _order(parts: list[tuple[int, int]], seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """Draw an epoch's examples from each pool and shuffle them, as indices into all pools."""
    drawn, start = [], 0
    first = tf.stack([tf.constant(seed, tf.int64), epoch])
    for number, (pool, wanted) in enumerate(parts):
        if wanted:
            own = first + tf.constant([0, (number + 1) << 32], tf.int64)
            shuffled = tf.random.experimental.stateless_shuffle(tf.range(pool), seed=own)
            drawn.append(start + shuffled[:wanted])
        start += pool
    return tf.random.experimental.stateless_shuffle(tf.concat(drawn, axis=0), seed=first)


def evaluation_batches(split: Split) -> Any:
    """Yield (float32 (n, 28, 28, 1) in [0, 1], int32 (n,)) over a split, in order."""
    for start in range(0, len(split), EVALUATION_BATCH):
        images = split.images[start : start + EVALUATION_BATCH, ..., np.newaxis]
        labels = split.labels[start : start + EVALUATION_BATCH].astype(np.int32)
        yield tf.constant(images.astype(np.float32) / np.float32(255)), tf.constant(labels)
