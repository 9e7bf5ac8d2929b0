"""`edge-hdr evaluate --photos`: how well whole photos are read."""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.cli import fitted, render
from edge_hdr.cli.out_folder import OutFolder
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr.photos.score import PhotoScore

GALLERY, METRICS = "photos.html", "metrics.json"
SPARE = ("lines", "95 %", "digits")  # columns that a narrow terminal can do without
WORST = 8  # photos that are shown in the terminal


def evaluate_photos(
    model: str | None,
    folder: Path,
    half: int | None,
    limits: tuple[float, float] | None,
    threads: int,
    out: Path | None,
    *,
    force: bool,
    json: bool,
) -> None:
    """Read the labelled photos of a folder, and show and write what came of it."""
    from edge_hdr.photos.labels import load_truths

    truths = load_truths(folder, half)
    path = released.find(model)
    with OutFolder(out, force=force) if out is not None else contextlib.nullcontext() as place:
        metrics, scores = _measure(path, folder, truths, half, limits, threads)
        written = _write(place, metrics, scores, folder) if place is not None else []
    render.emit(
        command="evaluate",
        data={**metrics, "files": written},
        human=lambda: _show(metrics, written),
        as_json=json,
    )


def _measure(
    path: Path,
    folder: Path,
    truths: list[Any],
    half: int | None,
    limits: tuple[float, float] | None,
    threads: int,
) -> tuple[dict[str, Any], list[PhotoScore]]:
    import cv2

    from edge_hdr.cli.bench_progress import BenchProgress
    from edge_hdr.measure import Subject
    from edge_hdr.photos.document import Asked, document
    from edge_hdr.photos.read import check_labels, read_photos
    from edge_hdr_device.pipeline import Reader

    classifier = Subject(path, threads, limits).open()
    check_labels(classifier.labels)
    cv2.setNumThreads(threads)
    with BenchProgress() as progress:
        scores = read_photos(Reader(classifier), folder, truths, progress.progress)
    asked = Asked(path, folder, half, threads, shlex.join(["edge-hdr", *sys.argv[1:]]))
    return document(asked, classifier, scores), scores


def _write(
    place: OutFolder, metrics: dict[str, Any], scores: list[PhotoScore], folder: Path
) -> list[str]:
    import json

    from edge_hdr.photos.page import render_photos

    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    return place.write({GALLERY: render_photos(metrics, scores, folder), METRICS: text})


def _show(metrics: dict[str, Any], written: list[str]) -> None:
    from edge_hdr.photos import page

    console = render.console()
    for warning in metrics["warnings"]:
        render.note(f"warning: {warning}")
    title = f"{metrics['model']['name']} on {metrics['photos']['name']}"
    rows = [[tile.name, tile.value, tile.detail] for tile in page.tiles(metrics)]
    summary = render.table(title, ["figure", "value", ""], rows)
    summary.columns[2].justify = "left"
    console.print(summary)
    parted = page.groups(metrics)
    if metrics["groups"]:
        fitted.show(console, "By kind of photo", [parted.head, *parted.rows], SPARE)
    faulty = [one for one in metrics["per_photo"] if one["expected"] != one["got"]]
    if faulty:
        shown = [[one["file"], one["expected"], one["got"]] for one in faulty[:WORST]]
        console.print(render.table("Worst photos", ["photo", "written", "read"], shown))
    if len(faulty) > WORST:
        console.print(f"{len(faulty) - WORST} more photos were not read without fault")
    for name in written:
        console.print(f"written: {name}", markup=False)
