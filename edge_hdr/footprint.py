"""Footprint: what a model file costs in bytes, memory and multiplications."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from edge_hdr import arena
from edge_hdr.flatbuffer import Graph, Operator, Tensor, read_graph
from edge_hdr_device.interpreter import open_interpreter
from edge_hdr_device.manifest import unpack

# operators that multiply and accumulate, but whose MACs are not counted here
_UNCOUNTED = {"TRANSPOSE_CONV", "CONV_3D", "CONV_3D_TRANSPOSE", "BATCH_MATMUL", "SVDF", "RNN"}
_UNCOUNTED |= {"LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"}


@dataclass(frozen=True)
class OperatorFootprint:
    """One operator, at batch 1.

    Attributes:
        index: place in the order in which they run.
        name: as in the TFLite schema, "CONV_2D".
        input_shape: of its first input.
        output_shape: of its first output.
        kernel: shape of its weight tensor; empty without one.
        input_dtype: of its first input.
        weight_dtype: as stored in the file; empty without weights.
        output_dtype: of its first output.
        parameters: values of its weights and bias.
        macs: multiply-accumulates; 0 for operators without weights.
        weight_bytes: bytes of its weights and bias in the file.
        sparsity: share of zeros in its weight tensor, bias not counted; None without one.
        delegated: XNNPACK runs it; None when that could not be read.
        on_constants: computed once from constants, as a float16 file's DEQUANTIZE.
    """

    index: int
    name: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    kernel: tuple[int, ...]
    input_dtype: str
    weight_dtype: str
    output_dtype: str
    parameters: int
    macs: int
    weight_bytes: int
    sparsity: float | None
    delegated: bool | None
    on_constants: bool


@dataclass(frozen=True)
class Footprint:
    """What a model file costs.

    Attributes:
        parameters: values of all weights and biases; shapes and axes are not counted.
        macs: multiply-accumulates of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED at batch 1.
        macs_not_counted: other operators that multiply and accumulate.
        weight_bytes: of weights and biases in the file, a shared buffer counted once.
        flatbuffer_bytes: the model without a packed manifest.
        file_bytes: the file.
        gzip_bytes: the file after gzip -9.
        sparsity: share of zeros in all weight tensors together; None where it cannot be read.
        arena_bytes: memory for activations.
        arena_method: how `arena_bytes` was found.
        delegate: "xnnpack".
        delegated: number of operators that the delegate runs; None when it could not be read.
        delegate_note: why `delegated` is None, or empty.
        operators: in the order in which they run.
    """

    parameters: int
    macs: int
    macs_not_counted: tuple[str, ...]
    weight_bytes: int
    flatbuffer_bytes: int
    file_bytes: int
    gzip_bytes: int
    sparsity: float | None
    arena_bytes: int
    arena_method: str
    delegate: str
    delegated: int | None
    delegate_note: str
    operators: tuple[OperatorFootprint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        return dataclasses.asdict(self)


def footprint(file: bytes) -> Footprint:
    """Measure a model file.

    Args:
        file: a TFLite model with or without a packed manifest.

    Raises:
        DependencyError: ai-edge-litert is not installed.
        ModelError: no TFLite file, or damaged.
    """
    flatbuffer, _ = unpack(file)
    taken, note = _delegation(flatbuffer)
    graph = read_graph(flatbuffer)
    operators = tuple(_operator(graph, operator, taken) for operator in graph.operators)
    weights = {tensor.buffer: tensor for tensor in _weights(graph)}
    return Footprint(
        parameters=sum(tensor.elements for tensor in _weights(graph)),
        macs=sum(operator.macs for operator in operators),
        macs_not_counted=tuple(sorted({item.name for item in operators} & _UNCOUNTED)),
        weight_bytes=sum(len(tensor.content) for tensor in weights.values()),
        flatbuffer_bytes=len(flatbuffer),
        file_bytes=len(file),
        gzip_bytes=len(gzip.compress(file, compresslevel=9, mtime=0)),
        sparsity=_total_sparsity(graph),
        arena_bytes=arena.plan(arena.activation_needs(graph)),
        arena_method=arena.METHOD,
        delegate="xnnpack",
        delegated=None if taken is None else len(taken),
        delegate_note=note,
        operators=operators,
    )


def delegated_operators(nodes: Sequence[dict[str, Any]]) -> set[int]:
    """Find the operators that a delegate took over.

    The interpreter lists the model's own operators and, behind them, a DELEGATE node for each
    part that was replaced. What such a node reads comes from outside the part, so every tensor
    on the way back from its outputs that it does not read was made by an operator inside.

    Args:
        nodes: `op_name`, `inputs` and `outputs` of each node, as an interpreter gives them.

    Returns:
        Indices of the operators that lie inside a DELEGATE node.
    """
    makers = {
        int(tensor): index
        for index, node in enumerate(nodes)
        if node["op_name"] != "DELEGATE"
        for tensor in node["outputs"]
    }
    taken: set[int] = set()
    for node in nodes:
        if node["op_name"] != "DELEGATE":
            continue
        outside = {int(tensor) for tensor in node["inputs"]}
        wanted = [int(tensor) for tensor in node["outputs"]]
        while wanted:
            maker = makers.get(wanted.pop())
            if maker is None or maker in taken:
                continue
            taken.add(maker)
            wanted += [int(item) for item in nodes[maker]["inputs"] if int(item) not in outside]
    return taken


def zero_share(tensor: Tensor) -> float | None:
    """Give the share of a weight tensor's values that stand for 0.0; None if it cannot be read."""
    values = tensor.values()
    if values is None or not values.size:
        return None
    zeros: Any = tensor.zero_points[0] if tensor.zero_points else 0
    if len(tensor.zero_points) > 1:
        shape = [1] * values.ndim
        shape[tensor.channel_axis] = -1
        zeros = np.reshape(tensor.zero_points, shape)
    return float(np.mean(values == zeros))


def _delegation(flatbuffer: bytes) -> tuple[set[int] | None, str]:
    """Let an interpreter plan the model, which verifies the file, and see what XNNPACK took."""
    interpreter = open_interpreter(flatbuffer)
    try:
        nodes = interpreter._get_ops_details()
    except (AttributeError, ValueError, RuntimeError) as error:
        return None, f"the interpreter does not tell its execution plan: {error}"
    return delegated_operators(nodes), ""


def _operator(graph: Graph, operator: Operator, taken: set[int] | None) -> OperatorFootprint:
    first, result = _tensor(graph, operator.inputs), _tensor(graph, operator.outputs)
    stored = [_stored(graph, index) for index in operator.inputs if index >= 0]
    constants = [tensor for tensor in stored if tensor is not None]
    # a float16 file's weights belong to the operator that computes with them
    on_constants = bool(stored) and len(constants) == len(stored)
    weights = [] if on_constants else [item for item in constants if _is_weight(item)]
    kernel = next((item for item in weights if len(item.shape) > 1), None)
    return OperatorFootprint(
        index=operator.index,
        name=operator.name,
        input_shape=first.shape if first else (),
        output_shape=result.shape if result else (),
        kernel=kernel.shape if kernel else (),
        input_dtype=first.dtype if first else "",
        weight_dtype=kernel.dtype if kernel else "",
        output_dtype=result.dtype if result else "",
        parameters=sum(item.elements for item in weights),
        macs=_macs(graph, operator),
        weight_bytes=sum(len(item.content) for item in weights),
        sparsity=zero_share(kernel) if kernel else None,
        delegated=None if taken is None else operator.index in taken,
        on_constants=on_constants,
    )


def _macs(graph: Graph, operator: Operator) -> int:
    """Count multiply-accumulates at batch 1: each weight is used once an output position.

    Weights are (out, height, width, in) for CONV_2D, (1, height, width, out) for
    DEPTHWISE_CONV_2D and (out, in) for FULLY_CONNECTED; a bias adds none.
    """
    if operator.name not in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
        return 0
    kernel = graph.tensors[operator.inputs[1]]
    output = graph.tensors[operator.outputs[0]]
    if operator.name != "FULLY_CONNECTED":
        return prod(output.shape[1:3]) * kernel.elements
    batch = max(graph.tensors[graph.inputs[0]].shape[0], 1)
    return prod(output.shape[:-1]) // batch * kernel.elements


def _stored(graph: Graph, index: int) -> Tensor | None:
    """Give the constant behind a tensor, through the DEQUANTIZE of a float16 file; or None."""
    tensor = graph.tensors[index]
    if tensor.is_constant:
        return tensor
    for operator in graph.operators:
        if operator.name == "DEQUANTIZE" and index in operator.outputs:
            source = graph.tensors[operator.inputs[0]]
            return source if source.is_constant else None
    return None


def _weights(graph: Graph) -> list[Tensor]:
    return [item for item in graph.tensors if item.is_constant and _is_weight(item)]


def _is_weight(tensor: Tensor) -> bool:
    """Tell weights and biases from shapes, axes and paddings, which are unscaled integers."""
    if tensor.dtype in {"int32", "int64"}:
        return bool(tensor.scales)
    return tensor.dtype not in {"bool", "string", "resource", "variant"}


def _total_sparsity(graph: Graph) -> float | None:
    kernels = [item for item in _weights(graph) if len(item.shape) > 1]
    shares = [zero_share(item) for item in kernels]
    if not kernels or None in shares:
        return None
    zeros = sum((share or 0.0) * item.elements for share, item in zip(shares, kernels, strict=True))
    return zeros / sum(item.elements for item in kernels)


def _tensor(graph: Graph, indices: tuple[int, ...]) -> Tensor | None:
    present = [index for index in indices if index >= 0]
    return graph.tensors[present[0]] if present else None
