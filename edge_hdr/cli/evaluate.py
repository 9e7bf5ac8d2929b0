"""`edge-hdr evaluate`: how well any digit classifier does, on digits, photos or one's own sheet."""

from __future__ import annotations

import shlex
import sys
from math import isfinite
from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.errors import StorageError, UsageError
from edge_hdr_device import released

REPORT, METRICS = "report.html", "metrics.json"
SPLITS = ("test", "validation", "all")
OF_DATA = ("data", "data_dir", "split", "reference")
ALIEN = {  # by kind of measurement, what has no meaning in it
    "photos": (*OF_DATA, "sheet", "crops"),
    "sheet": (*OF_DATA, "photos", "half", "input_range", "threads"),
}
NEEDS = {"half": "photos", "crops": "sheet"}


SPLIT_HELP = "test, validation, or all: training and test, of data that no model was built from."


def evaluate(
    context: typer.Context,
    model: str = typer.Argument(
        None,
        help="A .tflite file, a build's folder or a released model; with --photos or --sheet "
        "by default ds-cnn-small-int8.",
    ),
    photos: Path | None = typer.Option(
        None, "--photos", metavar="DIR", help="Read the photos of a folder with a labels.json."
    ),
    half: int = typer.Option(
        None, "--half", min=0, max=1, help="Photos of every other source, with --photos."
    ),
    sheet: list[Path] | None = typer.Option(
        None,
        "--sheet",
        metavar="PHOTO",
        help="Read a photo of a page that `edge-hdr sheet` made, or a folder of such; "
        "may be repeated.",
    ),
    crops: Path | None = typer.Option(
        None, "--crops", metavar="DIR", help="Write the digits of --sheet there, a folder a class."
    ),
    data: str = typer.Option("mnist", "--data", help="mnist, strokes, or a folder of images."),
    data_dir: Path = typer.Option(None, "--data-dir", help="Where MNIST's files lie."),
    split: str = typer.Option("test", "--split", help=SPLIT_HELP),
    input_range: str = typer.Option(
        None,
        "--input-range",
        metavar="LOW,HIGH",
        help="Values of background and ink that the model takes, as 0,255; "
        "for files without a manifest.",
    ),
    reference: str = typer.Option(
        None, "--reference", help="A second model to compare with on the same examples."
    ),
    out: Path = typer.Option(None, "--out", help=f"Folder for a page and {METRICS}."),
    force: bool = typer.Option(False, "--force", help="Overwrite what --out holds."),
    threads: int = typer.Option(1, "--threads", min=1, help="Threads of the interpreter."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Measure a model's accuracy, calibration and footprint.

    Works for files made by `edge-hdr build` and for any TFLite classifier of 28×28 digits with a
    float or quantized input. With --reference, errors are compared pair by pair.

    With --photos, whole photos are read as a device reads them, and what is missed, invented or
    confused is counted against labels.json: a list of {"file": "page.jpg", "digits": "12/345"},
    lines parted by "/". With --sheet, the same is done with one's own writing.
    """
    check_together(context)
    limits = parse_range(input_range) if input_range else None
    if sheet:
        from edge_hdr.cli.evaluate_sheet import evaluate_sheet

        evaluate_sheet(model, sheet, crops, out, force, json)
    elif photos is not None:
        from edge_hdr.cli.evaluate_photos import evaluate_photos

        evaluate_photos(model, photos, half, limits, threads, out, force=force, json=json)
    else:
        _evaluate_data(
            model, reference, data=data, data_dir=data_dir, split=split, limits=limits,
            threads=threads, out=out, force=force, json=json,
        )  # fmt: skip


def _evaluate_data(
    model: str,
    reference: str | None,
    *,
    data: str,
    data_dir: Path | None,
    split: str,
    limits: tuple[float, float] | None,
    threads: int,
    out: Path | None,
    force: bool,
    json: bool,
) -> None:
    """Measure on a data set of single digits."""
    if split not in SPLITS:
        raise UsageError(f"--split {split}", hint=f"one of {', '.join(SPLITS)}")
    path = released.find(model)
    other = released.find(reference) if reference else None
    if out is not None:
        claim_out(out, force=force)
    metrics = _measure(
        path, other, data=data, data_dir=data_dir, split=split, limits=limits, threads=threads
    )
    written = _write(out, *metrics) if out is not None else []
    render.emit(
        command="evaluate",
        data={**metrics[0], "files": written},
        human=lambda: _show(metrics[0], written),
        as_json=json,
    )


def check_together(context: typer.Context) -> None:
    """Make sure that what was given makes sense together.

    Raises:
        UsageError: no model, or an option that the chosen kind of measurement has no use for.
    """
    given = {
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    for name, kind in NEEDS.items():
        if name in given and kind not in given:
            raise UsageError(f"{_option(name)} goes with --{kind}", hint=f"add --{kind}")
    if "model" not in given and not given & set(ALIEN):
        raise UsageError(
            "Missing argument 'MODEL'", hint="name a model, as ds-cnn-small-int8, or give --photos"
        )
    for kind, others in ALIEN.items():
        if kind in given and (strange := [name for name in others if name in given]):
            first = _option(strange[0])
            raise UsageError(f"{first} means nothing with --{kind}", hint=f"leave {first} out")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def parse_range(text: str) -> tuple[float, float]:
    """Read "LOW,HIGH".

    Raises:
        UsageError: not two different finite numbers.
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if low == high or not (isfinite(low) and isfinite(high)):
        raise UsageError(
            f"--input-range {text!r} is not LOW,HIGH", hint="for example 0,1 or -1,1 or 0,255"
        )
    return low, high


def claim_out(out: Path, *, force: bool) -> None:
    """Make sure that nothing is overwritten unasked, before any work is done.

    Raises:
        StorageError: `out` is a file, or holds something and `force` is not given.
    """
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file", hint="give --out a folder")
    if not force and out.is_dir() and any(out.iterdir()):
        raise StorageError(f"{out} exists", hint="give --out another folder, or --force")


def _measure(
    path: Path,
    other: Path | None,
    *,
    data: str,
    data_dir: Path | None,
    split: Any,
    limits: tuple[float, float] | None,
    threads: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    from edge_hdr.cli.progress import BuildProgress
    from edge_hdr.data.load import load
    from edge_hdr.measure import Subject, drawn_strokes, measure

    subject = Subject(path, threads, limits)
    manifest = subject.open().manifest  # a model that cannot be used is told before data are read
    with BuildProgress(Path()) as progress:
        dataset = load(
            data,
            data_dir=data_dir,
            seed=manifest.seed if manifest else 0,
            progress=progress.bytes_done,
            strokes_train=drawn_strokes(split, manifest),
        )
    metrics, arrays = measure(subject, dataset, split=split, reference=other)
    metrics["command"] = shlex.join(["edge-hdr", *sys.argv[1:]])
    return metrics, arrays


def _write(out: Path, metrics: dict[str, Any], arrays: dict[str, Any]) -> list[str]:
    import json

    from edge_hdr.report.page import render_report
    from edge_hdr_device.storage import write_atomic

    write_atomic(out / METRICS, json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    write_atomic(out / REPORT, render_report(metrics, arrays))
    return [str(out / REPORT), str(out / METRICS)]


def _show(metrics: dict[str, Any], written: list[str]) -> None:
    from edge_hdr.report import tables

    console = render.console()
    title = f"{metrics['model']['name']} on {tables.split_name(metrics)}"
    for warning in metrics["warnings"]:
        render.note(f"warning: {warning}")
    rows = [[tile.name, tile.value, tile.detail] for tile in tables.tiles(metrics)]
    summary = render.table(title, ["figure", "value", ""], rows)
    summary.columns[2].justify = "left"
    console.print(summary)
    scores = tables.per_class(metrics["test"])
    console.print(render.table("By class", list(scores.head), [list(row) for row in scores.rows]))
    if metrics.get("comparison"):
        pair = tables.comparison(metrics)
        name = f"Against {tables.reference_name(metrics)}"
        console.print(render.table(name, list(pair.head), [list(row) for row in pair.rows]))
    for name in written:
        console.print(f"written: {name}", markup=False)
