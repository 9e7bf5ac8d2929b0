"""Read a TFLite flatbuffer: the one place on the host that knows its schema."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import DependencyError, ModelError
from edge_hdr_device.file_kinds import is_tflite, no_tflite

# what the generated reader runs into when offsets and counts are wrong
_DAMAGED = (AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error)
_NUMPY_TYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT16": "int16",
    "UINT16": "uint16",
    "INT32": "int32",
    "UINT32": "uint32",
    "INT64": "int64",
    "UINT64": "uint64",
    "BOOL": "bool",
}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the main subgraph.

    Attributes:
        index: its place in the subgraph, the same that an interpreter gives it.
        name: as stored; empty in a slimmed file.
        shape: as stored; an unknown batch size is 1.
        dtype: numpy's name, or the schema's in lower case for types numpy lacks ("int4").
        buffer: index of its buffer; tensors with equal contents may share one.
        content: the stored bytes of a constant; empty for an activation.
        scales: one for the tensor, one a channel, or none.
        zero_points: as many as scales, or one.
        channel_axis: axis that the scales run along.
        is_variable: kept from one run to the next.
        is_static: no size is left to the moment when it runs.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer: int
    content: bytes
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    channel_axis: int
    is_variable: bool
    is_static: bool = True

    @property
    def is_constant(self) -> bool:
        """Tell whether the file stores its values."""
        return bool(self.content)

    @property
    def elements(self) -> int:
        """Count its values."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Give the bytes that its values take in memory."""
        if self.dtype in {"int4", "uint4"}:
            return (self.elements + 1) // 2
        known = self.dtype in _NUMPY_TYPES.values()
        return self.elements * np.dtype(self.dtype).itemsize if known else len(self.content)

    def values(self) -> NDArray[Any] | None:
        """Give a constant's stored values in its own shape and type.

        Returns:
            None for an activation, and for storage that numpy cannot view (packed or sparse).
        """
        if self.dtype not in _NUMPY_TYPES.values() or len(self.content) != self.size_bytes:
            return None
        return np.frombuffer(self.content, np.dtype(self.dtype)).reshape(self.shape)


@dataclass(frozen=True)
class Operator:
    """An operator of the main subgraph.

    Attributes:
        index: its place in the order in which they run.
        name: as in the schema, "CONV_2D"; a custom operator's own name.
        inputs: tensors that it reads; −1 is an absent one.
        outputs: tensors that it writes.
        options: its settings by the schema's names, as "fusedActivationFunction".
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """The main subgraph of a model, operators in the order in which they run."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(flatbuffer: bytes) -> Graph:
    """Read a model's main subgraph.

    Args:
        flatbuffer: a TFLite model, best after an interpreter has taken it, which verifies it.

    Raises:
        DependencyError: ai-edge-litert, which brings the schema, is not installed.
        ModelError: it is no TFLite flatbuffer or is damaged.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise DependencyError(
            "ai-edge-litert is not installed, so a model's layers cannot be read",
            hint="pip install ai-edge-litert",
        ) from error
    if not is_tflite(flatbuffer):
        raise no_tflite("the model", flatbuffer)
    try:
        return _graph(schema, schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer, 0)))
    except _DAMAGED as error:
        raise ModelError(
            "the model's flatbuffer is damaged", hint="build or copy the file again"
        ) from error


def _graph(schema: Any, model: Any) -> Graph:
    type_names = _names(schema.TensorType)
    operator_names = _names(schema.BuiltinOperator)
    subgraph = model.subgraphs[0]
    return Graph(
        tensors=tuple(
            _tensor(index, tensor, model.buffers, type_names)
            for index, tensor in enumerate(subgraph.tensors)
        ),
        operators=tuple(
            _operator(index, operator, model.operatorCodes, operator_names)
            for index, operator in enumerate(subgraph.operators)
        ),
        inputs=_integers(subgraph.inputs),
        outputs=_integers(subgraph.outputs),
    )


def _tensor(index: int, tensor: Any, buffers: Any, type_names: dict[int, str]) -> Tensor:
    data = buffers[tensor.buffer].data
    quantization = tensor.quantization
    has_scales = quantization is not None and quantization.scale is not None
    type_name = type_names[tensor.type]
    return Tensor(
        index=index,
        name=(tensor.name or b"").decode(errors="replace"),
        shape=_integers(tensor.shape),
        dtype=_NUMPY_TYPES.get(type_name, type_name.lower()),
        buffer=int(tensor.buffer),
        content=b"" if data is None else np.asarray(data, np.uint8).tobytes(),
        scales=tuple(float(scale) for scale in quantization.scale) if has_scales else (),
        zero_points=_integers(quantization.zeroPoint) if has_scales else (),
        channel_axis=int(quantization.quantizedDimension) if has_scales else 0,
        is_variable=bool(tensor.isVariable),
        is_static=-1 not in _integers(tensor.shapeSignature),
    )


def _operator(index: int, operator: Any, codes: Any, names: dict[int, str]) -> Operator:
    code = codes[operator.opcodeIndex]
    # files made before the schema had 127 operators keep the code in the old, one-byte field
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = names[number]
    if name == "CUSTOM" and code.customCode:
        name = code.customCode.decode(errors="replace")
    options = {} if operator.builtinOptions is None else vars(operator.builtinOptions)
    return Operator(index, name, _integers(operator.inputs), _integers(operator.outputs), options)


def _names(enumeration: type) -> dict[int, str]:
    members = vars(enumeration).items()
    return {value: name for name, value in members if isinstance(value, int)}


def _integers(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(int(value) for value in values)
