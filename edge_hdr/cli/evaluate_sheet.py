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
from edge_hdr_device import released

if TYPE_CHECKING:
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
    """Read the photographed pages of a sheet, and show and write what came of it."""
    from edge_hdr.form.crops import claim, write_crops

    path = released.find(model)
    if crops is not None:
        claim(crops, force=force)
    with OutFolder(out, force=force) if out is not None else contextlib.nullcontext() as place:
        metrics, reading = _measure(path, sheet)
        if crops is not None:
            metrics["crops"] = {"folder": str(crops), "n": write_crops(crops, reading)}
        written = _write(place, metrics, reading) if place is not None else []
    render.emit(
        command="evaluate",
        data={**metrics, "files": written},
        human=lambda: _show(metrics, reading, written),
        as_json=json,
    )


def _measure(path: Path, sheet: Sequence[Path]) -> tuple[dict[str, Any], SheetReading]:
    from edge_hdr.cli.bench_progress import BenchProgress
    from edge_hdr.form.document import document
    from edge_hdr.form.read import read_sheet
    from edge_hdr.measure import Subject, describe_model
    from edge_hdr_device.images import read_image

    classifier = Subject(path).open()
    pictures = [(str(photo), partial(read_image, photo)) for photo in sheet]
    with BenchProgress() as progress:
        reading = read_sheet(pictures, classifier, progress.progress)
    command = shlex.join(["edge-hdr", *sys.argv[1:]])
    return document(reading, describe_model(path, classifier), command), reading


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
