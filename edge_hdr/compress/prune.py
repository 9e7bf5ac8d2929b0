"""Magnitude pruning on a polynomial schedule."""

from __future__ import annotations

from typing import Any

import tensorflow_model_optimization as tfmot
import tf_keras

from edge_hdr.architectures.layers import SpaceToDepth
from edge_hdr.errors import ConfigError, nearest

_sparsity = tfmot.sparsity.keras


def prunable(model: Any) -> list[str]:
    """Name the layers whose zeros survive quantization: convolutions and dense layers.

    Depthwise kernels are few and are not kept sparse by prune-preserving training.
    """
    kinds = (tf_keras.layers.Conv2D, tf_keras.layers.Dense)
    depthwise = tf_keras.layers.DepthwiseConv2D
    return [
        layer.name
        for layer in model.layers
        if isinstance(layer, kinds) and not isinstance(layer, depthwise)
    ]


def layer_sparsity(model: Any, sparsity: dict[str, float]) -> dict[str, float]:
    """Spread a wish over the layers.

    Args:
        model: Keras model.
        sparsity: share of zeros in [0, 1) by layer name; "*" stands for every other layer.

    Returns:
        The share of each prunable layer that gets any; the layer of the logits is only pruned
        when it is named.

    Raises:
        ConfigError: a named layer does not exist or cannot be pruned.
    """
    names = prunable(model)
    for name in sparsity:
        if name != "*" and name not in names:
            raise ConfigError(
                f"--sparsity names no prunable layer {name!r}", hint=nearest(name, names)
            )
    common = sparsity.get("*", 0.0)
    shares = {name: sparsity.get(name, common) for name in names[:-1]}
    shares[names[-1]] = sparsity.get(names[-1], 0.0)
    return {name: share for name, share in shares.items() if share > 0}


def wrap(model: Any, shares: dict[str, float], *, steps: int) -> Any:
    """Wrap the layers to be pruned.

    Args:
        model: trained Keras model.
        shares: final share of zeros by layer.
        steps: of the whole phase; zeros grow over the first 60 % of them and then stay.

    Returns:
        A Keras model with the same interface; `strip` takes the wrappers off.

    Source: M. Zhu, S. Gupta, To prune, or not to prune, arXiv 1710.01878.
    """

    def clone(layer: Any) -> Any:
        if layer.name not in shares:
            return layer.__class__.from_config(layer.get_config())
        end = max(2, int(steps * 0.6))
        schedule = _sparsity.PolynomialDecay(
            0.0, shares[layer.name], begin_step=0, end_step=end, frequency=max(1, end // 40)
        )
        return _sparsity.prune_low_magnitude(layer, pruning_schedule=schedule)

    with tf_keras.utils.custom_object_scope({"SpaceToDepth": SpaceToDepth}):
        wrapped = tf_keras.models.clone_model(model, clone_function=clone)
    for layer in wrapped.layers:
        inner = getattr(layer, "layer", layer)
        if inner.weights:
            inner.set_weights(model.get_layer(inner.name).get_weights())
    for layer in _wrappers(wrapped):
        layer.pruning_step.assign(0)  # the wrapper counts on from here; its own callback is Keras's
    return wrapped


def strip(model: Any, into: Any) -> Any:
    """Take the pruning wrappers off; the zeros stay.

    Args:
        model: trained, as `wrap` gave it.
        into: a fresh model of the same architecture that takes the weights; layers of a stripped
            clone keep their old graph, from which nothing can be probed.

    Returns:
        `into`.
    """
    with tf_keras.utils.custom_object_scope({"SpaceToDepth": SpaceToDepth}):
        stripped = _sparsity.strip_pruning(model)
    for layer in into.layers:
        layer.set_weights(stripped.get_layer(layer.name).get_weights())
    return into


def settle(model: Any) -> None:
    """Zero what the masks say, in weights that were averaged or restored."""
    for layer in _wrappers(model):
        layer.pruning_obj.weight_mask_op()


def _wrappers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if hasattr(layer, "pruning_obj")]
