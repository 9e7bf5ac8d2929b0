"""A Keras chain of layers as an ONNX graph, for onnxruntime to run the same network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET, IR_VERSION = 17, 8  # what every onnxruntime of the last years reads


class _Graph:
    """Nodes and weights of a graph that grows layer by layer; tensors are (N, C, H, W)."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.last = "image"

    def add(self, operator: str, *weights: NDArray[Any], **attributes: Any) -> None:
        """Append an operator to the last tensor; the weights are its further inputs."""
        from onnx import helper, numpy_helper

        name = f"{operator.lower()}_{len(self.nodes)}"
        inputs = [self.last]
        for number, values in enumerate(weights):
            inputs.append(f"{name}_{number}")
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), inputs[-1]))
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        self.last = name


def to_onnx(model: Any, *, classes: int = 10) -> bytes:
    """Write a Keras model as ONNX, channels first, as onnxruntime's kernels want them.

    Batch norm is left as it is: onnxruntime folds it into the convolution before.

    Args:
        model: a chain of the layers of `LAYERS`, from float32 (N, 28, 28, 1) to logits.
        classes: number of outputs.

    Returns:
        The bytes of a file from "image" float32 (N, 1, 28, 28) to "logits" float32 (N, classes).

    Raises:
        ValueError: a layer that is not written here, or a model that is no chain.
    """
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in LAYERS or (len(layer.inbound_nodes) > 1 or isinstance(layer.input, list)):
            raise ValueError(f"the layer {layer.name} ({kind}) is not written as ONNX")
        LAYERS[kind](graph, layer)
    graph.nodes[-1].output[0] = "logits"
    source = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])
    target = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])
    whole = helper.make_graph(graph.nodes, model.name, [source], [target], graph.weights)
    opset = [helper.make_opsetid("", OPSET)]
    result = helper.make_model(whole, opset_imports=opset, ir_version=IR_VERSION)
    checker.check_model(result)
    return bytes(result.SerializeToString())


def _weights(layer: Any) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
    """Give a layer's kernel, and its bias where it has one."""
    kernel, *bias = layer.get_weights()
    return kernel, tuple(bias)


def _activation(graph: _Graph, layer: Any) -> None:
    name = getattr(layer.activation, "__name__", "")
    if name not in {"linear", "relu"}:
        raise ValueError(f"the activation {name} of {layer.name} is not written as ONNX")
    if name == "relu":
        graph.add("Relu")


def _padding(layer: Any) -> str:
    return "SAME_UPPER" if layer.padding == "same" else "VALID"


def _conv(graph: _Graph, layer: Any) -> None:
    kernel, bias = _weights(layer)
    weights = kernel.transpose(3, 2, 0, 1)
    graph.add("Conv", weights, *bias, auto_pad=_padding(layer), strides=list(layer.strides))
    _activation(graph, layer)


def _depthwise(graph: _Graph, layer: Any) -> None:
    kernel, bias = _weights(layer)
    weights = kernel.transpose(2, 3, 0, 1)  # (C, 1, H, W), one filter a channel
    graph.add(
        "Conv",
        weights,
        *bias,
        auto_pad=_padding(layer),
        strides=list(layer.strides),
        group=len(weights),
    )
    _activation(graph, layer)


def _norm(graph: _Graph, layer: Any) -> None:
    graph.add("BatchNormalization", *layer.get_weights(), epsilon=float(layer.epsilon))


def _pool(graph: _Graph, layer: Any) -> None:
    sizes = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
    graph.add("MaxPool", auto_pad=_padding(layer), **sizes)


def _flatten(graph: _Graph, layer: Any) -> None:
    if len(layer.input.shape) == 4 and max(layer.input.shape[1:3]) > 1:
        graph.add("Transpose", perm=[0, 2, 3, 1])  # Keras flattens channels last
    graph.add("Flatten")


def _dense(graph: _Graph, layer: Any) -> None:
    graph.add("Gemm", *layer.get_weights())
    _activation(graph, layer)


def _nothing(graph: _Graph, layer: Any) -> None:
    """Skip what does nothing when a digit is read."""


LAYERS: dict[str, Callable[[_Graph, Any], None]] = {
    "InputLayer": _nothing,
    "Dropout": _nothing,
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "BatchNormalization": _norm,
    "ReLU": lambda graph, _: graph.add("Relu"),
    "MaxPooling2D": _pool,
    "Flatten": _flatten,
    "Dense": _dense,
    "SpaceToDepth": lambda graph, layer: graph.add("SpaceToDepth", blocksize=layer.block),
}
