"""A folder of foreign model files, each with a small description beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_hdr.bench.description import Description, check_layout, describe, layout_of
from edge_hdr.errors import ConfigError, EdgeHdrError, InputError
from edge_hdr_device.bench.subject import Subject

__all__ = ["Description", "Found", "check_layout", "describe", "layout_of", "open_peers"]

SUFFIXES = (".tflite", ".onnx")


@dataclass
class Found:
    """What a folder of peers holds.

    Attributes:
        subjects: opened files by title.
        descriptions: by title.
        failed: one entry a file that cannot be used: "file", "error", "hint".
        notes: what was assumed, a sentence each.
    """

    subjects: dict[str, Subject] = field(default_factory=dict)
    descriptions: dict[str, Description] = field(default_factory=dict)
    failed: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def open_peers(folder: Path, opened: Callable[[Path, Description], Subject]) -> Found:
    """Open every model file of a folder; one that cannot be used is named, the others are opened.

    Args:
        folder: with `.tflite` and `.onnx` files, and NAME.toml beside each.
        opened: opens a file by its description.

    Raises:
        InputError: the folder is none, or has no model file.
    """
    files = sorted(path for path in _listed(folder) if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(
            f"{folder} holds no model file", hint=f"put {' or '.join(SUFFIXES)} files there"
        )
    found = Found()
    for path in files:
        try:
            description = describe(path)
            if description.title in found.descriptions:
                raise ConfigError(
                    f"{path.name}: the title {description.title!r} is another file's",
                    hint=f"give another title in {path.with_suffix('.toml').name}",
                )
            subject = opened(path, description)
            check_layout(path, description)
        except EdgeHdrError as error:
            message = error.message if path.stem in error.message else f"{path.name}: {error}"
            found.failed.append({"file": path.name, "error": message, "hint": error.hint})
            continue
        found.subjects[description.title] = subject
        found.descriptions[description.title] = description
        if not path.with_suffix(".toml").exists():
            found.notes.append(
                f"{path.name} has no {path.stem}.toml: its input range is that of its own "
                "quantization, or 0 to 1"
            )
    stems = {path.stem for path in files}
    for path in _listed(folder):
        if path.suffix == ".toml" and path.stem not in stems:
            found.notes.append(f"{path.name} describes no model file")
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"cannot list {folder}: {error.strerror}", hint="give --peers a folder of model files"
        ) from error
