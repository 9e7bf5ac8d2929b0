"""Open what `edge-hdr bench` is asked to measure: released names, builds, `.tflite`, `.onnx`."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.bench.description import Description, check_layout, describe
from edge_hdr.errors import ConfigError, EdgeHdrError, ModelError
from edge_hdr_device import released
from edge_hdr_device.manifest import Manifest, read_file, unpack

if TYPE_CHECKING:
    from edge_hdr_device.bench.subject import Subject

ONNX = ".onnx"


@dataclass(frozen=True)
class Options:
    """How models are opened.

    Attributes:
        input_range: real values of background and ink, for models without a manifest; None is
            what each one's description says.
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
        description: beside it; of a file without a manifest.
        label: what the user called it by NAME=PATH; empty without.
        own_name: in its manifest or description, else of its file; empty where it has none.
        argument: the path or released name as the user typed it; empty for a board's own.
    """

    name: str
    path: Path
    content: bytes | None
    manifest: Manifest | None
    description: Description | None = None
    label: str = ""
    own_name: str = ""
    argument: str = ""

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

    def input_range(self, options: Options) -> tuple[float, float] | None:
        """Give what was said of its background and ink: by the options, else its description."""
        described = self.description.input_range if self.description else None
        return None if self.manifest else options.input_range or described


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
    file = read_model_file(name_or_path)
    return start(file, Options(input_range, threads, delegate))


def read_model_file(name_or_path: str) -> ModelFile:
    """Find and read a model's file.

    Args:
        name_or_path: see `open_subject`.

    Raises:
        ModelError: there is no such model, or its manifest or description is damaged.
    """
    path = released.find(name_or_path)
    content = read_file(path)
    try:
        manifest = None if path.suffix == ONNX else unpack(content)[1]
    except ModelError as error:
        raise _named(path, error) from error
    if manifest:
        own = manifest.name
        return ModelFile(own, path, content, manifest, own_name=own, argument=name_or_path)
    try:
        description = describe(path)
    except ConfigError as error:
        raise ModelError(error.message, hint=error.hint) from error
    name = _stem(path) if description.title == path.stem else description.title
    return ModelFile(name, path, content, None, description, own_name=name, argument=name_or_path)


def start(file: ModelFile, options: Options) -> Subject:
    """Make a model's file ready to be measured.

    Raises:
        ModelError: it is no classifier of digits; names the file.
        DependencyError: what runs it is not installed.
    """
    try:
        subject = _opened(file, options)
        if file.description:
            check_layout(file.path, file.description)
    except ModelError as error:
        raise _named(file.path, error) from error
    return subject


def _opened(file: ModelFile, options: Options) -> Subject:
    limits = file.input_range(options)
    if file.path.suffix == ONNX:
        from edge_hdr.bench.onnx import OnnxSubject

        return OnnxSubject(file.path, name=file.name, threads=options.threads, input_range=limits)
    from edge_hdr_device.bench.subject import TfliteSubject

    return TfliteSubject(
        file.path,
        name=file.name,
        threads=options.threads,
        delegate=options.delegate,
        input_range=limits,
    )


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
