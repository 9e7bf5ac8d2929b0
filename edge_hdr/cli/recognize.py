"""`edge-hdr recognize`: read the digits in pictures."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_hdr.cli import render
from edge_hdr.errors import EdgeHdrError, ImageError, StorageError, UsageError
from edge_hdr_device import released
from edge_hdr_device.errors import SomeUnreadableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_hdr_device.pipeline import Reader, Reading

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """A picture to read: a file, or the standard input for `path` None."""

    path: Path | None

    @property
    def name(self) -> str:
        """Name it as the user did."""
        return "standard input" if self.path is None else str(self.path)


def recognize(
    images: list[str] = typer.Argument(
        ..., metavar="IMAGE", help="Pictures, folders of pictures, or - for one on stdin."
    ),
    model: str = typer.Option(
        None,
        "--model",
        "-m",
        help="A .tflite file, a build or a released model; by default ds-cnn-small-int8.",
    ),
    annotate: Path = typer.Option(
        None,
        "--annotate",
        "-a",
        metavar="OUT",
        help="Write the picture with boxes and digits: a file for one picture, else a folder.",
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite what --annotate names."),
    threads: int = typer.Option(
        1, "--threads", min=1, max=256, help="Threads for locating and reading."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Read the digits in photos or scans, line by line.

    A digit that the model is not sure of is printed as "?". A page may be turned by up to 30
    degrees. Only digits are known: a letter may be read as the digit that it looks like.
    """
    sources = _sources(images)
    several = len(sources) > 1 or any(Path(image).is_dir() for image in images)
    targets = _targets(sources, annotate, several=several, force=force)
    path = released.find(model)
    reader = _reader(path, threads)
    read: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for source, target in zip(sources, targets, strict=True):
        try:
            image = _load(source)
        except ImageError as error:
            if not several:
                raise
            failed.append({"file": source.name, **_described(error)})
            render.note(f"error: {error.message}")
            continue
        reading = reader.read(image)
        read.append({"file": source.name, **reading.to_dict()})
        if target is not None:
            _write(target, image, reading)
            read[-1]["annotated"] = str(target)
        _show(source, reading, header=several, as_json=json)
    data = {"model": str(path), "images": read, "failed": failed}
    if failed:
        raise SomeUnreadableError(len(failed), len(sources), data)
    if json:
        render.emit(command="recognize", data=data, human="", as_json=True)


def _sources(arguments: list[str]) -> list[Source]:
    """List the pictures that the arguments name; a folder stands for its pictures, sorted."""
    from edge_hdr.scenes.drawn import GALLERY, drawn
    from edge_hdr_device.images import pictures_in

    if arguments.count(STDIN) > 1:
        raise UsageError("- was given twice", hint="the standard input holds one picture")
    sources: list[Source] = []
    for argument in arguments:
        if not argument:
            raise UsageError("an image name is empty", hint="name a picture, a folder, or -")
        path = Path(argument)
        if argument == STDIN:
            sources.append(Source(None))
        elif path.is_dir():
            sheet = path / GALLERY if drawn(path) else None  # of `data scenes`
            sources.extend(Source(item) for item in pictures_in(path) if item != sheet)
        else:
            sources.append(Source(path))
    return sources


def _targets(
    sources: list[Source], annotate: Path | None, *, several: bool, force: bool
) -> list[Path | None]:
    """Choose where each annotated picture goes, before any work is done."""
    if annotate is None:
        return [None] * len(sources)
    if several:
        if annotate.exists() and not annotate.is_dir():
            raise StorageError(
                f"{annotate} is a file, but several pictures go into a folder",
                hint="name a folder",
            )
        targets = [annotate / name for name in _file_names(sources)]
    else:
        if annotate.suffix.lower() not in {".png", ".jpg", ".jpeg", ".webp", ".bmp"}:
            raise UsageError(
                f"--annotate {annotate}: no picture's name", hint="name it .png or .jpg"
            )
        targets = [annotate]
    taken = [target for target in targets if target.exists()]
    if taken and not force:
        raise StorageError(f"{taken[0]} exists", hint="name another file, or add --force")
    return list(targets)


def _file_names(sources: list[Source]) -> list[str]:
    """Name the annotated files: a stem alone where it is the only one, numbered otherwise."""
    names: list[str] = []
    for source in sources:
        stem = "stdin" if source.path is None else source.path.stem
        name, number = f"{stem}.png", 1
        while name in names:
            number += 1
            name = f"{stem}-{number}.png"
        names.append(name)
    return names


def _reader(model: Path, threads: int) -> Reader:
    import cv2

    from edge_hdr_device.classifier import Classifier
    from edge_hdr_device.pipeline import Reader

    cv2.setNumThreads(threads)
    return Reader(Classifier(model, num_threads=threads))


def _load(source: Source) -> NDArray[np.uint8]:
    from edge_hdr_device.images import read_image

    if source.path is None:
        return read_image(sys.stdin.buffer.read(), name=source.name)
    return read_image(source.path)


def _write(target: Path, image: NDArray[np.uint8], reading: Reading) -> None:
    from edge_hdr_device.annotate import annotate, encode
    from edge_hdr_device.storage import write_atomic

    write_atomic(target, encode(annotate(image, reading), target.suffix.lower()))


def _show(source: Source, reading: Reading, *, header: bool, as_json: bool) -> None:
    """Print a picture's lines for a person; say on stderr when there are none."""
    if not reading.digits:
        render.note(f"{source.name}: no digits found")
    elif not reading.lines:
        count = len(reading.digits)
        render.note(f"{source.name}: {count} marks found, none of them surely a digit")
    if as_json or not (reading.lines or header):
        return
    text = "\n".join((*([f"{source.name}:"] if header else []), *reading.lines))
    render.emit(command="recognize", data={}, human=text, as_json=False)


def _described(error: EdgeHdrError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint}
