"""The index of a payload: what is in it, by hash; what is signed, and what its id is made of."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from edge_hdr_device.errors import InputError

FORMAT = 1
INDEX, SIGNATURE = "payload.json", "payload.json.sig"
MEMBERS, WHEELS = "members/", "wheels/"  # folders within the archive; wheels are members, too
RUNTIME, MODEL, CANARY, CONFIG = "runtime.zip", "model.tflite", "canary.json", "device.toml"
NEEDED = (RUNTIME, MODEL, CANARY)
ID_LETTERS = 12


class PayloadError(InputError):
    """A payload is truncated, damaged, incomplete, or not signed by a key that is trusted."""

    code = "payload"


@dataclass(frozen=True)
class Member:
    """A file of a payload.

    Attributes:
        sha256: of its content, 64 hexadecimal digits.
        size_bytes: of its content.
    """

    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, content: bytes) -> Member:
        """Describe a content."""
        return cls(hashlib.sha256(content).hexdigest(), len(content))


@dataclass(frozen=True)
class Index:
    """All that a payload says of itself.

    Attributes:
        version: of the device package in it.
        model: id of the model, as "ds-cnn-small-int8@3f2a9c01d4e5".
        members: by name: runtime.zip, model.tflite, canary.json, and where it has them device.toml
            and wheels/<file>. An archive may lack what the board has.
    """

    version: str
    model: str
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name the release: a hash of its members, less the wheels.

        Those are only a way to bring what the release asks for.
        """
        kept = {name: member for name, member in self.members.items() if not is_wheel(name)}
        lines = [f"{member.sha256}  {name}\n" for name, member in sorted(kept.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:ID_LETTERS]

    @property
    def runtime(self) -> str:
        """Name the folder that the device package is unpacked to."""
        return self.members[RUNTIME].sha256[:ID_LETTERS]

    @property
    def wheels(self) -> dict[str, Member]:
        """Give the wheels, by file name."""
        return {
            name.removeprefix(WHEELS): member
            for name, member in self.members.items()
            if is_wheel(name)
        }

    def to_bytes(self) -> bytes:
        """Write it: the same content gives the same bytes, which are what is signed."""
        document = {
            "format": FORMAT,
            "version": self.version,
            "model": self.model,
            "members": {
                name: {"sha256": member.sha256, "bytes": member.size_bytes}
                for name, member in self.members.items()
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Index:
        """Read it.

        Raises:
            PayloadError: no index, one of a later format, a name that leads out of its folder, or a
                member is missing that every release needs.
        """
        try:
            document = json.loads(content)
            if document["format"] != FORMAT:
                raise PayloadError(
                    f"the payload has format {document['format']!r}, this installer knows {FORMAT}",
                    hint="bundle it with the edge-hdr that is installed there, or update that",
                )
            members = {
                _checked(name): Member(_hash(entry["sha256"]), int(entry["bytes"]))
                for name, entry in document["members"].items()
            }
            index = cls(str(document["version"]), str(document["model"]), members)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PayloadError(
                f"the payload's index cannot be read: {error!r}", hint="bundle it again"
            ) from error
        if missing := [name for name in NEEDED if name not in members]:
            raise PayloadError(f"the payload lacks {', '.join(missing)}", hint="bundle it again")
        return index

    def to_dict(self) -> dict[str, Any]:
        """Give it for a person or a program: id, version, model, and the sizes of its members."""
        return {
            "id": self.id,
            "version": self.version,
            "model": self.model,
            "members": {name: member.size_bytes for name, member in sorted(self.members.items())},
        }


def is_wheel(name: str) -> bool:
    """Tell whether a member is a wheel."""
    return name.startswith(WHEELS)


def _checked(name: str) -> str:
    if not re.fullmatch(r"(wheels/)?[A-Za-z0-9_][A-Za-z0-9_.+-]*", name):
        raise ValueError(name)
    return name


def _hash(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(text)
    return text
