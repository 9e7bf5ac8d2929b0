"""An ONNX model as a subject of `bench`, run by onnxruntime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import DependencyError, ModelError
from edge_hdr.evaluate import predictions
from edge_hdr_device.classifier import MAX_BATCH, Predictions
from edge_hdr_device.manifest import read_file
from edge_hdr_device.normalize import SIDE_PX
from edge_hdr_device.pipeline import Reader

CLASSES = 10
PROVIDER = "CPUExecutionProvider"
# what a pixel's values stand for where nobody says: an ONNX file does not tell
RANGES: dict[str, tuple[float, float]] = {"uint8": (0, 255), "int8": (-128, 127)}
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
}


class OnnxSubject:
    """An `.onnx` classifier of 28×28 digits.

    Its input may be (N, 1, 28, 28), (N, 28, 28, 1), (N, 28, 28) or (N, 784), N fixed or free.

    Args:
        path: of the file.
        name: by default the file's stem.
        threads: of the kernels.
        input_range: values of background and ink; by default 0 to 1, or all of an integer input.

    Raises:
        DependencyError: onnxruntime is not installed.
        ModelError: the file is damaged, or no classifier of ten digits.
    """

    kind = "onnx"
    delegate = "cpu"

    def __init__(
        self,
        path: Path,
        *,
        name: str = "",
        threads: int = 1,
        input_range: tuple[float, float] | None = None,
    ) -> None:
        self.path, self.name, self.threads = path, name or path.stem, threads
        self.classes = tuple(str(index) for index in range(CLASSES))
        self._input_range = input_range
        self._session = open_session(path, threads)
        self._input, self._batch, self._shape, dtype = _input(self._session)
        self._lookup = _pixel_lookup(dtype, input_range)
        self._binding: Any = None
        self._output, columns = self._scores()
        if columns != CLASSES:  # the file leaves it open
            self.logits(np.zeros((1, SIDE_PX, SIDE_PX), np.uint8))

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify uint8 (N, 28, 28), ink 255 on background 0; gives float32 (N, classes)."""
        size = self._batch or MAX_BATCH
        starts = range(0, len(images), size)
        pieces = [self._run(images[at : at + size]) for at in starts]
        return np.concatenate(pieces) if pieces else np.zeros((0, CLASSES), np.float32)

    def invoke(self) -> None:
        """Run the kernels on the digit last given to `logits` alone."""
        self._session.run_with_iobinding(self._binding)

    def reader(self) -> Reader:
        """Give what reads a frame with this model."""
        return Reader(_Classifier(self))

    def reopened(self, threads: int, delegate: str) -> OnnxSubject | None:
        """Open it once more with other threads; it knows no delegate but its own."""
        if delegate != self.delegate:
            return None
        return OnnxSubject(
            self.path, name=self.name, threads=threads, input_range=self._input_range
        )

    def cold_argv(self) -> tuple[str, ...]:
        """Name the command that opens it in a fresh process and tells how long that took."""
        words = (str(self.path.absolute()), str(self.threads))
        return (sys.executable, "-m", "edge_hdr.bench.cold_onnx", *words)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        missing = (self._batch or len(images)) - len(images)
        if missing:  # the model holds to its own batch size: the last one is filled with blanks
            images = np.concatenate([images, np.zeros((missing, *images.shape[1:]), np.uint8)])
        fed = self._lookup[images].reshape(len(images), *self._shape)
        if len(images) - missing == 1:
            self._bind(fed)
        try:
            (scores,) = self._session.run([self._output], {self._input: fed})
        except Exception as error:  # onnxruntime's own classes, which it does not export
            raise ModelError(
                f"{self.path} does not run: {_reason(error)}",
                hint="try the file with onnxruntime alone, or export it again",
            ) from error
        if scores.shape != (len(images), CLASSES):
            raise _no_classifier(self.path, f"it gives {scores.shape} for {len(images)} images")
        return np.asarray(scores[: len(images) - missing], np.float32)

    def _bind(self, fed: NDArray[Any]) -> None:
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(self._input, fed)
        self._binding.bind_output(self._output)

    def _scores(self) -> tuple[str, object]:
        """Find the output with a score for each class, and as how many the file declares them."""
        outputs = self._session.get_outputs()
        fits = [item for item in outputs if _may_be_scores(item)]
        if len(fits) != 1:
            shapes = ", ".join(f"{item.name} {item.shape}" for item in outputs)
            raise _no_classifier(self.path, f"its outputs are {shapes}")
        return fits[0].name, fits[0].shape[1]


class _Classifier:
    """An ONNX model as a reader wants it."""

    def __init__(self, subject: OnnxSubject) -> None:
        self._subject = subject
        self.labels = subject.classes

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        """Classify uint8 (N, 28, 28), ink 255 on background 0."""
        return predictions(self._subject.logits(images))


def open_session(path: Path, threads: int) -> Any:
    """Open an ONNX file with onnxruntime on the processor.

    Raises:
        DependencyError: onnxruntime is not installed.
        ModelError: the file is missing or damaged, or uses what this onnxruntime does not know.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise DependencyError(
            f"{path} needs onnxruntime, which is not installed",
            hint="pip install 'edge-hdr[onnx]'",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors; warnings of the optimizer go to stderr otherwise
    # idle threads that wait in a loop would take the cores of the models that run next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = read_file(path)
    try:
        return onnxruntime.InferenceSession(content, options, providers=[PROVIDER])
    except Exception as error:  # onnxruntime's own classes, which it does not export
        raise ModelError(
            f"{path} cannot be loaded by onnxruntime: {_reason(error)}",
            hint="the file is damaged, or newer than the onnxruntime here; export it again",
        ) from error


def _input(session: Any) -> tuple[str, int, tuple[int, ...], str]:
    """Give name, fixed batch (0: free), shape of one image and dtype of the one input."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ModelError(
            f"the model has {len(inputs)} inputs, not one",
            hint="give a classifier with one image in and one row of scores out",
        )
    (item,) = inputs
    batch, *shape = item.shape or [None]
    pixels = SIDE_PX * SIDE_PX
    if tuple(size for size in shape if size != 1) not in {(SIDE_PX, SIDE_PX), (pixels,)}:
        raise ModelError(
            f"the model takes {item.shape}, not one 28×28 grey image",
            hint="give a model with input (N, 1, 28, 28), (N, 28, 28, 1) or (N, 784)",
        )
    if item.type not in DTYPES:
        raise ModelError(
            f"the model's input is {item.type}", hint=f"{', '.join(DTYPES.values())} are read"
        )
    return item.name, batch if isinstance(batch, int) else 0, tuple(shape), DTYPES[item.type]


def _may_be_scores(output: Any) -> bool:
    shape = output.shape or []
    real = output.type in {"tensor(float)", "tensor(float16)", "tensor(double)"}
    return real and len(shape) == 2 and (shape[1] == CLASSES or not isinstance(shape[1], int))


def _no_classifier(path: Path, seen: str) -> ModelError:
    return ModelError(
        f"{path} is no classifier of {CLASSES} digits: {seen}",
        hint=f"give a model with one output (N, {CLASSES})",
    )


def _pixel_lookup(dtype: str, input_range: tuple[float, float] | None) -> NDArray[Any]:
    """Tabulate what each of the 256 pixel values becomes in the model's own input type."""
    low, high = input_range or RANGES.get(dtype, (0.0, 1.0))
    real = low + (high - low) * np.arange(256, dtype=np.float64) / 255
    if not dtype.startswith("float"):
        limits = np.iinfo(dtype)
        real = np.clip(np.rint(real), limits.min, limits.max)
    return np.asarray(real, dtype)


def _reason(error: Exception) -> str:
    """Give the first line of what onnxruntime says, without its code in brackets."""
    line = (str(error).strip().splitlines() or ["no reason given"])[0]
    return line.rpartition(" : ")[2] if " : " in line else line
