"""Open what `edge-hdr bench` is asked to measure: released names, builds, `.tflite`, `.onnx`."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.errors import EdgeHdrError, ModelError
from edge_hdr_device import released
from edge_hdr_device.manifest import Manifest, read_file, unpack

if TYPE_CHECKING:
    from edge_hdr_device.bench.subject import Subject

ONNX = ".onnx"


@dataclass(frozen=True)
class Options:
    """How models are opened.

    Attributes:
        input_range: real values of background and ink, for a model without a manifest.
        threads: of the kernels.
        delegate: auto, xnnpack, none or edgetpu; of TFLite files.
    """

    input_range: tuple[float, float] | None = None
    threads: int = 1
    delegate: str = "auto"


@dataclass(frozen=True)
class ModelFile:
    """What a model's file says of it.

    Attributes:
        name: unique in a run.
        path: of the file.
        content: its bytes; None for a file that is on a board alone.
        manifest: packed into it; None without one.
    """

    name: str
    path: Path
    content: bytes | None
    manifest: Manifest | None

    @cached_property
    def sha256(self) -> str:
        """Give the file's digest; empty where its bytes are not here."""
        return "" if self.content is None else hashlib.sha256(self.content).hexdigest()

    @cached_property
    def gzip_bytes(self) -> int | None:
        """Give the file's bytes after gzip -9; None where its bytes are not here."""
        if self.content is None:
            return None
        return len(gzip.compress(self.content, compresslevel=9, mtime=0))

    @property
    def temperature(self) -> float:
        """Give what the logits are divided by."""
        return self.manifest.temperature if self.manifest else 1.0

    @property
    def threshold(self) -> float:
        """Give the confidence under which a digit is rejected."""
        return self.manifest.threshold if self.manifest else 0.0


@dataclass(frozen=True)
class Failure:
    """A model that could not be used, and why."""

    file: str
    error: EdgeHdrError

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        error = self.error
        return {
            "file": self.file, "code": error.code, "message": error.message, "hint": error.hint
        }  # fmt: skip


def open_subject(
    name_or_path: str, *, input_range: tuple[float, float] | None, threads: int, delegate: str
) -> Subject:
    """Open one model to be measured.

    Args:
        name_or_path: a released name, a build's folder, a `.tflite` or an `.onnx` file.
        input_range: real values of background and ink, for a model without a manifest.
        threads: of the kernels.
        delegate: auto, xnnpack, none or edgetpu; of TFLite files.

    Raises:
        ModelError: there is no such model, or it is no classifier of digits; names the file.
        DependencyError: what runs it is not installed.
    """
    file = read_model_file(name_or_path, taken=())
    return start(file, Options(input_range, threads, delegate))


def read_model_file(name_or_path: str, *, taken: Iterable[str]) -> ModelFile:
    """Find and read a model's file.

    Args:
        name_or_path: see `open_subject`.
        taken: names that others have in this run.

    Raises:
        ModelError: there is no such model, or its manifest is damaged.
    """
    path = released.find(name_or_path)
    content = read_file(path)
    try:
        manifest = None if path.suffix == ONNX else unpack(content)[1]
    except ModelError as error:
        raise _named(path, error) from error
    name = manifest.name if manifest else _stem(path)
    return ModelFile(unique(name, taken), path, content, manifest)


def start(file: ModelFile, options: Options) -> Subject:
    """Make a model's file ready to be measured.

    Raises:
        ModelError: it is no classifier of digits; names the file.
        DependencyError: what runs it is not installed.
    """
    try:
        if file.path.suffix == ONNX:
            from edge_hdr.bench.onnx import OnnxSubject

            return OnnxSubject(
                file.path,
                name=file.name,
                threads=options.threads,
                input_range=options.input_range,
            )
        from edge_hdr_device.bench.subject import TfliteSubject

        return TfliteSubject(
            file.path,
            name=file.name,
            threads=options.threads,
            delegate=options.delegate,
            input_range=options.input_range,
        )
    except ModelError as error:
        raise _named(file.path, error) from error


def unique(name: str, taken: Iterable[str]) -> str:
    """Give a name that is not taken: the name itself, or with a number behind it."""
    used = set(taken)
    number, found = 1, name
    while found in used:
        number += 1
        found = f"{name}-{number}"
    return found


def arguments(models: Sequence[str]) -> list[str]:
    """Give the models to measure: those asked for, or all that are released."""
    return list(models) or released.names()


def _stem(path: Path) -> str:
    """Name a file without a manifest: its stem, or the folder's of a build's model."""
    return path.absolute().parent.name if path.name == released.FILE else path.stem


def _named(path: Path, error: ModelError) -> ModelError:
    if str(path) in error.message:
        return error
    return ModelError(f"{path}: {error.message}", hint=error.hint)
