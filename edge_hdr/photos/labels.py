"""What is written on the photos of a folder: `labels.json`, read and checked.

    [{"file": "page.jpg", "digits": "12/345"}, …]

`digits` are those of a photo from left to right, its lines from top to bottom parted by "/"; ""
for a photo without any. Optional: `flags`, a list of words by which figures are told apart;
`source_repo`, where a photo comes from; `boxes`, one for each digit in reading order, each with
`label`, `x`, `y`, `width` and `height` in px of the photo. Other keys are ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from edge_hdr.errors import DataError
from edge_hdr.scenes.drawn import GALLERY, drawn
from edge_hdr_device.images import SUFFIXES

LABELS = "labels.json"
LINE_BREAK = "/"
EXAMPLE = '[{"file": "page.jpg", "digits": "12/345"}], lines parted by "/"'

Box = tuple[float, float, float, float]  # x, y, width, height in px


@dataclass(frozen=True)
class Truth:
    """What is written on one photo.

    Attributes:
        file: its name in the folder.
        lines: the digits of each line, from top to bottom.
        flags: what is special about it; none for a plain photo.
        source: where it comes from; its own name where nothing is said.
        boxes: of each digit in reading order, in px; empty where they are not known.
    """

    file: str
    lines: tuple[str, ...]
    flags: tuple[str, ...] = ()
    source: str = ""
    boxes: tuple[Box, ...] = ()

    @property
    def digits(self) -> str:
        """Give all digits in reading order."""
        return "".join(self.lines)

    @property
    def text(self) -> str:
        """Give the digits as `labels.json` does."""
        return LINE_BREAK.join(self.lines)


def load_truths(folder: Path, half: int | None = None) -> list[Truth]:
    """Read the labels of a folder of photos.

    Args:
        folder: with `labels.json` and the photos that it names.
        half: 0 or 1 for the photos of every other source; None for all.

    Raises:
        DataError: no labels, not the schema above, a photo that is missing or named twice, or
            nothing to read.
    """
    path = folder / LABELS
    entries = _entries(path)
    truths = [_truth(path, number, entry) for number, entry in enumerate(entries, start=1)]
    _check_files(path, truths)
    chosen = truths if half is None else one_half(truths, half)
    if not chosen:
        which = "" if half is None else f" in half {half}"
        raise DataError(f"{path} names no photo{which}", hint=f"write one entry a photo: {EXAMPLE}")
    return chosen


def unlabelled(folder: Path) -> tuple[int, int]:
    """Count the pictures beside `labels.json` that it does not name, and all of them.

    Hidden files and the contact sheet of drawn scenes are no pictures to be read.
    """
    named = {Path(entry["file"]) for entry in _entries(folder / LABELS)}
    sheet = GALLERY if drawn(folder) else ""
    there = [
        Path(path.name)
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.name != sheet
    ]
    return len(set(there) - named), len(there)


def one_half(truths: Sequence[Truth], half: int) -> list[Truth]:
    """Give the photos of every other source, in the order of the sources' sha256.

    One half can so be worked on while the other judges: no source is in both.

    Args:
        truths: photos of any sources.
        half: 0 or 1.
    """
    sources = {truth.source for truth in truths}
    ranked = sorted(sources, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    wanted = set(ranked[half::2])
    return [truth for truth in truths if truth.source in wanted]


def _entries(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"no labels: {path} is missing", hint=f"write it beside the photos: {EXAMPLE}"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is no JSON: {reason}", hint=f"write {EXAMPLE}") from error
    if not isinstance(content, list):
        raise DataError(f"{path} holds no list", hint=f"write {EXAMPLE}")
    return content


def _truth(path: Path, number: int, entry: Any) -> Truth:
    def wrong(what: str) -> DataError:
        return DataError(f"{path}, entry {number}: {what}", hint=f"write {EXAMPLE}")

    if not isinstance(entry, dict):
        raise wrong("it is no object")
    file, digits = entry.get("file"), entry.get("digits")
    if not isinstance(file, str) or not file:
        raise wrong('no "file"')
    if not isinstance(digits, str):
        raise wrong(f'{file} has no "digits", a text')
    lines = tuple(line for line in digits.replace(" ", "").split(LINE_BREAK) if line)
    if strange := sorted(set("".join(lines)) - set("0123456789")):
        raise wrong(f'"digits" of {file} hold {strange[0]!r}')
    flags, source = entry.get("flags") or [], entry.get("source_repo") or file
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise wrong(f'"flags" of {file} are no list of words')
    if not isinstance(source, str):
        raise wrong(f'"source_repo" of {file} is no text')
    boxes = entry.get("boxes") or []
    if not isinstance(boxes, list) or not all(map(_is_box, boxes)):
        raise wrong(f'"boxes" of {file} need "x", "y", "width" and "height" in px each')
    if boxes and [str(box.get("label")) for box in boxes] != list("".join(lines)):
        raise wrong(f'"boxes" of {file} are not labelled as its "digits" are')
    places = tuple((box["x"], box["y"], box["width"], box["height"]) for box in boxes)
    return Truth(file, lines, tuple(flags), source, places)


def _is_box(box: Any) -> bool:
    if not isinstance(box, dict):
        return False
    sides = [box.get(key) for key in ("x", "y", "width", "height")]
    return all(isinstance(side, int | float) and isfinite(side) for side in sides)


def _check_files(path: Path, truths: Sequence[Truth]) -> None:
    """Make sure that each photo is there, and named once.

    Raises:
        DataError: it is not.
    """
    seen: set[str] = set()
    for truth in truths:
        if truth.file in seen:
            raise DataError(f"{path} names {truth.file} twice", hint="remove one of the entries")
        seen.add(truth.file)
        if not (path.parent / truth.file).is_file():
            raise DataError(
                f"{path} names {truth.file}, which is not there",
                hint="copy the photo there, or remove its entry",
            )
