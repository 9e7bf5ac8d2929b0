"""Make a TFLite file of one dense layer, for any input shape and number of classes."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def dense_model(side: int = 28, classes: int = 10) -> bytes:
    """Give a float32 classifier of (1, side, side, 1) images with fixed random weights."""
    rng = np.random.default_rng(0)
    weights = schema.BufferT()
    values = rng.normal(size=(classes, side * side)).astype(np.float32)
    weights.data = np.frombuffer(values.tobytes(), np.uint8)
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor([1, side, side, 1], 0),
        _tensor([classes, side * side], 1),
        _tensor([1, classes], 0),
    ]
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, -1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [2]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.buffers = [schema.BufferT(), weights]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(shape: list[int], buffer: int) -> schema.TensorT:
    made = schema.TensorT()
    made.shape, made.type, made.buffer = shape, schema.TensorType.FLOAT32, buffer
    return made
