"""Write the digits of a sheet as labelled pictures: what `adapt` and `build --data` take."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_hdr.errors import StorageError
from edge_hdr.form.photo import Photo
from edge_hdr.form.read import SheetReading
from edge_hdr_device.annotate import encode
from edge_hdr_device.storage import storage_error


def claim(folder: Path, *, force: bool) -> None:
    """Make sure that nothing is mixed up unasked, and that the folder can be written.

    Args:
        folder: for the crops; it is made where it is missing.
        force: whether it may hold something already.

    Raises:
        StorageError: it is a file, holds something and `force` is not given, or is not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is a file", hint="give --crops a folder")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise StorageError(
            f"{folder} exists", hint="give --crops another folder, or --force to add to it"
        )
    was_there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if not was_there:
            folder.rmdir()  # nothing is left behind by a command that fails later
    except OSError as error:
        raise storage_error(folder, error) from error


def write_crops(folder: Path, reading: SheetReading) -> int:
    """Write each digit into the sub-folder of what was asked for; all of them, or none.

    Args:
        folder: a sub-folder a class is made in it; files of the same name are replaced.
        reading: of the photos.

    Returns:
        How many were written, grey PNG, each the box without its printed frame.

    Raises:
        StorageError: the folder cannot be written.
    """
    stems = _stems(reading.photos)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part.", dir=folder) as stage:
            for box in reading.boxes:
                place = box.cut.box
                name = f"{stems[box.photo]}-r{place.row + 1:02d}-c{place.column + 1:02d}.png"
                path = Path(stage) / place.digit / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(encode(box.cut.image, ".png"))
            _move(Path(stage), folder)
    except OSError as error:
        raise storage_error(folder, error) from error
    return len(reading.boxes)


def _move(stage: Path, folder: Path) -> None:
    for group in sorted(stage.iterdir()):
        (folder / group.name).mkdir(exist_ok=True)
        for path in sorted(group.iterdir()):
            path.replace(folder / group.name / path.name)


def _stems(photos: Sequence[Photo]) -> list[str]:
    """Name the crops of each photo after its file; numbered where two files have one name."""
    stems: list[str] = []
    for photo in photos:
        stem = name = Path(photo.name).stem
        number = 1
        while name in stems:
            number += 1
            name = f"{stem}-{number}"
        stems.append(name)
    return stems
