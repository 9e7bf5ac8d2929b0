"""`edge-hdr evaluate --sheet`: how well a model reads one's own writing, by a photographed page."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.cli import render
from edge_hdr.cli.out_folder import OutFolder
from edge_hdr.errors import ImageError, UsageError
from edge_hdr_device import released
from edge_hdr_device.errors import SomeUnreadableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_hdr.form.read import SheetReading

GALLERY, METRICS = "sheet.html", "metrics.json"
WORST = 8  # wrong boxes that are shown in the terminal


def evaluate_sheet(
    model: str | None,
    sheet: Sequence[Path],
    crops: Path | None,
    out: Path | None,
    force: bool,
    json: bool,
) -> None:
    """Read the photographed pages of a sheet, and show and write what came of it.

    A photo of several that shows no page is named and left out; the command then exits with 3.
    """
    from edge_hdr.form.crops import claim, write_crops

    photos = _photos(model, sheet)
    path = released.find(model)
    if crops is not None:
        claim(crops, force=force)
    with OutFolder(out, force=force) if out is not None else contextlib.nullcontext() as place:
        metrics, reading = _measure(path, photos)
        if crops is not None:
            metrics["crops"] = {"folder": str(crops), "n": write_crops(crops, reading)}
        written = _write(place, metrics, reading) if place is not None else []
    data, failed = {**metrics, "files": written}, len(metrics["failed"])
    if not (failed and json):  # with a failure, the document is the error's
        render.emit(
            command="evaluate",
            data=data,
            human=lambda: _show(metrics, reading, written),
            as_json=json,
        )
    if failed:
        raise SomeUnreadableError(failed, len(photos), data)


def _photos(model: str | None, sheet: Sequence[Path]) -> list[Path]:
    """List the photos that were named; a folder stands for its pictures, sorted.

    Raises:
        UsageError: the model's name is a picture's: a photo without --sheet before it.
        ImageError: a folder holds no picture.
    """
    from edge_hdr_device.images import SUFFIXES, pictures_in

    if model is not None and Path(model).suffix.lower() in SUFFIXES:
        named = [word for photo in (*sheet, Path(model)) for word in ("--sheet", str(photo))]
        raise UsageError(
            f"{model} is a picture, not a model",
            hint=f"repeat --sheet for each photo, as {shlex.join(named)}, or give it a folder",
        )
    return [
        photo for named in sheet for photo in (pictures_in(named) if named.is_dir() else [named])
    ]


def _load(photo: Path) -> NDArray[np.uint8]:
    """Read a photo.

    Raises:
        ImageError: it cannot be read, or it is a PDF.
    """
    from edge_hdr_device.images import read_image

    if photo.suffix.lower() == ".pdf" and photo.is_file():
        raise ImageError(
            f"{photo} is the PDF, not a photo of the paper",
            hint="print it, write into the boxes, and photograph the paper",
        )
    return read_image(photo)


def _measure(path: Path, photos: Sequence[Path]) -> tuple[dict[str, Any], SheetReading]:
    from edge_hdr.cli.bench_progress import BenchProgress
    from edge_hdr.form.document import document
    from edge_hdr.form.read import read_sheet
    from edge_hdr.measure import Subject, describe_model

    classifier = Subject(path).open()
    pictures = [(str(photo), partial(_load, photo)) for photo in photos]
    failed: list[tuple[str, ImageError]] = []

    def skip(name: str, error: ImageError) -> None:
        failed.append((name, error))

    try:
        with BenchProgress() as progress:
            reading = read_sheet(
                pictures, classifier, progress.progress, skip if len(photos) > 1 else None
            )
    finally:
        for _, error in failed:
            render.note(f"error: {error.message}\nhint: {error.hint}")
    command = shlex.join(["edge-hdr", *sys.argv[1:]])
    metrics = document(reading, describe_model(path, classifier), command)
    metrics["failed"] = [
        {"file": name, "code": error.code, "message": error.message, "hint": error.hint}
        for name, error in failed
    ]
    return metrics, reading


def _write(place: OutFolder, metrics: dict[str, Any], reading: SheetReading) -> list[str]:
    import json

    from edge_hdr.form.page import render_sheet

    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    return place.write({GALLERY: render_sheet(metrics, reading), METRICS: text})


def _show(metrics: dict[str, Any], reading: SheetReading, written: list[str]) -> None:
    from edge_hdr.form import page
    from edge_hdr.form.document import place, worst_first

    console = render.console()
    for warning in metrics["warnings"]:
        render.note(f"warning: {warning}")
    title = f"{metrics['model']['name']} on {reading.evaluation.n} digits"
    rows = [[tile.name, tile.value, tile.detail] for tile in page.tiles(metrics)]
    summary = render.table(title, ["figure", "value", ""], rows)
    summary.columns[2].justify = "left"
    console.print(summary)
    wrong = [box for box in worst_first(reading.boxes) if not box.right]
    if wrong:
        worst = [
            [
                f"{reading.photos[box.photo].name}, {place(box)}",
                box.cut.box.digit,
                box.label,
                f"{box.confidence:.2f}",
            ]
            for box in wrong[:WORST]
        ]
        console.print(render.table("Wrong", ["box", "asked", "read", "confidence"], worst))
    if len(wrong) > WORST:
        console.print(f"{len(wrong) - WORST} more boxes were read wrong")
    if "crops" in metrics:
        crops = metrics["crops"]
        console.print(f"written: {crops['n']} crops in {crops['folder']}", markup=False)
    for name in written:
        console.print(f"written: {name}", markup=False)
