"""Make ONNX classifiers of digits whose answers can be computed by hand."""

from __future__ import annotations

import numpy as np

WEIGHTS = np.random.default_rng(3).normal(0, 1, (784, 10)).astype(np.float32)


def fitted(split):
    """Fit weights to digits by least squares: about four in five right."""
    pixels = split.images.reshape(len(split), -1).astype(np.float64) / 255
    truth = np.eye(10)[split.labels]
    ridge = pixels.T @ pixels + 30 * np.eye(784)
    return np.linalg.solve(ridge, pixels.T @ truth).astype(np.float32)


def onnx_model(
    shape=("N", 1, 28, 28), *, dtype="FLOAT", classes=10, weights=WEIGHTS, outputs=1, kept=0
):
    """Give the bytes of a model that flattens its input and multiplies it by the weights.

    With `kept` it gives the first scores only, in a way that the file does not tell how many.
    """
    from onnx import TensorProto, helper, numpy_helper

    real, batch = TensorProto.FLOAT, shape[0]
    names = ["scores", "more"][:outputs]
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=real),
        helper.make_node("Flatten", ["real"], ["flat"]),
        *(helper.make_node("MatMul", ["flat", "weights"], [name]) for name in names),
    ]
    stored = [numpy_helper.from_array(weights, "weights")]
    if kept:
        nodes[-1].output[0] = "all"
        nodes.append(helper.make_node("Compress", ["all", "kept"], ["scores"], axis=1))
        stored.append(numpy_helper.from_array(np.arange(10) < kept, "kept"))
        classes = "C"
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", getattr(TensorProto, dtype), shape)],
        [helper.make_tensor_value_info(name, real, [batch, classes]) for name in names],
        stored,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
