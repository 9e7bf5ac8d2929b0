"""One network through other libraries, as subjects of `edge_hdr_device.bench`.

Each is written as its library's own guide does it, with one thread like ours. None knows a second
way to open its model, so `reopened` gives None.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.bench.subject import Subject
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.quiet import native_output_hidden
from foreign.tutorial import TutorialReader

COLD = Path(__file__).with_name("cold.py")
Floats = NDArray[np.float32]


def one_thread() -> None:
    """Hold TensorFlow to one thread and to legacy Keras, before its first use."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    with native_output_hidden():
        import tensorflow as tf
        import tf_keras  # noqa: F401  it is chatty when first imported, too

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def scaled(images: NDArray[np.uint8]) -> Floats:
    """Bring uint8 (N, 28, 28) to float32 (N, 28, 28, 1) in [0, 1], as tutorials do."""
    return images[..., None].astype(np.float32) / 255


class RuntimeSubject:
    """A network behind one function.

    Args:
        name: unique in a run.
        kind: the library's, "keras" or "tf.lite".
        answer: float32 (N, 28, 28, 1) in [0, 1] to float32 (N, classes).
        path: of the file that the library opens.
        cold: word for `foreign/cold.py`; empty where a fresh start is not measured.
    """

    delegate = ""
    threads = 1

    def __init__(
        self, name: str, kind: str, answer: Callable[[Floats], Floats], path: Path, cold: str = ""
    ) -> None:
        self.name, self.kind, self.path = name, kind, path
        self._answer, self._cold = answer, cold
        self._one = np.zeros((1, 28, 28, 1), np.float32)

    def logits(self, images: NDArray[np.uint8]) -> Floats:
        """Classify uint8 (N, 28, 28), ink 255; gives float32 (N, classes)."""
        batch = scaled(images)
        if len(batch) == 1:
            self._one = batch
        return np.asarray(self._answer(batch), np.float32)

    def invoke(self) -> None:
        """Call the library on the digit last given alone; it does not tell kernels from call."""
        self._answer(self._one)

    def reader(self) -> None:
        """Give none: a library reads no frames."""

    def reopened(self, threads: int, delegate: str) -> None:
        """Give none."""

    def cold_argv(self) -> tuple[str, ...] | None:
        """Name the command that opens the file in a fresh process."""
        if not self._cold:
            return None
        return sys.executable, str(COLD), self._cold, str(self.path)


class FullTensorflowLite(RuntimeSubject):
    """A TFLite file through `tf.lite.Interpreter`, one digit at a time.

    Args:
        name: unique in a run.
        path: of a file with a float32 or an integer input in [0, 1].
    """

    def __init__(self, name: str, path: Path) -> None:
        self._interpreter = tensorflow_interpreter(path)
        self._ask = asker(self._interpreter)
        super().__init__(name, "tf.lite", self._each, path, cold="tf-lite")

    def invoke(self) -> None:
        """Run the kernels alone on the digit last given."""
        self._interpreter.invoke()

    def _each(self, batch: Floats) -> Floats:
        if len(batch) == 1:
            return self._ask(batch)
        return np.concatenate([self._ask(digit[None]) for digit in batch])


def tensorflow_interpreter(path: Path) -> Any:
    """Open a file with the interpreter of full TensorFlow, which calls itself deprecated."""
    import tensorflow as tf

    with warnings.catch_warnings(action="ignore"):
        interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def asker(interpreter: Any) -> Callable[[Floats], Floats]:
    """Give what asks a TFLite interpreter, its details looked up once as its guide does.

    Args:
        interpreter: with allocated tensors.

    Returns:
        From float32 (1, 28, 28, 1) in [0, 1], quantized where it must be, to float32 (1, classes).
    """
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    (scale, zero_point), (out_scale, out_zero) = source["quantization"], target["quantization"]
    shape, dtype, place, out = source["shape"], source["dtype"], source["index"], target["index"]
    limits = np.iinfo(dtype) if scale else None

    def ask(digit: Floats) -> Floats:
        if limits is not None:
            stored = np.clip(np.rint(digit / scale) + zero_point, limits.min, limits.max)
            digit = stored.astype(dtype)
        interpreter.set_tensor(place, digit.reshape(shape))
        interpreter.invoke()
        scores = interpreter.get_tensor(out)
        if out_scale:
            scores = (scores.astype(np.float32) - out_zero) * out_scale
        return np.asarray(scores, np.float32)

    return ask


def keras_subjects(name: str, model: Any, path: Path) -> list[RuntimeSubject]:
    """Give the three ways in which a Keras model is asked.

    Args:
        name: of the network.
        model: a Keras model.
        path: where it is saved, as a user would open it again.
    """
    import tensorflow as tf

    compiled = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)
    ways: dict[str, Callable[[Floats], Floats]] = {
        "predict": lambda batch: model.predict(batch, verbose=0),
        "model(x)": lambda batch: model(batch, training=False).numpy(),
        "tf.function": lambda batch: compiled(tf.constant(batch)).numpy(),
    }
    return [
        RuntimeSubject(f"{name}: Keras {way}", "keras", answer, path, cold="keras" * (not number))
        for number, (way, answer) in enumerate(ways.items())
    ]


class TutorialSubject:
    """A tutorial's pipeline around a classifier, to be measured on the same frame as our reader.

    Args:
        name: unique in a run.
        style: of `foreign.tutorial.STYLES`.
        classifier: what classifies each digit, one call a digit.
    """

    kind = "tutorial"

    def __init__(self, name: str, style: str, classifier: Subject) -> None:
        self.name, self._style, self._classifier = name, style, classifier
        self.path = getattr(classifier, "path", None)
        self.delegate = getattr(classifier, "delegate", "")

    def logits(self, images: NDArray[np.uint8]) -> Floats:
        """Classify uint8 (N, 28, 28), ink 255; gives float32 (N, classes)."""
        return self._classifier.logits(images)

    def invoke(self) -> None:
        """Run the classifier on the digit last given."""
        self._classifier.invoke()

    def reader(self) -> Reader:
        """Give the tutorial's reader, which has the interface of ours."""
        return TutorialReader(self._classifier.logits, self._style)  # type: ignore[return-value]

    def reopened(self, threads: int, delegate: str) -> None:
        """Give none."""

    def cold_argv(self) -> None:
        """Give none: it starts as its classifier does."""
