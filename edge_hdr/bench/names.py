"""What the models of a run are called: NAME=PATH, their own names, or these and where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr.errors import UsageError
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr.bench.subjects import ModelFile

TFLITE = ".tflite"


def split_argument(text: str) -> tuple[str, str]:
    """Take NAME=PATH apart; a path that exists or has a folder before its "=" is a path.

    Returns:
        The name, empty where none is given, and the path or released name.

    Raises:
        UsageError: there is nothing on one side of the "=".
    """
    label, sign, path = text.partition("=")
    if not sign or os.sep in label or Path(text).exists():
        return "", text
    label = label.strip()
    if not label or not path:
        raise UsageError(f"{text!r} is not NAME=PATH", hint="as digits=runs/mine/model.tflite")
    return label, path


def split_arguments(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Take the models of a run apart, see `split_argument`.

    Raises:
        UsageError: one is no NAME=PATH, or two have the same name.
    """
    found = [split_argument(text) for text in texts]
    labels = [label for label, _ in found if label]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"two models are called {label}", hint="give each its own NAME=PATH")
    return found


def named_apart(files: Sequence[ModelFile]) -> list[ModelFile]:
    """Give models names that are unique in their run, whatever their order.

    A model has the name that the user gave it, else its own. Those that would share one get as much
    of their paths as tells them apart, as `digits (mine/seed0)`; one file that is named twice, a
    number.
    """
    taken = [file.label for file in files if file.label]
    found = []
    for file in files:
        if not file.label:
            name = unique(_name(file, files), taken)
            taken.append(name)
            file = replace(file, name=name)  # noqa: PLW2901  the file by its name in this run
        found.append(file)
    return found


def unique(name: str, taken: Iterable[str]) -> str:
    """Give a name that is not taken: the name itself, or with a number behind it."""
    used = set(taken)
    number, found = 1, name
    while found in used:
        number += 1
        found = f"{name}-{number}"
    return found


def _name(file: ModelFile, files: Sequence[ModelFile]) -> str:
    """Name a model without a label beside those that would be called the same."""
    own = file.own_name
    rivals = [_places(other) for other in files if not other.label and other.own_name == own]
    is_label = any(other.label == own for other in files)
    if len(set(rivals)) == 1 and not is_label:
        return own
    depth = 1  # of the shortest ends that differ wherever the whole paths do
    while len({places[-depth:] for places in rivals}) < len(set(rivals)):
        depth += 1
    return f"{own} ({'/'.join(_places(file)[-depth:])})"


def _places(file: ModelFile) -> tuple[str, ...]:
    """Give the folders that a model lies in and its file, unless a build calls all of them so."""
    if file.path.is_relative_to(released.folder()):
        return ("released",)
    path = Path(os.path.normpath(file.path.absolute()))
    folders = path.parts[1:-1]
    if path.name == released.FILE:
        return folders
    return *folders, path.stem if path.suffix == TFLITE else path.name
