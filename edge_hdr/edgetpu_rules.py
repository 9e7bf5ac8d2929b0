"""What the Edge TPU takes of a model, by the rules that Coral publishes.

Source: "TensorFlow models on the Edge TPU", https://coral.ai/docs/edgetpu/models-intro/: the
requirements, and the table of supported operators with their limits (runtime 14, compiler 16).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.flatbuffer import Graph, Operator, Tensor

Rule = Callable[[Graph, Operator], str]

CUSTOM_OPERATOR = "edgetpu-custom-op"  # what the compiler puts in place of the operators it maps
MOST_SOFTMAX = 16_000
_EIGHT_BIT = {"int8", "uint8"}
_UNLIMITED = {
    "ADD", "EXPAND_DIMS", "L2_NORMALIZATION", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "QUANTIZE",
    "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
    "RSQRT", "SLICE", "SPACE_TO_DEPTH", "SQUARED_DIFFERENCE", "SUB", "TANH", "TRANSPOSE",
    "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
}  # fmt: skip
_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "PRELU", "TRANSPOSE_CONV"}


@dataclass(frozen=True)
class Placement:
    """Where an operator runs.

    Attributes:
        index: place in the order in which they run.
        name: as in the schema, "CONV_2D".
        complaint: the rule that it breaks; empty when it keeps them all.
        behind: the operator that ended the part for the Edge TPU, when this one comes later.
    """

    index: int
    name: str
    complaint: str
    behind: int | None

    @property
    def mapped(self) -> bool:
        """Tell whether the Edge TPU runs it; otherwise the CPU does."""
        return not self.complaint and self.behind is None

    @property
    def reason(self) -> str:
        """Say why the CPU runs it; empty when the Edge TPU does."""
        if self.complaint or self.behind is None:
            return self.complaint
        return f"comes after operator {self.behind}; only what is before it is one part"

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        fields = {"index": self.index, "name": self.name, "mapped": self.mapped}
        return {**fields, "reason": self.reason, "breaks_rule": bool(self.complaint)}


def place(graph: Graph) -> tuple[Placement, ...]:
    """Find for each operator whether the Edge TPU runs it, and why not.

    A model is parted once: the first operator that breaks a rule and all behind it run on the
    CPU. A QUANTIZE of a float input stays on the CPU and parts nothing.
    """
    placements: list[Placement] = []
    behind: int | None = None
    for operator in graph.operators:
        complaint = _complaint(graph, operator)
        placements.append(Placement(operator.index, operator.name, complaint, behind))
        entry = operator.name == "QUANTIZE" and operator.inputs[0] in graph.inputs
        if complaint and behind is None and not entry:
            behind = operator.index
    return tuple(placements)


def suspects(placements: Sequence[Placement]) -> list[str]:
    """Name each operator that breaks a rule, with the rule."""
    guilty = [item for item in placements if item.complaint]
    return [f"operator {item.index} {item.name} ({item.complaint})" for item in guilty]


def _complaint(graph: Graph, operator: Operator) -> str:
    """Say which rule an operator breaks: a general one, or one of its own."""
    if operator.name not in _UNLIMITED and operator.name not in _LIMITED:
        return "the Edge TPU has no such operator"
    outputs = [graph.tensors[index] for index in operator.outputs]
    for item in (*_inputs(graph, operator), *outputs):
        if complaint := _tensor_complaint(item):
            return complaint
    if operator.name in _WEIGHTED and not graph.tensors[operator.inputs[1]].is_constant:
        return "its weights are computed; they must be stored"
    rule = _LIMITED.get(operator.name)
    return rule(graph, operator) if rule else ""


def _tensor_complaint(item: Tensor) -> str:
    """Check a tensor's type, and an activation's sizes; a state is left to its kernel."""
    whole = item.dtype in {"int32", "int64"}  # biases, sizes and axes
    if item.is_constant:
        fits = whole or item.dtype in _EIGHT_BIT
        return "" if fits else f"a constant of it is {item.dtype}, not 8 bits wide"
    if item.is_variable:
        return ""
    if whole:
        return "sizes or axes of it are computed; they must be stored"
    if item.dtype not in _EIGHT_BIT or not item.scales:
        return f"it computes in {item.dtype}; it must be quantized to 8 bits"
    return _shape_complaint(item)


def _shape_complaint(item: Tensor) -> str:
    if not item.is_static:
        return "a size is left open; all must be fixed, the batch too"
    if any(size != 1 for size in item.shape[:-3]):
        shape = "×".join(map(str, item.shape))
        return f"its tensor {shape} has more than the innermost three sizes above 1"
    return ""


def _no_activation(graph: Graph, operator: Operator) -> str:
    fused = operator.options.get("fusedActivationFunction", 0)
    return "an activation is fused to it" if fused else ""


def _concatenation(graph: Graph, operator: Operator) -> str:
    constants = [item for item in _inputs(graph, operator) if item.is_constant]
    zero = all(bool(np.all(_values(item) == sum(item.zero_points))) for item in constants)
    if constants and (len(operator.inputs) != 2 or not zero):
        return "it takes a constant that is not one block of zeros beside one tensor"
    return _no_activation(graph, operator)


def _same_dilation(graph: Graph, operator: Operator) -> str:
    width, height = (operator.options.get(f"dilation{end}Factor", 1) for end in ("W", "H"))
    return f"its dilation {width}×{height} differs in width and height" if width != height else ""


def _fully_connected(graph: Graph, operator: Operator) -> str:
    """Check a dense layer.

    Since 2024 TensorFlow gives each output's weights a scale of their own, which the compiler of
    2021 was not made for: what it took before is refused.

    Source: tensorflow/tflite-micro#2602; tensorflow/tensorflow#73946.
    """
    if operator.options.get("weightsFormat", 0):
        return "its weights are stored in another than the default format"
    output = graph.tensors[operator.outputs[0]]
    if sum(size > 1 for size in output.shape) > 1:
        return "its output has more than one size above 1"
    if len(graph.tensors[operator.inputs[1]].scales) > 1:
        return "its weights have a scale for each output, which is newer than the compiler"
    return ""


def _mean(graph: Graph, operator: Operator) -> str:
    shape = graph.tensors[operator.inputs[0]].shape
    if len(shape) - 1 in _axes(graph, operator, 1) and shape[-1] % 4:
        return f"it averages over {shape[-1]} channels, no multiple of 4"
    return _not_over_batch(graph, operator)


def _not_over_batch(graph: Graph, operator: Operator) -> str:
    return "it reduces the batch" if 0 in _axes(graph, operator, 1) else ""


def _pack(graph: Graph, operator: Operator) -> str:
    return "it packs along the batch" if operator.options.get("axis", 0) == 0 else ""


def _pad(graph: Graph, operator: Operator) -> str:
    paddings = _values(graph.tensors[operator.inputs[1]])
    pads_batch = len(paddings) > 3 and bool(np.any(paddings[:-3]))
    return "it pads the batch" if pads_batch else ""


def _prelu(graph: Graph, operator: Operator) -> str:
    alpha = graph.tensors[operator.inputs[1]].shape
    return "its slope differs from place to place" if any(size > 1 for size in alpha[:-1]) else ""


def _softmax(graph: Graph, operator: Operator) -> str:
    item = graph.tensors[operator.inputs[0]]
    if sum(size > 1 for size in item.shape) > 1:
        return "its input has more than one size above 1"
    return f"it has over {MOST_SOFTMAX:,} elements" if item.elements > MOST_SOFTMAX else ""


def _split(graph: Graph, operator: Operator) -> str:
    rank = len(graph.tensors[operator.inputs[1]].shape)
    axis = int(_values(graph.tensors[operator.inputs[0]]).item()) % rank
    return "it splits the batch" if rank > 3 and axis < rank - 3 else ""


def _squeeze(graph: Graph, operator: Operator) -> str:
    shape = graph.tensors[operator.inputs[0]].shape
    leading = next((place for place, size in enumerate(shape) if size > 1), len(shape))
    return "a size of 1 behind a larger one is squeezed" if 1 in shape[leading:] else ""


def _strided_slice(graph: Graph, operator: Operator) -> str:
    if bool(np.any(_values(graph.tensors[operator.inputs[3]]) != 1)):
        return "its stride is not 1"
    masks = [name for name in ("ellipsisMask", "newAxisMask") if operator.options.get(name, 0)]
    return "it has an ellipsis or a new axis" if masks else ""


def _inputs(graph: Graph, operator: Operator) -> list[Tensor]:
    return [graph.tensors[index] for index in operator.inputs if index >= 0]


def _axes(graph: Graph, operator: Operator, place: int) -> set[int]:
    """Give the axes that a reduction runs over, counted from the front."""
    rank = len(graph.tensors[operator.inputs[0]].shape)
    return {int(axis) % rank for axis in _values(graph.tensors[operator.inputs[place]]).flat}


def _values(item: Tensor) -> NDArray[Any]:
    values = item.values()
    return np.zeros(0) if values is None else values


_LIMITED: dict[str, Rule] = {
    "AVERAGE_POOL_2D": _no_activation,
    "CONCATENATION": _concatenation,
    "CONV_2D": _same_dilation,
    "DEPTHWISE_CONV_2D": _same_dilation,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _no_activation,
    "MEAN": _mean,
    "PACK": _pack,
    "PAD": _pad,
    "PRELU": _prelu,
    "REDUCE_MAX": _not_over_batch,
    "REDUCE_MIN": _not_over_batch,
    "SOFTMAX": _softmax,
    "SPLIT": _split,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUM": _not_over_batch,
}
