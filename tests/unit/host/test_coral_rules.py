"""What the Edge TPU takes, by Coral's rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.edgetpu_rules import place, suspects
from edge_hdr.flatbuffer import Graph, Operator, Tensor, read_graph
from edge_hdr.slim import slim
from edge_hdr_device.manifest import read_model

ROOT = Path(__file__).parents[3]
RELEASED = sorted((ROOT / "models").glob("*/model.tflite"))
IMAGE = (1, 14, 14, 8)


def activation(shape=IMAGE, dtype="int8", *, scales=(0.1,), is_static=True):
    return Tensor(0, "", shape, dtype, 0, b"", scales, (0,) * len(scales), 0, False, is_static)


def constant(values, dtype="int8", *, scales=(0.1,)):
    array = np.asarray(values, dtype)
    content, points = array.tobytes(), (0,) * len(scales)
    return Tensor(0, "", array.shape, dtype, 1, content, scales, points, 0, False)


def indices(values):
    return constant(values, "int32", scales=())


def graph(*steps):
    """Chain operators: each step is a name, its tensors, the output last, and its options."""
    tensors, operators = [], []
    for name, items, options in steps:
        first = len(tensors)
        tensors += [replace(item, index=first + place_) for place_, item in enumerate(items)]
        places = tuple(range(first, len(tensors)))
        operators.append(Operator(len(operators), name, places[:-1], places[-1:], options))
    return Graph(tuple(tensors), tuple(operators), (0,), (len(tensors) - 1,))


def complaint(name, *items, **options):
    (placement,) = place(graph((name, items, options)))
    return placement.complaint


CONV = (constant(np.ones((8, 3, 3, 8))), constant(np.zeros(8), "int32"))
ALL_AXES = indices([1, 2])


@pytest.mark.parametrize("model", RELEASED, ids=lambda path: path.parent.name)
def test_every_released_model_fits_whole(model):
    flatbuffer, _ = read_model(model)
    found = place(read_graph(flatbuffer))
    assert len(found) > 10
    assert [(item.index, item.reason) for item in found if not item.mapped] == []
    assert found[0].name == "SPACE_TO_DEPTH"


@pytest.mark.parametrize(
    ("name", "items", "options"),
    [
        ("CONV_2D", (activation(), *CONV, activation()),
         {"dilationWFactor": 2, "dilationHFactor": 2}),
        ("DEPTHWISE_CONV_2D", (activation(), *CONV, activation()), {}),
        ("SPACE_TO_DEPTH", (activation((1, 28, 28, 1)), activation((1, 14, 14, 4))),
         {"blockSize": 2}),
        ("FULLY_CONNECTED", (activation((1, 32)), constant(np.ones((10, 32))),
                             activation((1, 10))), {}),
        ("RESHAPE", (activation((1, 1, 1, 32)), indices([1, 32]), activation((1, 32))), {}),
        ("MAX_POOL_2D", (activation(), activation()), {"fusedActivationFunction": 0}),
        ("CONCATENATION", (activation(), constant(np.zeros(IMAGE)), activation()), {}),
        ("MEAN", (activation(), ALL_AXES, activation((1, 1, 1, 8))), {}),
        ("MEAN", (activation(), indices([3]), activation((1, 14, 14, 1))), {}),
        ("PAD", (activation(), indices([[0, 0], [1, 1], [1, 1], [0, 0]]), activation()), {}),
        ("SPLIT", (indices(3), activation(), activation()), {}),
        ("SQUEEZE", (activation((1, 1, 1, 8)), activation((8,))), {}),
        ("STRIDED_SLICE", (activation(), indices([0] * 4), indices([1] * 4), indices([1] * 4),
                           activation()), {}),
        ("SOFTMAX", (activation((1, 10)), activation((1, 10))), {}),
        ("PRELU", (activation(), constant(np.ones((1, 1, 8))), activation()), {}),
        ("PACK", (activation((8,)), activation((1, 8))), {"axis": 1}),
        ("TRANSPOSE_CONV", (indices([1, 28, 28, 4]), constant(np.ones((4, 2, 2, 8))), activation(),
                            activation((1, 28, 28, 4))), {}),
        ("REDUCE_MAX", (activation(), indices([-1]), activation((1, 14, 14))), {}),
    ],
)  # fmt: skip
def test_an_operator_within_its_limits_is_mapped(name, items, options):
    assert complaint(name, *items, **options) == ""


@pytest.mark.parametrize(
    ("name", "items", "options", "said"),
    [
        ("LEAKY_RELU", (activation(), activation()), {}, "no such operator"),
        ("RELU", (activation(dtype="float32", scales=()), activation()), {}, "computes in float32"),
        ("RELU", (activation(dtype="int16"), activation()), {}, "computes in int16"),
        ("RELU", (activation(scales=()), activation()), {}, "must be quantized"),
        ("RELU", (activation(is_static=False), activation()), {}, "a size is left open"),
        ("RELU", (activation((3, 128, 128, 1)), activation()), {}, "3×128×128×1 has more than"),
        ("CONV_2D", (activation(), constant(np.ones((8, 3, 3, 8)), "float32"), activation()), {},
         "a constant of it is float32"),
        ("CONV_2D", (activation(), activation(), activation()), {}, "weights are computed"),
        ("RESHAPE", (activation(), activation((2,), "int32", scales=()), activation()), {},
         "sizes or axes of it are computed"),
        ("CONV_2D", (activation(), *CONV, activation()), {"dilationWFactor": 2},
         "dilation 2×1 differs"),
        ("AVERAGE_POOL_2D", (activation(), activation()), {"fusedActivationFunction": 1},
         "an activation is fused"),
        ("CONCATENATION", (activation(), constant(np.ones(IMAGE)), activation()), {},
         "not one block of zeros"),
        ("CONCATENATION", (activation(), activation(), constant(np.zeros(IMAGE)), activation()), {},
         "not one block of zeros"),
        ("FULLY_CONNECTED", (activation((1, 32)), constant(np.ones((10, 32))), activation((1, 10))),
         {"weightsFormat": 1}, "another than the default format"),
        ("FULLY_CONNECTED", (activation((4, 32)), constant(np.ones((10, 32))), activation((4, 10))),
         {}, "output has more than one size above 1"),
        ("FULLY_CONNECTED", (activation((1, 2)), constant(np.ones((2, 2)), scales=(0.1, 0.2)),
                             activation((1, 2))), {}, "a scale for each output"),
        ("MEAN", (activation((1, 7, 7, 6)), indices([3]), activation((1, 7, 7, 1))), {},
         "6 channels, no multiple of 4"),
        ("MEAN", (activation(), indices([0]), activation()), {}, "reduces the batch"),
        ("SUM", (activation(), indices([-4]), activation()), {}, "reduces the batch"),
        ("PACK", (activation((8,)), activation((1, 8))), {"axis": 0}, "packs along the batch"),
        ("PAD", (activation(), indices([[1, 0], [0, 0], [0, 0], [0, 0]]), activation()), {},
         "pads the batch"),
        ("PRELU", (activation(), constant(np.ones((14, 14, 8))), activation()), {},
         "slope differs"),
        ("SOFTMAX", (activation((1, 7, 10)), activation((1, 7, 10))), {}, "more than one size"),
        ("SOFTMAX", (activation((1, 16_001)), activation((1, 16_001))), {}, "over 16,000"),
        ("SPLIT", (indices(0), activation(), activation()), {}, "splits the batch"),
        ("SQUEEZE", (activation((5, 1, 10)), activation((5, 10))), {}, "is squeezed"),
        ("STRIDED_SLICE", (activation(), indices([0] * 4), indices([1] * 4), indices([1, 2, 2, 1]),
                           activation()), {}, "stride is not 1"),
        ("STRIDED_SLICE", (activation(), indices([0] * 4), indices([1] * 4), indices([1] * 4),
                           activation()), {"newAxisMask": 1}, "a new axis"),
    ],
)  # fmt: skip
def test_an_operator_beyond_its_limits_stays_on_the_cpu(name, items, options, said):
    assert said in complaint(name, *items, **options)


def test_behind_the_first_operator_on_the_cpu_all_are():
    step = (activation(), activation())
    found = place(graph(*((name, step, {}) for name in ("RELU", "ELU", "TANH", "ELU", "LOGISTIC"))))
    assert [item.mapped for item in found] == [True, False, False, False, False]
    assert "no such operator" in found[1].reason
    assert "comes after operator 1" in found[2].reason
    assert "no such operator" in found[3].reason
    assert [item.to_dict()["breaks_rule"] for item in found] == [False, True, False, True, False]
    said = suspects(found)
    assert len(said) == 2
    assert said[1].startswith("operator 3 ELU")


def test_a_float_input_is_quantized_on_the_cpu_and_parts_nothing():
    real = activation(dtype="float32", scales=())
    found = place(
        graph(
            ("QUANTIZE", (real, activation()), {}),
            ("RELU", (activation(), activation()), {}),
            ("DEQUANTIZE", (activation(), real), {}),
        )
    )
    assert [item.mapped for item in found] == [False, True, False]


def test_a_dense_layer_of_the_newer_kind_and_an_open_batch_are_found(tiny_int8):
    flatbuffer, _ = read_model(tiny_int8)
    assert "a size is left open" in place(read_graph(flatbuffer))[0].reason
    found = place(read_graph(slim(flatbuffer)))  # which drops the open sizes
    assert [item.mapped for item in found] == [True] * 5 + [False]
    assert found[5].name == "FULLY_CONNECTED"
    assert "a scale for each output" in found[5].reason
