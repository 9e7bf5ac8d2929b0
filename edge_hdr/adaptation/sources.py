"""Which files of a folder of samples a person has labelled, and as what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from edge_hdr.data.folder_index import LABELS_FILE, LITTER, LabelledFile, index
from edge_hdr.errors import DataError
from edge_hdr.labelling.tables import NON_DIGIT, NON_DIGITS_FILE, non_digits
from edge_hdr_device.sample_ring import INDEX

KINDS = ("unsure", "accepted")  # what a board sorts its samples by, before the guess


def labelled_files(folder: Path, classes: tuple[str, ...]) -> tuple[list[LabelledFile], int]:
    """List the samples that a person has labelled, in a fixed order.

    `labels.csv` and `non-digits.csv`, as `edge-hdr label` writes them, count where they are there,
    else each sub-folder is a class, and `none` what is no digit. In what a board collected a
    sub-folder is only a guess, so there a file counts once a person has moved it.

    Args:
        folder: of the samples.
        classes: the labels that are known.

    Returns:
        The files, labelled by a class or `none`, and how many were passed over because only a
        model has labelled them.

    Raises:
        DataError: no folder, a label that is no class, nothing labelled, or a wrong table.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}", hint="name a folder with a sub-folder a class")
    guessed = 0
    try:
        if any((folder / table).is_file() for table in (LABELS_FILE, NON_DIGITS_FILE)):
            files = _by_tables(folder)
        else:
            files = list(_by_folders(folder))
            guesses = _guesses(folder)
            judged = [file for file in files if guesses.get(file.path.name) != file.label]
            guessed, files = len(files) - len(judged), judged
    except OSError as error:
        raise DataError(
            f"{error.filename or folder} cannot be read: {error.strerror}",
            hint="check that you may read it",
        ) from error
    _check_labels(folder, files, classes)
    if not files:
        raise _nothing(folder, guessed)
    return files, guessed


def _by_tables(folder: Path) -> list[LabelledFile]:
    """Read what `edge-hdr label` wrote."""
    table = folder / LABELS_FILE
    digits = index(folder) if table.is_file() and _has_rows(table) else []
    return digits + [LabelledFile(path, NON_DIGIT) for path in non_digits(folder)]


def _has_rows(table: Path) -> bool:
    return len(table.read_bytes().split(b"\n", 1)[-1].strip()) > 0


def _by_folders(folder: Path) -> Iterator[LabelledFile]:
    """List each file of each sub-folder; what a board keeps is sorted by kind first."""
    is_boards = (folder / INDEX).is_file()
    for group in _folders(folder):
        inner = _folders(group) if is_boards and group.name in KINDS else [group]
        for place in inner:
            if not (is_boards and place.name == "frames"):
                for path in sorted(place.rglob("*")):
                    within = path.relative_to(place)
                    if path.is_file() and not any(map(_litter, within.parts)):
                        yield LabelledFile(path, place.name)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _litter(path.name))


def _litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _guesses(folder: Path) -> dict[str, str]:
    """Give the class's folder that a board put each of its files into, by the file's name."""
    guesses = {}
    for place in (folder.parent, folder):
        table = place / INDEX
        for line in table.read_text(errors="replace").splitlines() if table.is_file() else []:
            try:
                path = Path(str(json.loads(line)["file"]))
            except (ValueError, TypeError, KeyError):
                continue  # a line that a power cut tore
            guesses[path.name] = path.parent.name
    return guesses


def _check_labels(folder: Path, files: list[LabelledFile], classes: tuple[str, ...]) -> None:
    known = {*classes, NON_DIGIT}
    unknown = sorted({file.label for file in files} - known)
    if unknown:
        raise DataError(
            f"{folder} has samples of {', '.join(map(repr, unknown[:5]))}, "
            f"which the model does not know: {', '.join(classes)}",
            hint=f"name each sub-folder by its class, and {NON_DIGIT} what is no digit",
        )


def _nothing(folder: Path, guessed: int) -> DataError:
    label = f"label them: edge-hdr label {folder}"
    if guessed:
        return DataError(
            f"no person has labelled the {guessed:,} samples of {folder}: their folders are what "
            "a model guessed, and learning its own guesses would teach it its errors",
            hint=label,
        )
    return DataError(
        f"{folder} has no labelled samples",
        hint=f"make one sub-folder a class with its images, or {label}",
    )
