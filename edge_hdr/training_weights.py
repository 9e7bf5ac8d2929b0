"""Make a trainable model again of a released file: its weights, dequantized, in its architecture.

A file holds no batch norms: they were folded into the convolutions before them. They are unfolded
to what normalizes the activations that the model shows, so that training goes on as it would have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge_hdr.architectures import registry
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import ConfigError, ModelError
from edge_hdr.flatbuffer import Graph, Operator, Tensor, read_graph
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import Manifest, read_model

Folded = tuple[NDArray[np.float32], NDArray[np.float32]]  # kernel and bias

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
PROBES = 512  # drawn digits that both have to agree on
LEAST_AGREEMENT = 0.97  # int8 rounds its activations, a rebuilt model does not


def from_tflite(path: Path, *, images: NDArray[np.uint8] | None = None) -> Any:
    """Rebuild the Keras model that a `.tflite` file was exported from.

    Args:
        path: a float or int8 file of ours, with its manifest packed in.
        images: uint8 (N, 28, 28), normalized digits that batch norms are set by; None draws
            strokes.

    Returns:
        A Keras model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits, under the current
        strategy, that answers as the file does.

    Raises:
        ModelError: the file has no manifest, names no architecture of ours, holds other layers
            than it, or the rebuilt model answers otherwise.
    """
    flatbuffer, manifest = read_model(path)
    model = _architecture(path, manifest)
    probes = make_split(PROBES, seed=0).images if images is None else images[:PROBES]
    try:
        _fill(model, _kernels(read_graph(flatbuffer)))
    except ValueError as error:
        raise ModelError(
            f"{path} does not hold the layers of {model.name}: {error}",
            hint="adapt a model that edge-hdr build made",
        ) from error
    _unfold_norms(model, probes)
    _check_answers(path, model, probes)
    return model


def _architecture(path: Path, manifest: Manifest | None) -> Any:
    """Build the architecture that a manifest names, with its widths."""
    if manifest is None or not manifest.architecture:
        raise ModelError(
            f"{path} does not say which architecture it has",
            hint="adapt a model that edge-hdr build made, or a released one",
        )
    try:
        channels = tuple(int(width) for width in manifest.config.get("channels") or ()) or None
        return registry.build(
            manifest.architecture, channels=channels, classes=len(manifest.labels)
        )
    except (ConfigError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} has an architecture that this edge-hdr does not know: {manifest.architecture}",
            hint="update edge-hdr, or adapt another model",
        ) from error


def _kernels(graph: Graph) -> list[Folded]:
    """Give kernel and bias of each weighted operator, as Keras shapes them, as they run."""
    found = []
    for operator in graph.operators:
        if operator.name in WEIGHTED:
            kernel = _real(graph, operator, 1)
            has_bias = len(operator.inputs) > 2 and operator.inputs[2] >= 0
            turned = _as_keras(operator.name, kernel)
            bias = _real(graph, operator, 2) if has_bias else np.zeros(turned.shape[-1])
            found.append((turned, np.asarray(bias, np.float32)))
    return found


def _as_keras(name: str, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a kernel: (out, h, w, in) to (h, w, in, out), (1, h, w, out) to (h, w, out)."""
    if name == "FULLY_CONNECTED":
        return kernel.T
    return kernel[0] if name == "DEPTHWISE_CONV_2D" else kernel.transpose(1, 2, 3, 0)


def _real(graph: Graph, operator: Operator, position: int) -> NDArray[np.float32]:
    """Give an operator's constant input as real values, through a float16 file's DEQUANTIZE."""
    index = operator.inputs[position]
    made = {index: item for item in graph.operators for index in item.outputs}
    while not graph.tensors[index].is_constant:
        if index not in made or made[index].name != "DEQUANTIZE":
            raise ValueError(f"operator {operator.index} has no stored weights")
        index = made[index].inputs[0]
    return dequantized(graph.tensors[index])


def dequantized(tensor: Tensor) -> NDArray[np.float32]:
    """Give a constant's real values, float32 of its own shape.

    Raises:
        ValueError: it is stored in a form that numpy cannot view.

    Source: LiteRT 8-bit quantization specification, real = scale × (stored − zero point).
    """
    stored = tensor.values()
    if stored is None:
        raise ValueError(f"tensor {tensor.index} is packed")
    if not tensor.scales:
        return stored.astype(np.float32)
    along = [1] * stored.ndim
    if len(tensor.scales) > 1:
        along[tensor.channel_axis] = -1
    scales = np.array(tensor.scales, np.float64).reshape(along)
    zeros = np.array(tensor.zero_points or (0,), np.float64)
    zeros = zeros.reshape(along) if zeros.size > 1 else zeros
    return np.asarray(scales * (stored - zeros), np.float32)


def _fill(model: Any, kernels: list[Folded]) -> None:
    """Put folded kernels and biases into a model; each batch norm only adds the bias.

    Raises:
        ValueError: number or shape of the layers differ.
    """
    layers = [layer for layer in model.layers if hasattr(layer, "kernel_size") or _is_dense(layer)]
    if len(layers) != len(kernels):
        raise ValueError(f"{len(kernels)} layers with weights, not {len(layers)}")
    left = list(kernels)
    for layer in layers:
        _fill_layer(model, layer, *_taken(left, layer))


def _taken(left: list[Folded], layer: Any) -> Folded:
    """Take the first kernel that fits a layer: branches may run in another order."""
    shape = tuple(layer.weights[0].shape)
    for index, (kernel, _) in enumerate(left):
        if shape in {kernel.shape, (*kernel.shape, 1)}:
            return left.pop(index)
    raise ValueError(f"none fits {layer.name}, {shape}")


def _fill_layer(model: Any, layer: Any, kernel: NDArray[np.float32], bias: Any) -> None:
    shaped = kernel.reshape(layer.weights[0].shape)
    layer.set_weights([shaped, bias] if layer.use_bias else [shaped])
    norm = norm_after(model, layer)
    if norm is not None:
        one = np.full(len(bias), 1 - norm.epsilon, np.float32)
        moved = np.zeros_like(bias) if layer.use_bias else bias
        norm.set_weights([np.ones_like(bias), moved, np.zeros_like(bias), one])


def norm_after(model: Any, layer: Any) -> Any:
    """Give the batch norm that takes a layer's output, or None."""
    for node in layer.outbound_nodes:
        after = node.outbound_layer
        if isinstance(after, tf_keras.layers.BatchNormalization) and after in model.layers:
            return after
    return None


def _unfold_norms(model: Any, images: NDArray[np.uint8]) -> None:
    """Give each batch norm the mean and variance that reach it, and undo them by its own scale.

    The model's answers stay as they are, whatever the images.
    """
    norms = [
        layer for layer in model.layers if isinstance(layer, tf_keras.layers.BatchNormalization)
    ]
    if not norms:
        return
    probe = tf_keras.Model(model.input, [norm.input for norm in norms])
    shown = probe(_as_input(images), training=False)
    for norm, values in zip(norms, [shown] if len(norms) == 1 else shown, strict=True):
        axes = list(range(len(values.shape) - 1))
        mean, variance = (part.numpy() for part in tf.nn.moments(values, axes))
        _, beta, *_ = norm.get_weights()
        norm.set_weights([np.sqrt(variance + norm.epsilon), beta + mean, mean, variance])


def _check_answers(path: Path, model: Any, images: NDArray[np.uint8]) -> None:
    """Compare the rebuilt model with the file.

    Raises:
        ModelError: they name other classes too often.
    """
    ours = model(_as_input(images), training=False).numpy().argmax(axis=1)
    theirs = Classifier(path, num_threads=2).logits(images).argmax(axis=1)
    agreement = float(np.mean(ours == theirs))
    if agreement < LEAST_AGREEMENT:
        raise ModelError(
            f"{path} cannot be rebuilt: the same weights in {model.name} agree with it on "
            f"{agreement:.1%} of {len(images)} digits",
            hint="adapt a model that this edge-hdr built",
        )


def _as_input(images: NDArray[np.uint8]) -> Any:
    return tf.constant(images[..., np.newaxis].astype(np.float32) / np.float32(255))


def _is_dense(layer: Any) -> bool:
    return isinstance(layer, tf_keras.layers.Dense)
