"""A folder of foreign model files, each with a small description beside it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_hdr.bench.onnx import open_session
from edge_hdr.errors import ConfigError, EdgeHdrError, InputError, ModelError, nearest
from edge_hdr_device.bench.subject import Subject
from edge_hdr_device.classifier import Classifier

SUFFIXES = (".tflite", ".onnx")
LAYOUTS = ("nhwc", "nchw", "nhw", "flat")
KEYS = ("title", "input_range", "layout", "source", "licence")


@dataclass(frozen=True)
class Description:
    """What is known of a foreign file besides its bytes; the schema of NAME.toml.

    Attributes:
        title: how it is called in tables; by default the file's name without its suffix.
        input_range: what the model was trained to see for background and for full ink, as
            [0, 1], [-1, 1], [0, 255], or [1, 0] for dark ink on white; None takes what the input's
            own quantization says, and [0, 1] for a float input.
        layout: of `LAYOUTS`, checked against the file; empty takes the file's own shape.
        source: where the file comes from, an address.
        licence: its short name, as "MIT".
    """

    title: str
    input_range: tuple[float, float] | None = None
    layout: str = ""
    source: str = ""
    licence: str = ""


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


def describe(path: Path) -> Description:
    """Read the description beside a model file; the defaults where there is none.

    Raises:
        ConfigError: it is no TOML, has an unknown key (the nearest known one is named), or a value
            of the wrong kind.
    """
    file = path.with_suffix(".toml")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Description(title=path.stem)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", hint="check the file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name} is no TOML: {error}", hint="mend that line") from error
    for key, value in content.items():
        _check(file.name, key, value)
    if "input_range" in content:
        low, high = content["input_range"]
        content["input_range"] = (float(low), float(high))
    return Description(**{"title": path.stem, **content})


def check_layout(path: Path, description: Description) -> None:
    """Compare the layout that a description names with the shape that a usable file has.

    Raises:
        ModelError: they differ, so one of them is wrong.
    """
    if not description.layout:
        return
    shape = input_shape(path)
    found = layout_of(shape)
    if found not in {"", description.layout}:
        raise ModelError(
            f"{path.name} takes {tuple(shape)}, which is {found}, not {description.layout}",
            hint=f"write layout = {found!r}, or leave it out",
        )


def input_shape(path: Path) -> tuple[Any, ...]:
    """Give the shape of a usable file's input, batch included; a free size is no number."""
    if path.suffix.lower() == ".onnx":
        return tuple(open_session(path, threads=1).get_inputs()[0].shape)
    return Classifier(path).input_spec.shape


def layout_of(shape: tuple[Any, ...]) -> str:
    """Name the layout of an input's shape; empty where sizes that are open leave it so."""
    sizes = tuple(shape)[1:]
    known = {(28, 28, 1): "nhwc", (1, 28, 28): "nchw", (28, 28): "nhw", (784,): "flat"}
    return known.get(sizes, "")


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"cannot list {folder}: {error.strerror}", hint="give --peers a folder of model files"
        ) from error


def _check(file: str, key: str, value: Any) -> None:
    if key not in KEYS:
        raise ConfigError(f"{file}: unknown key {key!r}", hint=nearest(key, KEYS))
    if key == "input_range":
        pair = isinstance(value, list) and len(value) == 2
        if not pair or not all(_is_number(end) for end in value) or value[0] == value[1]:
            raise ConfigError(
                f"{file}: input_range = {value!r} is no pair of different numbers",
                hint="background first, then ink, as input_range = [0, 1]",
            )
    elif not isinstance(value, str) or (key == "title" and not value.strip()):
        raise ConfigError(f"{file}: {key} = {value!r} is no text", hint=f'as {key} = "…"')
    if key == "layout" and value not in LAYOUTS:
        raise ConfigError(f"{file}: unknown layout {value!r}", hint=nearest(value, LAYOUTS))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
