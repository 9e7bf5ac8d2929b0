"""Keras to TFLite: convert, slim, and check what came out."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge_hdr.errors import CheckFailedError, StorageError
from edge_hdr.slim import slim
from edge_hdr_device.interpreter import open_interpreter
from edge_hdr_device.quiet import native_output_hidden

VARIANTS = ("float32", "float16", "dynamic", "int8-ptq", "int8")


def export(
    model: Any, variant: str, representative: NDArray[np.uint8], *, target: str = "cpu"
) -> bytes:
    """Convert a Keras model to a slim TFLite flatbuffer and check its ends.

    Args:
        model: Keras model from float32 (N, 28, 28, 1) in [0, 1] to logits; for "int8" one that
            went through quantization-aware training.
        variant: one of `VARIANTS`.
        representative: uint8 (N, 28, 28), training images that set the ranges of "int8-ptq".
        target: "cpu", or "coral" for dense layers with one scale, as its compiler wants them.

    Returns:
        The flatbuffer, no manifest packed.

    Raises:
        CheckFailedError: the converter gave other input or output types than asked for.
        StorageError: there is no room for the converter's temporary files.
    """
    converter = _converter(model)
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant.startswith("int8"):
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if variant == "int8-ptq":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _feed(representative)
        one_scale = target == "coral"
        converter._experimental_disable_per_channel_quantization_for_dense_layers = one_scale
    flatbuffer = slim(_convert(converter))
    verify_interface(flatbuffer, variant)
    return flatbuffer


def _converter(model: Any) -> Any:
    """Give a converter of what a model does at inference.

    `from_keras_model` gives the same file four times as slowly: it traces and saves every layer's
    calls, those of training included, before it looks at this one.
    """
    size = tf.TensorSpec(model.inputs[0].shape, tf.float32)
    call = tf.function(lambda images: model(images, training=False), input_signature=[size])
    owner = tf.Module()  # saved with the call, so that its variables are
    owner.parts = model.variables
    return tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()], owner)


def _convert(converter: Any) -> bytes:
    """Convert without the converter's chatter; it works in the folder for temporary files."""
    try:
        with (
            native_output_hidden(),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(action="ignore"),
        ):
            return bytes(converter.convert())
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0][:200]
        raise StorageError(
            f"the converter cannot work in {tempfile.gettempdir()}: {reason}",
            hint="free some space there or set TMPDIR; the same command resumes",
        ) from error


def verify_interface(flatbuffer: bytes, variant: str) -> None:
    """Check that a flatbuffer takes and gives what its variant promises.

    Raises:
        CheckFailedError: a tensor type differs, or an int8 input is not `pixel − 128`.
    """
    interpreter = open_interpreter(flatbuffer)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    wanted = "int8" if variant.startswith("int8") else "float32"
    for end, detail in (("input", source), ("output", target)):
        found = np.dtype(detail["dtype"]).name
        if found != wanted:
            raise CheckFailedError(
                f"the exported {variant} model's {end} is {found}, not {wanted}",
                hint="the converter ignored the request; report the versions in the manifest",
            )
    scale, zero_point = source["quantization"]
    if wanted == "int8" and (abs(scale * 255 - 1) > 1e-3 or zero_point != -128):
        raise CheckFailedError(
            f"the exported model's input has scale {scale:.6f} and zero point {zero_point}, "
            "not 1/255 and −128",
            hint="the representative data must hold full ink and clean background",
        )


def _feed(images: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    for image in images:
        yield [image[np.newaxis, ..., np.newaxis].astype(np.float32) / np.float32(255)]
