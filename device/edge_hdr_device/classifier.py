"""Crops to predictions: one batch a frame, through any TFLite classifier of 28×28 digits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import ModelError
from edge_hdr_device.interpreter import Delegate, open_interpreter
from edge_hdr_device.manifest import Manifest, TensorSpec, read_file, unpack
from edge_hdr_device.normalize import SIDE_PX

MAX_BATCH = 256  # bounds the arena: a page with more digits is classified in pieces


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of N crops.

    Attributes:
        logits: float32 (N, classes), as the model gave them.
        probabilities: float32 (N, classes), rows sum to 1.
        labels: int64 (N,), index of the most probable class.
        confidences: float32 (N,), its probability.
        accepted: bool (N,), confidence is at or above the model's threshold.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    confidences: NDArray[np.float32]
    accepted: NDArray[np.bool_]

    def followed_by(self, others: Predictions) -> Predictions:
        """Give these and, behind them, those of other crops by the same classifier."""
        pairs = ((getattr(self, one.name), getattr(others, one.name)) for one in fields(self))
        return Predictions(*(np.concatenate(pair) for pair in pairs))


class Classifier:
    """A digit classifier from a `.tflite` file.

    Args:
        model: a path, or the bytes of a file with or without a packed manifest.
        num_threads: threads of the kernels.
        delegate: "xnnpack", "none" or "edgetpu".
        input_range: real values of background and ink for a model without a manifest; by default
            taken from a quantized input's own range, (0, 1) for a float input.
        classes: outputs that a model without a manifest must have.

    Raises:
        ModelError: no TFLite file, damaged, or not a classifier of 28×28×1 images.
    """

    def __init__(
        self,
        model: Path | bytes,
        *,
        num_threads: int = 1,
        delegate: Delegate = "xnnpack",
        input_range: tuple[float, float] | None = None,
        classes: int = 10,
    ) -> None:
        content = model if isinstance(model, bytes) else read_file(model)
        flatbuffer, self.manifest = unpack(content)
        self._interpreter = open_interpreter(flatbuffer, num_threads=num_threads, delegate=delegate)
        self._input, self.input_spec = _one(self._interpreter.get_input_details(), "input")
        self._output, self.output_spec = _one(self._interpreter.get_output_details(), "output")
        _check_interface(self.input_spec, self.output_spec, self.manifest, classes)
        self._lookup = _pixel_lookup(self.input_spec, None if self.manifest else input_range)
        self._batch = self.input_spec.shape[0]
        self._resizable = delegate != "edgetpu"  # what was compiled for it has one shape
        self.flatbuffer_bytes = len(flatbuffer)

    @property
    def labels(self) -> tuple[str, ...]:
        """Name each class in the order of the outputs."""
        if self.manifest is not None:
            return self.manifest.labels
        return tuple(str(index) for index in range(self.output_spec.shape[-1]))

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the model.

        Args:
            images: uint8 (N, 28, 28), normalized digits, ink 255 on background 0.

        Returns:
            float32 (N, classes), dequantized.
        """
        pieces = [
            self._invoke(images[start : start + MAX_BATCH])
            for start in range(0, len(images), MAX_BATCH)
        ]
        if not pieces:
            return np.zeros((0, self.output_spec.shape[-1]), np.float32)
        return np.concatenate(pieces)

    def invoke(self) -> None:
        """Run the kernels alone, on the images last given, with the batch's size of then."""
        self._interpreter.invoke()

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        """Classify normalized digits.

        Args:
            images: uint8 (N, 28, 28), ink 255 on background 0; N may be 0.
        """
        logits = self.logits(images)
        temperature = self.manifest.temperature if self.manifest else 1.0
        threshold = self.manifest.threshold if self.manifest else 0.0
        probabilities = softmax(as_logits(logits) / temperature)
        confidences = probabilities.max(axis=1, initial=0.0)
        return Predictions(
            logits=logits,
            probabilities=probabilities,
            labels=probabilities.argmax(axis=1) if len(logits) else np.zeros(0, np.int64),
            confidences=confidences,
            accepted=confidences >= threshold,
        )

    def _invoke(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not self._resize(len(images)):
            return self._invoke_in_batches(images)
        stored = self._lookup[images].reshape(len(images), *self.input_spec.shape[1:])
        self._interpreter.set_tensor(self._input, stored)
        self._interpreter.invoke()
        return _dequantize(self._interpreter.get_tensor(self._output), self.output_spec)

    def _invoke_in_batches(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run a model that holds to its own batch size; the last batch is filled with blanks."""
        size = self._batch
        blanks = np.zeros((-len(images) % size, *images.shape[1:]), np.uint8)
        filled = np.concatenate([images, blanks])
        starts = range(0, len(filled), size)
        return np.concatenate([self._invoke(filled[at : at + size]) for at in starts])[
            : len(images)
        ]

    def _resize(self, batch: int) -> bool:
        """Set the batch size; False where the model's own reshapes fix it."""
        if batch != self._batch and self._resizable:
            try:
                self._allocate(batch)
            except (RuntimeError, ValueError):
                self._resizable = False
                self._allocate(self.input_spec.shape[0])
        return batch == self._batch

    def _allocate(self, batch: int) -> None:
        shape = [batch, *self.input_spec.shape[1:]]
        self._interpreter.resize_tensor_input(self._input, shape)
        self._interpreter.allocate_tensors()
        self._batch = batch


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits float32 (N, classes) into probabilities float32 (N, classes)."""
    if not len(logits):
        return logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def as_logits(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the logarithm of outputs that are probabilities already (a softmax in the model)."""
    if len(outputs) and outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=0.05):
        return np.log(np.maximum(outputs, 1e-7))
    return outputs


def _one(details: list[dict[str, Any]], end: str) -> tuple[int, TensorSpec]:
    if len(details) != 1:
        raise ModelError(
            f"the model has {len(details)} {end}s, not one",
            hint="give a classifier with one image in and one row of scores out",
        )
    detail = details[0]
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    dtype = np.dtype(detail["dtype"]).name
    return int(detail["index"]), TensorSpec(shape, dtype, float(scale), int(zero_point))


def _check_interface(
    source: TensorSpec, target: TensorSpec, manifest: Manifest | None, classes: int
) -> None:
    pixels = SIDE_PX * SIDE_PX
    squeezed = tuple(size for size in source.shape[1:] if size != 1)
    if squeezed not in {(SIDE_PX, SIDE_PX), (pixels,)}:
        raise ModelError(
            f"the model takes {source.shape}, not one 28×28 grey image",
            hint="give a model with input (1, 28, 28, 1)",
        )
    if source.dtype not in {"int8", "uint8", "float32"}:
        raise ModelError(
            f"the model's input is {source.dtype}", hint="int8, uint8 and float32 are read"
        )
    classes = len(manifest.labels) if manifest else classes
    if len(target.shape) != 2 or target.shape[-1] != classes:
        raise ModelError(
            f"the model gives {target.shape}, not (1, {classes})",
            hint=f"give a classifier with {classes} classes",
        )


def _pixel_lookup(spec: TensorSpec, input_range: tuple[float, float] | None) -> NDArray[Any]:
    """Tabulate what each of the 256 pixel values becomes in the model's own input type."""
    dtype = np.dtype(spec.dtype)
    low, high = input_range or _natural_range(spec)
    real = low + (high - low) * np.arange(256, dtype=np.float64) / 255
    if spec.dtype == "float32":
        return real.astype(np.float32)
    limits = np.iinfo(dtype)
    stored = np.rint(real / spec.scale) + spec.zero_point
    return np.asarray(np.clip(stored, limits.min, limits.max), dtype)


def _natural_range(spec: TensorSpec) -> tuple[float, float]:
    """Guess what reals a quantized input stands for: [0, 1], [−1, 1] or [0, 255]."""
    if spec.dtype == "float32" or spec.scale == 0:
        return 0.0, 1.0
    lowest = (np.iinfo(np.dtype(spec.dtype)).min - spec.zero_point) * spec.scale
    if 255 * spec.scale > 100:
        return 0.0, 255.0
    return (-1.0, 1.0) if lowest < -0.5 else (0.0, 1.0)


def _dequantize(stored: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    if spec.scale == 0:
        return np.asarray(stored, np.float32)
    return np.asarray((stored.astype(np.float32) - spec.zero_point) * spec.scale, np.float32)
