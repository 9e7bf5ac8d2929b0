"""The small description that may lie beside a foreign model file: NAME.toml beside NAME.onnx."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.errors import ConfigError, ModelError, nearest
from edge_hdr_device.classifier import Classifier

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
        from edge_hdr.bench.onnx import open_session

        return tuple(open_session(path, threads=1).get_inputs()[0].shape)
    return Classifier(path).input_spec.shape


def layout_of(shape: tuple[Any, ...]) -> str:
    """Name the layout of an input's shape; empty where sizes that are open leave it so."""
    sizes = tuple(shape)[1:]
    known = {(28, 28, 1): "nhwc", (1, 28, 28): "nchw", (28, 28): "nhw", (784,): "flat"}
    return known.get(sizes, "")


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
