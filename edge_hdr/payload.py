"""A payload: the runtime, a model, its canary, settings and wheels as one file that a board runs.

What a payload is, its id and its index are in `edge_hdr_device.install.index`, which both sides
read. The id is made of contents alone, so it does not depend on the compressor that wrote the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import edge_hdr_device
from edge_hdr.errors import ConfigError, EdgeHdrError, InputError, ModelError
from edge_hdr.payload_archive import Content, WheelFile, runtime_archive, zipped
from edge_hdr_device.install.index import (
    CANARY,
    CONFIG,
    INDEX,
    MEMBERS,
    MODEL,
    RUNTIME,
    SIGNATURE,
    WHEELS,
    Index,
    Member,
    is_wheel,
)
from edge_hdr_device.storage import write_atomic

if TYPE_CHECKING:
    from edge_hdr.signing import SigningKey

MAIN = "__main__.py"
EDGE_TPU = "model_edgetpu.tflite"  # beside the model's own file, on the board as in a build


@dataclass(frozen=True)
class Payload:
    """All parts of a payload, ready to be written whole or without what a board has.

    Attributes:
        index: what is in it.
        index_bytes: the index as it is written and signed.
        contents: by member name.
        signature: line for `payload.json.sig`, None for a payload that is not signed.
    """

    index: Index
    index_bytes: bytes
    contents: Mapping[str, Content]
    signature: str | None = None

    @property
    def id(self) -> str:
        """Name the release that it becomes."""
        return self.index.id

    def chunks(self, have: Iterable[str] = frozenset()) -> Iterator[bytes]:
        """Write the archive piece by piece.

        Args:
            have: sha256 of members that the board has already; they are left out. The index and the
                signature are always whole.

        Raises:
            StorageError: a wheel has gone or changed since the payload was built.
        """
        known = frozenset(have)
        members = self.index.members
        return self._written({name for name in members if members[name].sha256 not in known})

    def thin(self, have: Iterable[str] = frozenset()) -> bytes:
        """Give the same in one piece."""
        return b"".join(self.chunks(have))

    def size(self, have: Iterable[str] = frozenset()) -> int:
        """Count the bytes that `chunks` gives."""
        return sum(len(piece) for piece in self.chunks(have))

    def write(self, to: Path) -> None:
        """Write the whole archive, or nothing.

        Raises:
            StorageError: it cannot be written; what was there is as before.
        """
        write_atomic(to, self.thin())

    def write_split(self, to: Path, wheels: Path) -> None:
        """Write the wheels into an archive of their own, which is given to the installer as well.

        Raises:
            StorageError: one of them cannot be written.
        """
        names = {name for name in self.contents if is_wheel(name)}
        write_atomic(wheels, b"".join(zipped(self._members(names))))
        write_atomic(to, b"".join(self._written(set(self.contents) - names)))

    def _written(self, names: set[str]) -> Iterator[bytes]:
        head: dict[str, Content] = {MAIN: _main(), INDEX: self.index_bytes}
        if self.signature is not None:
            head[SIGNATURE] = self.signature.encode() + b"\n"
        return zipped({**head, **self._members(names)})

    def _members(self, names: set[str]) -> dict[str, Content]:
        return {f"{MEMBERS}{name}": self.contents[name] for name in names}


def build(
    model: Path,
    *,
    config: Path | None = None,
    wheels: Path | None = None,
    key: SigningKey | None = None,
) -> Payload:
    """Put a payload together; everything in it is checked before.

    Args:
        model: a `.tflite` file; with its `…_edgetpu.tflite` beside it both are taken.
        config: settings for the board, a TOML file.
        wheels: folder of wheels for a board without network.
        key: signs the index.

    Raises:
        ModelError: the model is damaged, foreign, or has another interface than needed.
        ConfigError: a setting is unknown or out of range.
        InputError: the folder has no wheels.
    """
    model_id, contents = _models(model)
    contents[RUNTIME] = runtime_archive()
    contents[CANARY] = _canary(model)
    if config is not None:
        contents[CONFIG] = _settings(config)
    if wheels is not None:
        contents |= _wheels(wheels)
    members = {
        name: Member.of(content) if isinstance(content, bytes) else content.member
        for name, content in contents.items()
    }
    index = Index(edge_hdr_device.__version__, model_id, members)
    index_bytes = index.to_bytes()
    Index.from_bytes(index_bytes)  # refuses here what a board would refuse
    return Payload(index, index_bytes, contents, key.sign(index_bytes) if key else None)


def _models(path: Path) -> tuple[str, dict[str, Content]]:
    """Read and check the model, and its twin for the Edge TPU where it has one."""
    from edge_hdr_device.delegates import SUFFIX
    from edge_hdr_device.manifest import read_file

    if path.stem.endswith(SUFFIX):
        plain = f"{path.stem.removesuffix(SUFFIX)}.tflite"
        raise ModelError(
            f"{path} is for the Edge TPU alone, and a board checks the model on its processor, too",
            hint=f"give {path.with_name(plain)}; {path.name} beside it is taken along",
        )
    content = read_file(path)
    model_id, flatbuffer = _identified(path, content)
    contents: dict[str, Content] = {MODEL: content}
    twin = path.with_name(f"{path.stem}{SUFFIX}.tflite")
    if twin.is_file():
        compiled = read_file(twin)
        _check_twin(twin, compiled, flatbuffer)
        contents[EDGE_TPU] = compiled
    return model_id, contents


def _identified(path: Path, content: bytes) -> tuple[str, bytes]:
    """Give the model's id as the runtime calls it, and its flatbuffer."""
    from edge_hdr_device.classifier import Classifier
    from edge_hdr_device.manifest import unpack

    try:
        Classifier(content)
        flatbuffer, manifest = unpack(content)
    except ModelError as error:
        raise _about(path, error) from error
    if manifest is None:
        return f"{path.stem}@{hashlib.sha256(content).hexdigest()[:12]}", flatbuffer
    return f"{manifest.name}@{manifest.sha256[:12]}", flatbuffer


def _check_twin(path: Path, content: bytes, source: bytes) -> None:
    """Refuse a file for the Edge TPU that was compiled from another model."""
    from edge_hdr.edgetpu_rules import CUSTOM_OPERATOR
    from edge_hdr_device.manifest import unpack

    try:
        flatbuffer, manifest = unpack(content)
    except ModelError as error:
        raise _about(path, error) from error
    expected = hashlib.sha256(source).hexdigest()
    told = manifest.metrics.get("edge_tpu", {}) if manifest else {}
    compiled_from = told.get("compiled_from_sha256", expected)  # anyone's compiler tells nothing
    if compiled_from != expected or CUSTOM_OPERATOR.encode() not in flatbuffer:
        raise ModelError(
            f"{path} was not compiled from the model beside it",
            hint="build again with --target coral, or move that file away",
        )


def _about(path: Path, error: EdgeHdrError) -> ModelError:
    """Name the file in an error that does not."""
    message = error.message if str(path) in error.message else f"{path}: {error.message}"
    return ModelError(message, hint=error.hint)


def _canary(model: Path) -> bytes:
    from edge_hdr_device.install import canary

    return canary.make(model)


def _settings(path: Path) -> bytes:
    """Read a board's settings and check them as the board will."""
    from edge_hdr_device.config import resolve

    resolve({}, file=path, environment={})
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check --config") from error


def _wheels(folder: Path) -> dict[str, WheelFile]:
    found = {f"{WHEELS}{path.name}": WheelFile.of(path) for path in folder.glob("*.whl")}
    if not found:
        raise InputError(f"{folder} has no wheels", hint="fetch them again: edge-hdr bundle")
    return found


def _main() -> bytes:
    return (resources.files("edge_hdr_device.install") / "bootstrap.py").read_bytes()
