"""Which files of a folder are images of which class: by sub-folders or by `labels.csv`."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_hdr.data import mnist
from edge_hdr.errors import DataError, nearest

LABELS_FILE = "labels.csv"
COLUMNS = ("file", "label")
# What file managers and archivers leave in folders.
LITTER = {"thumbs.db", "desktop.ini", "__macosx"}
LAYOUT_HINT = (
    "make one sub-folder a class with its images, or a labels.csv with the columns file,label"
)


@dataclass(frozen=True)
class LabelledFile:
    """An image file and the name of its class."""

    path: Path
    label: str


def index(folder: Path) -> list[LabelledFile]:
    """List a folder's images with their classes, in a fixed order.

    `labels.csv` (columns file,label; files relative to the folder) counts where it is there, else
    each sub-folder is a class. Hidden files and what file managers leave are passed over.

    Raises:
        DataError: no images, a class without images, or a wrong `labels.csv`.
    """
    table = folder / LABELS_FILE
    try:
        files = list(_rows(table) if table.is_file() else _sub_folders(folder))
    except OSError as error:
        raise DataError(
            f"{error.filename or folder} cannot be read: {error.strerror}",
            hint="check that you may read it",
        ) from error
    if files:
        return files
    if len(mnist.missing(folder)) < len(mnist.CHECKSUMS):
        raise DataError(
            f"{folder} has MNIST's own files, not images",
            hint="use --data mnist --data-dir with this folder",
        )
    raise DataError(f"{folder} has no labelled images", hint=LAYOUT_HINT)


def is_only_test(folder: Path) -> bool:
    """Say whether a folder has a `test/` with classes or a `labels.csv`, and nothing beside it."""
    if not (folder / "test").is_dir() or (folder / LABELS_FILE).is_file():
        return False
    try:
        groups = [path.name for path in folder.iterdir() if path.is_dir() and not _litter(path)]
    except OSError:
        return False  # `index` says what is wrong
    return groups == ["test"]


def class_names(files: Iterable[LabelledFile]) -> tuple[str, ...]:
    """Give the sorted names of the classes; numbers in numeric order.

    Raises:
        DataError: there are fewer than two.
    """
    names = sorted({file.label for file in files})
    if len(names) < 2:
        raise DataError(
            f"one class only: {', '.join(names)}", hint=f"two or more are needed; {LAYOUT_HINT}"
        )
    if all(name.isascii() and name.isdecimal() for name in names):
        names.sort(key=int)
    return tuple(names)


def _sub_folders(folder: Path) -> Iterator[LabelledFile]:
    for group in sorted(path for path in folder.iterdir() if path.is_dir() and not _litter(path)):
        members = sorted(
            path
            for path in group.rglob("*")
            if path.is_file() and not any(map(_litter, [path, *path.relative_to(group).parents]))
        )
        if not members:
            raise DataError(
                f"class {group.name} has no images: {group} is empty",
                hint="add images to it, or remove the folder",
            )
        yield from (LabelledFile(path, group.name) for path in members)


def _litter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in LITTER


def _rows(table: Path) -> Iterator[LabelledFile]:
    """Read `labels.csv`; every row names a file that exists and a label."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(reader.fieldnames or [])
            for row in reader:
                yield _row(table, reader.line_num, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{LABELS_FILE} is no table of text: {error}", hint="save it as CSV in UTF-8"
        ) from error


def _check_columns(names: Iterable[str]) -> None:
    found = Counter(name.strip() for name in names)
    for name in found:
        if name not in COLUMNS:
            raise DataError(
                f"{LABELS_FILE} has an unknown column {name!r}", hint=nearest(name, COLUMNS)
            )
    for name in COLUMNS:
        if found[name] != 1:
            many = "no" if not found[name] else "more than one"
            raise DataError(
                f"{LABELS_FILE} has {many} column {name!r}", hint="its first line is file,label"
            )


def _row(table: Path, line: int, row: dict[str | None, str | list[str] | None]) -> LabelledFile:
    cells = {str(key).strip(): value for key, value in row.items() if isinstance(value, str)}
    name, label = (cells.get(column, "").strip() for column in COLUMNS)
    if None in row or not name or not label:
        raise DataError(
            f"{LABELS_FILE} line {line} is not a file and a label",
            hint="each line has two cells: file,label",
        )
    path = table.parent / name
    if not path.is_file():
        raise DataError(
            f"{LABELS_FILE} line {line} names a file that is missing: {name}",
            hint=f"files are named relative to the folder of {LABELS_FILE}",
        )
    return LabelledFile(path, label)
