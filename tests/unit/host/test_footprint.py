"""Footprint: bytes, MACs, sparsity, arena and what the delegate takes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.arena import Need, plan
from edge_hdr.errors import ModelError
from edge_hdr.flatbuffer import Tensor, read_graph
from edge_hdr.footprint import delegated_operators, footprint, zero_share
from edge_hdr_device.manifest import unpack

DATA = Path(__file__).parents[2] / "data"
INT8, FLOAT = (DATA / f"{name}.tflite" for name in ("tiny-int8", "tiny-float"))

# stem 3×3 to 8, depthwise 3×3, pointwise to 10, depthwise 3×3, dense of 4×4×10 to 10
WEIGHTS = 8 * 3 * 3 + 3 * 3 * 8 + 10 * 8 + 3 * 3 * 10 + 10 * (4 * 4 * 10)
BIASES = 8 + 8 + 10 + 10 + 10
MACS = (
    14 * 14 * (8 * 3 * 3 * 1)
    + 7 * 7 * (3 * 3 * 8)
    + 7 * 7 * (10 * 1 * 1 * 8)
    + 4 * 4 * (3 * 3 * 10)
    + 10 * 160
)


def tensor(values, *, zero_points=(), channel_axis=0):
    array = np.asarray(values)
    scales = (0.1,) * len(zero_points)
    return Tensor(
        0, "", array.shape, array.dtype.name, 0, array.tobytes(), scales, zero_points,
        channel_axis, False,
    )  # fmt: skip


def node(name, inputs, outputs):
    return {"op_name": name, "inputs": np.array(inputs), "outputs": np.array(outputs)}


@pytest.mark.parametrize("file", [INT8, FLOAT])
def test_parameters_and_macs_are_those_of_the_architecture(file):
    found = footprint(file.read_bytes())
    assert found.parameters == WEIGHTS + BIASES
    assert found.macs == MACS
    assert found.macs_not_counted == ()


def test_bytes_of_the_int8_file():
    file = INT8.read_bytes()
    flatbuffer, _ = unpack(file)
    found = footprint(file)
    assert found.weight_bytes == WEIGHTS * 1 + BIASES * 4
    assert found.flatbuffer_bytes == len(flatbuffer) < found.file_bytes == len(file)
    assert found.gzip_bytes == len(gzip.compress(file, 9, mtime=0))


def test_bytes_of_the_float_file():
    found = footprint(FLOAT.read_bytes())
    assert found.weight_bytes == (WEIGHTS + BIASES) * 4
    assert found.flatbuffer_bytes == found.file_bytes == FLOAT.stat().st_size


def test_operators_are_listed_in_order_with_shapes_and_types():
    stem, *_, dense = footprint(INT8.read_bytes()).operators
    assert (stem.name, stem.input_shape, stem.output_shape) == (
        "CONV_2D", (1, 28, 28, 1), (1, 14, 14, 8),
    )  # fmt: skip
    assert (stem.kernel, stem.weight_dtype, stem.parameters) == ((8, 3, 3, 1), "int8", 72 + 8)
    assert (stem.macs, stem.weight_bytes) == (14 * 14 * 72, 72 * 1 + 8 * 4)
    assert (dense.name, dense.output_dtype, dense.macs) == ("FULLY_CONNECTED", "int8", 10 * 160)


def test_the_arena_holds_input_and_the_largest_pair():
    # largest first, each at a multiple of 64: the stem's 14·14·8 = 1568 B at 0; the input's
    # 784 B, kept throughout, at 25·64; the first depthwise's 7·7·8 B, alive with both, behind it
    assert 14 * 14 * 8 <= 25 * 64
    assert 25 * 64 + 28 * 28 <= 38 * 64
    assert footprint(INT8.read_bytes()).arena_bytes == 38 * 64 + 7 * 7 * 8


def test_the_delegate_takes_every_operator_of_the_tiny_nets():
    for file in (INT8, FLOAT):
        found = footprint(file.read_bytes())
        assert found.delegated == len(found.operators)
        assert all(operator.delegated for operator in found.operators)


def test_the_dictionary_is_json():
    fields = json.loads(json.dumps(footprint(INT8.read_bytes()).to_dict()))
    assert fields["operators"][0]["name"] == "CONV_2D"
    assert fields["delegate"] == "xnnpack"


def test_delegated_parts_are_found_on_the_way_back_from_their_outputs():
    # 0 and 3–4 are replaced by the nodes 5 and 6; 1 and 2 stay with the interpreter
    nodes = [
        node("CONV_2D", [0, 7, 6], [8]),
        node("CUMSUM", [8, 4], [9]),
        node("FLOOR_MOD", [8, 5], [10]),
        node("ADD", [9, 10], [11]),
        node("FULLY_CONNECTED", [11, 2, -1], [14]),
        node("DELEGATE", [0, 6, 7], [8]),
        node("DELEGATE", [2, 9, 10], [14]),
    ]
    assert delegated_operators(nodes) == {0, 3, 4}


def test_without_a_delegate_nothing_is_delegated():
    assert delegated_operators([node("CONV_2D", [0, 1], [2])]) == set()


def test_zeros_are_those_of_the_real_values():
    assert zero_share(tensor(np.array([[0, 1], [0, 0]], np.int8), zero_points=(0,))) == 3 / 4
    assert zero_share(tensor(np.array([[3, 1], [0, 3]], np.uint8), zero_points=(3,))) == 2 / 4
    assert zero_share(tensor(np.array([[0, 5], [5, 5]], np.int8), zero_points=(0, 5))) == 3 / 4
    assert zero_share(tensor(np.array([[0.0, -0.0, 0.5]], np.float32))) == 2 / 3


def test_values_that_numpy_cannot_view_have_no_sparsity():
    packed = Tensor(0, "", (2, 4), "int4", 1, b"\x00\x01\x02\x03", (), (), 0, False)
    assert (packed.elements, packed.size_bytes, zero_share(packed)) == (8, 4, None)


@pytest.mark.parametrize(
    ("needs", "size"),
    [
        ([], 0),
        ([Need(100, 0, 1), Need(100, 2, 3)], 100),  # never at once
        ([Need(100, 0, 1), Need(50, 1, 2)], 128 + 50),  # at once: the second is aligned to 64
        ([Need(64, 0, 1), Need(64, 1, 2), Need(64, 2, 3)], 2 * 64),  # the third reuses the first
        ([Need(640, 0, 9), Need(64, 0, 3), Need(64, 4, 9)], 640 + 64),
    ],
)
def test_the_plan_places_the_largest_first(needs, size):
    assert plan(needs) == size


def test_a_float16_files_weights_belong_to_the_operator_that_computes_with_them():
    found = footprint(half_precision_dense())
    dequantize, dense = found.operators
    assert (dequantize.on_constants, dequantize.weight_bytes) == (True, 0)
    assert (dense.weight_dtype, dense.parameters, dense.weight_bytes) == ("float16", 8, 8 * 2)
    assert (dense.macs, dense.sparsity) == (2 * 4, 1 / 8)
    assert (found.parameters, found.weight_bytes, found.sparsity) == (8, 8 * 2, 1 / 8)
    assert found.arena_bytes == 64 + 2 * 4  # 4 floats in, aligned, and 2 floats out


def half_precision_dense():
    """Make a file of DEQUANTIZE and FULLY_CONNECTED, as the float16 conversion gives."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def new_tensor(shape, kind, buffer):
        made = schema.TensorT()
        made.shape, made.type, made.buffer = shape, kind, buffer
        return made

    def new_operator(code, inputs, outputs):
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
        return made

    def new_code(number):
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = number
        made.version = 3 if number == schema.BuiltinOperator.DEQUANTIZE else 1
        return made

    kinds = schema.TensorType
    weights = schema.BufferT()
    weights.data = np.frombuffer(np.arange(8, dtype=np.float16).tobytes(), np.uint8)
    graph = schema.SubGraphT()
    graph.tensors = [
        new_tensor([1, 4], kinds.FLOAT32, 0),
        new_tensor([2, 4], kinds.FLOAT16, 1),
        new_tensor([2, 4], kinds.FLOAT32, 0),
        new_tensor([1, 2], kinds.FLOAT32, 0),
    ]
    dense = new_operator(1, [0, 2, -1], [3])
    dense.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    dense.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [new_operator(0, [1], [2]), dense]
    graph.inputs, graph.outputs = [0], [3]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.buffers = [schema.BufferT(), weights]
    operators = schema.BuiltinOperator
    model.operatorCodes = [new_code(operators.DEQUANTIZE), new_code(operators.FULLY_CONNECTED)]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("content", [b"", b"no model", b"\x89PNG\r\n\x1a\n" * 40])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ModelError, match="no TFLite file"):
        footprint(content)
    with pytest.raises(ModelError, match="no TFLite file"):
        read_graph(content)


def test_a_truncated_file_is_refused_at_every_length():
    flatbuffer = FLOAT.read_bytes()
    for length in range(8, len(flatbuffer), 131):
        with pytest.raises(ModelError, match="cannot be loaded"):
            footprint(flatbuffer[:length])


def test_reading_a_damaged_flatbuffer_never_raises_anything_else():
    flatbuffer, rng = FLOAT.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(flatbuffer)
        for place in rng.integers(8, 400, 4):
            damaged[place] = rng.integers(0, 256)
        try:
            read_graph(bytes(damaged))
        except ModelError:
            refused += 1
    assert refused > 0
