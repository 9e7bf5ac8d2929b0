"""Quantization-aware training: wrap a trained model so that it learns under int8 rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from numpy.typing import NDArray

from edge_hdr.architectures.layers import SpaceToDepth

_keras = tfmot.quantization.keras
_combine = tfmot.experimental.combine


class PassThrough(_keras.QuantizeConfig):  # type: ignore[name-defined]
    """Leave a layer that only moves values with the range of its input."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        """Give none: there are no weights."""
        return []

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        """Give none: there is no activation."""
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Take nothing."""

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """Take nothing."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Give none: the output's range is the input's."""
        return []

    def get_config(self) -> dict[str, Any]:
        """Give nothing: there is no setting."""
        return {}


@tf.autograph.experimental.do_not_convert  # no layer needs it, and it takes seconds
def quantization_aware(
    model: Any, calibration: NDArray[np.uint8], *, preserve_sparsity: bool = False
) -> Any:
    """Wrap a trained model for quantization-aware training.

    Weights are rounded per channel, activations per tensor. The activation ranges start at what
    the trained model shows on the calibration images, and the input's at [0, 1] exactly, so that
    its scale is 1/255 and its zero point −128.

    Args:
        model: trained Keras model from float32 (N, 28, 28, 1) in [0, 1] to logits.
        calibration: uint8 (N, 28, 28), representative training images.
        preserve_sparsity: keep weights that are zero at zero (after pruning).

    Returns:
        A Keras model with the same interface, under the current distribution strategy.

    Source: B. Jacob et al., arXiv 1712.05877; tfmot's default 8-bit scheme.
    """
    scope = {"SpaceToDepth": SpaceToDepth, "PassThrough": PassThrough}
    with tf_keras.utils.custom_object_scope(scope), _keras.quantize_scope(scope):
        annotated = tf_keras.models.clone_model(model, clone_function=_annotate)
        _copy_weights(model, annotated)
        arguments = (
            {"scheme": _combine.Default8BitPrunePreserveQuantizeScheme()}
            if preserve_sparsity
            else {}
        )
        wrapped = _keras.quantize_apply(annotated, **arguments)
    _calibrate(model, wrapped, calibration)
    return wrapped


def _annotate(layer: Any) -> Any:
    if isinstance(layer, SpaceToDepth):
        return _keras.quantize_annotate_layer(layer, PassThrough())
    return _keras.quantize_annotate_layer(layer)


def _copy_weights(source: Any, target: Any) -> None:
    for layer in target.layers:
        inner = getattr(layer, "layer", layer)
        if inner.weights:
            inner.set_weights(source.get_layer(inner.name).get_weights())


def _calibrate(model: Any, wrapped: Any, calibration: NDArray[np.uint8]) -> None:
    """Set the ranges of the activations to what the trained model shows."""
    images = tf.constant(calibration[..., np.newaxis].astype(np.float32) / np.float32(255))
    probe = tf_keras.Model(model.input, [layer.output for layer in model.layers])
    outputs = dict(zip((layer.name for layer in model.layers), probe(images), strict=True))
    for layer in wrapped.layers:
        ranges = {_ending(weight): weight for weight in layer.weights}
        inner = getattr(layer, "layer", None)
        if inner is None and "quantize_layer_min" in ranges:
            ranges["quantize_layer_min"].assign(0.0)
            ranges["quantize_layer_max"].assign(1.0)
        for kind in ("output", "post_activation"):
            if inner is not None and f"{kind}_min" in ranges:
                shown = outputs[inner.name]
                ranges[f"{kind}_min"].assign(tf.minimum(tf.reduce_min(shown), 0.0))
                ranges[f"{kind}_max"].assign(tf.reduce_max(shown))


def _ending(weight: Any) -> str:
    return str(weight.name.split("/")[-1].split(":")[0])
