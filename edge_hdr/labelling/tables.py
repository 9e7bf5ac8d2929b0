"""What a folder of samples says: its pictures, and the tables of digits and of non-digits."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from edge_hdr.data.folder_index import COLUMNS, LABELS_FILE, LITTER, index
from edge_hdr.errors import DataError
from edge_hdr_device.images import SUFFIXES
from edge_hdr_device.sample_ring import INDEX
from edge_hdr_device.storage import write_atomic

NON_DIGITS_FILE = "non-digits.csv"
# What is said of a sample: the name of a class, or one of these.
NON_DIGIT, SKIPPED, OPEN = "none", "skipped", ""

Said = dict[str, str]
"""What is said of each file, by its path below the folder."""


def pictures(folder: Path) -> tuple[list[str], list[str]]:
    """List a folder's pictures, and those left out because a table could not name them.

    Whole frames that a board kept beside its samples are passed over.

    Returns:
        Paths below the folder with "/", sorted; and the names that cannot be written.

    Raises:
        DataError: no folder, no pictures, or one that is split into train/ and test/ already.
    """
    _check(folder)
    found: list[str] = []
    unwritable: list[str] = []
    passed = {"frames"} if (folder / INDEX).is_file() else set()
    for place, folders, names in os.walk(folder, onerror=_refuse):
        here = Path(place)
        hidden = passed if here == folder else set()
        folders[:] = [name for name in folders if name not in hidden and not _litter(name)]
        for name in names:
            if not _litter(name) and Path(name).suffix.lower() in SUFFIXES:
                path = (here / name).relative_to(folder).as_posix()
                (found if _is_writable(path) else unwritable).append(path)
    if not found:
        raise DataError(
            f"{folder} has no pictures",
            hint="name a folder of crops, one digit each, as `edge-hdr samples pull` fetches",
        )
    return sorted(found), sorted(unwritable)


def said_by(folder: Path, files: Iterable[str], classes: Iterable[str]) -> Said:
    """Read what a folder says of its files by labels.csv, else by sub-folders of classes.

    A board's sub-folders are its guesses: there a file counts once a person has moved it.

    Raises:
        DataError: a table has other columns than file,label.
    """
    table = folder / LABELS_FILE
    if table.is_file():
        return read_table(table)
    known = {*classes, NON_DIGIT}
    if indexes := [place / INDEX for place in (folder, folder.parent) if (place / INDEX).is_file()]:
        guesses = _guesses(indexes[0])
        groups = ((file, Path(file).parent.name) for file in files)
        moved = ((file, group) for file, group in groups if _is_moved(file, group, guesses))
        return {file: group for file, group in moved if group in known}
    tops = {file: file.split("/")[0] for file in files if "/" in file}
    return tops if set(tops.values()) <= known else {}


def read_table(table: Path) -> Said:
    """Read a table; files that are missing now are kept.

    Raises:
        DataError: it cannot be read, or has other columns than file,label.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            names = [name.strip() for name in rows.fieldnames or []]
            rows.fieldnames = names
            if sorted(names) != sorted(COLUMNS):
                raise DataError(f"{table} has other columns", hint="its first line is file,label")
            cells = [tuple((row[column] or "").strip() for column in COLUMNS) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read: {error}", hint="save it as CSV in UTF-8") from (
            error
        )
    folder = table.parent
    return {os.path.relpath(folder / file, folder): label for file, label in cells if file}


def check_table(folder: Path) -> None:
    """Refuse a labels.csv that training would refuse.

    Raises:
        DataError: see `data.folder_index.index`.
    """
    if (folder / LABELS_FILE).is_file():
        index(folder)


def write_tables(folder: Path, said: Mapping[str, str]) -> None:
    """Write labels.csv and non-digits.csv, where they are not as they should be.

    Args:
        folder: of the samples; rows name only files that are there.
        said: of each file; what is open or skipped stands in neither table.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    there = {file: word for file, word in said.items() if (folder / file).is_file()}
    digits = {name: word for name, word in there.items() if word not in {NON_DIGIT, SKIPPED, OPEN}}
    others = {name: word for name, word in there.items() if word == NON_DIGIT}
    for name, rows in ((LABELS_FILE, digits), (NON_DIGITS_FILE, others)):
        table, text = folder / name, _table(rows)
        is_there = table.is_file()
        if (rows or is_there) and not (is_there and table.read_bytes() == text.encode()):
            write_atomic(table, text)


def non_digits(folder: Path) -> list[Path]:
    """List the pictures of a folder that a person said are no digits; those that are still there.

    Raises:
        DataError: non-digits.csv cannot be read.
    """
    table = folder / NON_DIGITS_FILE
    files = read_table(table) if table.is_file() else {}
    return [folder / file for file in sorted(files) if (folder / file).is_file()]


def _check(folder: Path) -> None:
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}", hint="name a folder of crops, one digit each")
    if all((folder / part).is_dir() for part in ("train", "test")):
        raise DataError(
            f"{folder} is split into train/ and test/, where one table would not count",
            hint=f"label each of them: edge-hdr label {folder / 'train'}",
        )


def _guesses(index_file: Path) -> Said:
    """Give the class's folder that a board put each file into, by the file's name."""
    guesses = {}
    for line in index_file.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):  # torn by a power cut
            path = Path(str(json.loads(line)["file"]))
            guesses[path.name] = path.parent.name
    return guesses


def _is_moved(file: str, group: str, guesses: Said) -> bool:
    return guesses.get(Path(file).name, group) != group


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{error.filename} cannot be read: {error.strerror}", hint="check that you may read it"
    ) from error


def _litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _is_writable(path: str) -> bool:
    """Tell whether a table can name a file: cells are UTF-8, and read without spaces around."""
    return path == path.strip() and path.isprintable()


def _table(rows: Mapping[str, str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(rows.items())])
    return text.getvalue()
