"""The manifest: what a model is, packed into its file so that one file is enough."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import ModelError

SCHEMA_VERSION = 1
MEMBER = "manifest.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time, so that equal models are equal files


@dataclass(frozen=True)
class TensorSpec:
    """One end of a model: shape, dtype and the affine map real = scale × (stored − zero_point).

    `scale` is 0.0 for a float tensor.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Manifest:
    """Say what a model is, how it was made and how well it did.

    Attributes:
        name: of the model, as "ds-cnn-small-int8".
        version: of edge-hdr that made it.
        architecture: builder's name, as "ds-cnn-small".
        variant: float32, float16, dynamic, int8-ptq, int8 or int8-pruned.
        labels: what each output stands for, in order.
        input: (1, 28, 28, 1); ink is high on a low background.
        output: (1, classes), logits.
        polarity: "ink-high".
        normalization: name of the device's normalization, "mnist-20in28-com".
        temperature: logits are divided by it before the softmax, > 0.
        threshold: confidence in [0, 1] under which a digit is rejected.
        sha256: hex digest of the flatbuffer, manifest not counted.
        metrics: figure by name, each with the split that it was measured on.
        data: name, sha256, source and warnings of the training data.
        seed: of the whole build.
        config: the resolved configuration.
        libraries: version by library.
        command: the command that made it.
    """

    name: str
    version: str
    architecture: str
    variant: str
    labels: tuple[str, ...]
    input: TensorSpec
    output: TensorSpec
    polarity: str = "ink-high"
    normalization: str = "mnist-20in28-com"
    temperature: float = 1.0
    threshold: float = 0.0
    sha256: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    config: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    command: str = ""
    schema_version: int = SCHEMA_VERSION

    def to_json(self, *, indent: int | None = None) -> str:
        """Give the manifest as JSON with sorted keys; compact unless an indent is asked for."""
        separators = (",", ":") if indent is None else None
        fields = dataclasses.asdict(self)
        return json.dumps(fields, indent=indent, separators=separators, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read a manifest.

        Raises:
            ModelError: it is not JSON, lacks a field, or comes from a newer schema.
        """
        try:
            fields = json.loads(text)
            schema = int(fields["schema_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                "the manifest is damaged", hint="build or copy the model again"
            ) from error
        if schema > SCHEMA_VERSION:
            raise ModelError(
                f"the manifest has schema {schema}, newer than {SCHEMA_VERSION}",
                hint="update edge-hdr on this machine",
            )
        known = {item.name for item in dataclasses.fields(cls)}
        try:
            fields = {key: value for key, value in fields.items() if key in known}
            fields["labels"] = tuple(fields["labels"])
            for end in ("input", "output"):
                spec = fields[end]
                fields[end] = TensorSpec(**{**spec, "shape": tuple(spec["shape"])})
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ModelError(
                f"the manifest lacks or garbles a field: {error}",
                hint="build or copy the model again",
            ) from error


def pack(flatbuffer: bytes, manifest: Manifest) -> bytes:
    """Append the manifest to a flatbuffer as a zip, which interpreters ignore.

    Args:
        flatbuffer: a TFLite model without a packed manifest.
        manifest: its `sha256` is set here.

    Returns:
        The file: same bytes for the same input, readable by `zipfile` and by any interpreter.

    Source: the TFLite Metadata convention for associated files.
    """
    manifest = dataclasses.replace(manifest, sha256=hashlib.sha256(flatbuffer).hexdigest())
    file = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER, _EPOCH), manifest.to_json(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def unpack(data: bytes) -> tuple[bytes, Manifest | None]:
    """Part a model file into its flatbuffer and its manifest.

    Returns:
        The flatbuffer, and the manifest or None for a model that carries none.

    Raises:
        ModelError: the manifest is damaged or does not belong to this flatbuffer.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            start = min(info.header_offset for info in archive.infolist())
            names = archive.namelist()
            text = archive.read(MEMBER) if MEMBER in names else None
    except (zipfile.BadZipFile, ValueError, EOFError, zlib.error) as error:
        is_model = data[4:8] == b"TFL3"  # any other file that names a manifest is none of ours
        if is_model and MEMBER.encode() in data:  # half a zip: truncated or damaged, not bare
            raise ModelError(
                "the manifest in the model is damaged", hint="build or copy the model again"
            ) from error
        return data, None
    flatbuffer = data[:start]
    if text is None:
        return flatbuffer or data, None  # a zip and nothing before it is no model
    manifest = Manifest.from_json(text)
    if manifest.sha256 != hashlib.sha256(flatbuffer).hexdigest():
        raise ModelError(
            "the model does not match the hash in its manifest",
            hint="the file was changed or damaged; build or copy it again",
        )
    return flatbuffer, manifest


def read_model(path: Path) -> tuple[bytes, Manifest | None]:
    """Read a model file; see `unpack`.

    Raises:
        ModelError: the file cannot be read, or see `unpack`.
    """
    return unpack(read_file(path))


def read_file(path: Path) -> bytes:
    """Read a model file's bytes.

    Raises:
        ModelError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the model {path}: {error.strerror}", hint="check the path"
        ) from error
