"""What can be measured: a TFLite file here; the host adds other kinds by the same protocol."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.classifier import Classifier
from edge_hdr_device.delegates import Chosen, choose
from edge_hdr_device.errors import ModelError
from edge_hdr_device.interpreter import Delegate
from edge_hdr_device.manifest import read_file
from edge_hdr_device.pipeline import Reader

ON_CPU = ("xnnpack", "none")


class Subject(Protocol):
    """A model to measure.

    A subject may also have `path`, `delegate`, `threads`, `model_id`, `classes`, `chosen_by_us` and
    `notes`, as `TfliteSubject` has; what it lacks is empty in the document.

    Attributes:
        name: unique in a run.
        kind: "tflite", "onnx", "keras", "sklearn"…
    """

    name: str
    kind: str

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify uint8 (N, 28, 28), ink 255 on background 0; gives float32 (N, classes)."""
        ...

    def invoke(self) -> None:
        """Run the kernels alone on the digit last given to `logits` alone.

        A subject that cannot tell its kernels from the call does the whole call on one digit.
        """
        ...

    def reader(self) -> Reader | None:
        """Give what reads a frame with this model; None where that makes no sense."""
        ...

    def reopened(self, threads: int, delegate: str) -> Subject | None:
        """Open the model once more in another way; None where there is no such way."""
        ...

    def cold_argv(self) -> tuple[str, ...] | None:
        """Name a command that opens the model in a fresh process; None: not measured.

        It prints one line of JSON, {"start_ms", "open_ms", "first_ms", "resident_bytes",
        "resident_base_bytes"}; see `edge_hdr_device.bench.cold`.
        """
        ...


class TfliteSubject:
    """A `.tflite` file, run as the device's runtime runs it.

    Two interpreters are open, one for single digits and one for batches, because a change of the
    batch's size takes time of its own; an Edge TPU is one, so its model is opened once.

    Args:
        path: of the file.
        name: by default the manifest's, else the file's.
        threads: of the kernels; 0 takes the fastest.
        delegate: xnnpack, none, edgetpu, or auto, which takes the fastest.
        input_range: real values of background and ink, for a model without a manifest.
        state: folder with the remembered choice of the delegate; None measures it anew.

    Raises:
        ModelError: the file is missing, damaged or no classifier of digits.
        DependencyError: no interpreter is installed.
    """

    kind = "tflite"

    def __init__(
        self,
        path: Path,
        *,
        name: str = "",
        threads: int = 1,
        delegate: str = "xnnpack",
        input_range: tuple[float, float] | None = None,
        state: Path | None = None,
    ) -> None:
        self._input_range = input_range
        with _named(path):
            self._open_all(path, delegate, threads, state)
        manifest = self._one.manifest
        self.name = name or (manifest.name if manifest else self.path.stem)

    def _open_all(self, path: Path, delegate: str, threads: int, state: Path | None) -> None:
        if delegate in ON_CPU and threads:
            known = cast("Delegate", delegate)
            self._chosen = Chosen(self._open(path, known, threads), path, known, threads, {})
        else:
            self._chosen = choose(path, delegate=delegate, threads=threads, state=state)
        chosen = self._chosen
        self.path, self.delegate, self.threads = chosen.path, chosen.delegate, chosen.threads
        self._one = self._many = chosen.classifier
        if self.delegate != "edgetpu":
            self._one = self._open(self.path, self.delegate, self.threads)
            self._many = self._open(self.path, self.delegate, self.threads)

    @property
    def model_id(self) -> str:
        """Name the model and its bytes."""
        return self._chosen.model_id

    @property
    def classes(self) -> tuple[str, ...]:
        """Name what each output stands for."""
        return self._one.labels

    @property
    def chosen_by_us(self) -> dict[str, float]:
        """Give the times by which the delegate was chosen; empty when it was asked for."""
        return self._chosen.times_us

    @property
    def notes(self) -> tuple[str, ...]:
        """Tell why the delegate asked for is not in use."""
        fallback = self._chosen.fallback
        return (f"{self.name}: {fallback}; the processor ran it",) if fallback else ()

    @cached_property
    def sha256(self) -> str:
        """Give the file's digest."""
        return hashlib.sha256(read_file(self.path)).hexdigest()

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify uint8 (N, 28, 28), ink 255 on background 0; gives float32 (N, classes)."""
        return (self._one if len(images) == 1 else self._many).logits(images)

    def invoke(self) -> None:
        """Run the kernels alone on the digit last given."""
        self._one.invoke()

    def reader(self) -> Reader:
        """Give what reads a frame with this model."""
        return Reader(self._many)

    def reopened(self, threads: int, delegate: str) -> TfliteSubject | None:
        """Open it once more on the processor; None for the Edge TPU or its model."""
        if self.delegate == "edgetpu" or delegate not in ON_CPU:
            return None
        return TfliteSubject(
            self.path,
            name=self.name,
            threads=threads,
            delegate=delegate,
            input_range=self._input_range,
        )

    def cold_argv(self) -> tuple[str, ...] | None:
        """Name the command that opens it in a fresh process; None: the Edge TPU is taken."""
        if self.delegate == "edgetpu":
            return None
        words = (str(self.path.absolute()), self.delegate, str(self.threads))
        return (sys.executable, "-P", "-m", "edge_hdr_device.bench.cold", *words)

    def _open(self, path: Path, delegate: Delegate, threads: int) -> Classifier:
        return Classifier(
            path, num_threads=threads, delegate=delegate, input_range=self._input_range
        )


def describe(subject: Subject) -> dict[str, Any]:
    """Give what a subject tells of itself as JSON-ready values."""
    path, classes = getattr(subject, "path", None), getattr(subject, "classes", None)
    return {
        "name": subject.name,
        "kind": subject.kind,
        "path": str(path) if path else "",
        "sha256": _digest(subject, path),
        "model_id": getattr(subject, "model_id", subject.name),
        "delegate": getattr(subject, "delegate", ""),
        "threads": getattr(subject, "threads", 1),
        "batch": 1,
        "classes": list(classes) if classes else None,
        "chosen_by_us": dict(getattr(subject, "chosen_by_us", {})),
    }


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in what is wrong with a model."""
    try:
        yield
    except ModelError as error:
        if path.name in error.message:
            raise
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from error


def _digest(subject: Subject, path: Path | None) -> str:
    if known := getattr(subject, "sha256", ""):
        return str(known)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else ""
