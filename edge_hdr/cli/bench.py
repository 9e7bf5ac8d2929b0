"""`edge-hdr bench`: accuracy, size and speed of any number of models, side by side."""

from __future__ import annotations

import contextlib
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.evaluate import SPLIT_HELP, SPLITS, parse_range
from edge_hdr.cli.out_folder import OutFolder
from edge_hdr.cli.target_option import ACCEPT, JSON, connect_to
from edge_hdr.errors import CheckFailedError, EdgeHdrError, StorageError, UsageError

if TYPE_CHECKING:
    from edge_hdr.bench.request import Request

REPORT, DOCUMENT = "report.html", "bench.json"
DELEGATES = ("auto", "xnnpack", "none", "edgetpu")


def bench(
    models: list[str] = typer.Argument(
        None,
        metavar="MODEL",
        help="Released names, builds' folders, .tflite or .onnx files, also as NAME=PATH; "
        "by default all that are released, or with --on the board's own.",
    ),
    on: str = typer.Option(
        None, "--on", metavar="TARGET", help="Measure on a board; it must have edge-hdr."
    ),
    model: str = typer.Option(
        None, "--model", help="With --on: a model that is on the board, by name or path."
    ),
    data: str = typer.Option("mnist", "--data", help="mnist, strokes, or a folder of images."),
    data_dir: Path = typer.Option(None, "--data-dir", help="Where MNIST's files lie."),
    split: str = typer.Option("test", "--split", help=SPLIT_HELP),
    accuracy: bool = typer.Option(
        True, "--accuracy/--no-accuracy", help="Measure accuracy, or speed and size alone."
    ),
    input_range: str = typer.Option(
        None,
        "--input-range",
        metavar="LOW,HIGH",
        help="Values of background and ink that models without a manifest take, as 0,255.",
    ),
    seconds: float = typer.Option(
        10.0, "--seconds", min=0.05, max=3600, help="Time to measure the speed of all models for."
    ),
    threads: int = typer.Option(
        None, "--threads", min=1, max=256,
        help="Threads of the kernels; by default 1, on a board what it takes itself.",
    ),
    delegate: str = typer.Option("auto", "--delegate", help="auto, xnnpack, none or edgetpu."),
    frame: bool = typer.Option(
        True, "--frame/--no-frame", help="Measure the path from a camera's frame to digits too."
    ),
    sweep: bool = typer.Option(
        False, "--sweep", help="Try threads × delegate × batch for the most images a second."
    ),
    cold: int = typer.Option(
        5, "--cold", min=0, max=100, help="Fresh processes a model for its cold start."
    ),
    robustness: int = typer.Option(
        0, "--robustness", min=0, metavar="N", help="Corrupt N examples in every known way."
    ),
    adversary: Path = typer.Option(
        None, "--adversary", metavar="BUILD", help="Build whose float model is attacked."
    ),
    compare: Path = typer.Option(
        None, "--compare", metavar="BASELINE",
        help=f"An earlier {DOCUMENT}; exits 6 where something became worse.",
    ),
    tolerance: float = typer.Option(
        0.05, "--tolerance", min=0, max=10, help="Share by which time and bytes may grow."
    ),
    out: Path = typer.Option(None, "--out", help=f"Folder for {REPORT} and {DOCUMENT}."),
    force: bool = typer.Option(False, "--force", help="Overwrite what --out holds."),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:  # fmt: skip
    """Measure models side by side: accuracy, size, and the time of a call and of a frame.

    The models take turns, so that what disturbs one disturbs all. With
    --compare, errors are compared on the same examples, and times by their
    intervals; NAME=PATH in both runs says which models belong together.
    """
    _check_words(split, delegate)
    _check_pairs(on, model, models, adversary, robustness, accuracy=accuracy)
    limits = parse_range(input_range) if input_range else None

    from edge_hdr.bench.baseline import read_baseline
    from edge_hdr.bench.request import Baseline, Request
    from edge_hdr.bench.subjects import Options

    request = Request(
        models=tuple(models or ()),
        options=Options(limits, threads if threads else 0 if on else 1, delegate),
        data=data,
        data_dir=data_dir,
        split=split,  # type: ignore[arg-type]
        accuracy=accuracy,
        seconds=seconds,
        frame=frame,
        sweep=sweep,
        cold=cold,
        robustness=robustness,
        adversary=adversary,
        baseline=Baseline(compare, read_baseline(compare), tolerance) if compare else None,
        command=shlex.join(["edge-hdr", *sys.argv[1:]]),
    )
    with OutFolder(out, force=force) if out else contextlib.nullcontext() as folder:
        if on:
            document, arrays = _run_on(on, request, model, accept_new_host_key=accept_new_host_key)
        else:
            document, arrays = _run(request)
        _write(folder, document, arrays, as_json=json)
    _conclude(document, as_json=json)


def _check_words(split: str, delegate: str) -> None:
    for flag, word, known in (("--split", split, SPLITS), ("--delegate", delegate, DELEGATES)):
        if word not in known:
            raise UsageError(f"{flag} {word}", hint=f"one of {', '.join(known)}")


def _check_pairs(
    on: str | None,
    model: str | None,
    models: list[str] | None,
    adversary: Path | None,
    robustness: int,
    *,
    accuracy: bool,
) -> None:
    """Refuse options that mean nothing together."""
    wrong = [
        (model and not on, "--model names a model on a board", "give models as arguments here"),
        (model and models, "--model and MODEL", "measure either the board's model or these"),
        (robustness and not accuracy, "--robustness without accuracy", "leave --no-accuracy out"),
        (adversary and not robustness, "--adversary without --robustness", "add --robustness N"),
    ]
    for is_wrong, what, remedy in wrong:
        if is_wrong:
            raise UsageError(what, hint=remedy)


def _run_on(
    target: str, request: Request, model: str | None, *, accept_new_host_key: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    from edge_hdr import remote
    from edge_hdr.bench.request import Board

    with connect_to(target, accept_new_host_key=accept_new_host_key) as connection:
        board = Board(target, connection, remote.find(connection), model)
        render.note(f"measuring on {target} for about {request.seconds:g} s")
        return _run(replace(request, board=board))


def _run(request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    from edge_hdr.bench.run import run
    from edge_hdr.cli.bench_progress import BenchProgress

    with BenchProgress() as reporter:
        return run(request, reporter)


def _write(
    folder: OutFolder | None, document: dict[str, Any], arrays: dict[str, Any], *, as_json: bool
) -> None:
    """Write the files where a folder is asked for, and name them in the document.

    Raises:
        UnwrittenError: they cannot be written; what was measured has been shown.
    """
    import json

    from edge_hdr.report.bench_page import render_bench

    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    document["files"] = []
    if folder is None:
        return
    try:
        page = render_bench(document, arrays)
        document["files"] = folder.write({REPORT: page, DOCUMENT: text})
    except EdgeHdrError as error:
        if not as_json:
            _show(document)
        raise UnwrittenError(error, document) from error


class UnwrittenError(StorageError):
    """The files of a run could not be written; its results are in `data`."""

    def __init__(self, error: EdgeHdrError, data: dict[str, Any]) -> None:
        super().__init__(error.message, hint=error.hint)
        self.data = data


def _show(document: dict[str, Any]) -> None:
    from edge_hdr.cli.bench_view import show

    show(document)


def _conclude(document: dict[str, Any], *, as_json: bool) -> None:
    """Show the result; a regression or a model that was left out makes it a failure.

    Raises:
        CheckFailedError: the comparison found something worse.
        ModelError: a model was left out.
    """
    failure = _failure(document)
    if failure is None:
        render.emit(command="bench", data=document, human=lambda: _show(document), as_json=as_json)
        return
    if not as_json:
        _show(document)
    raise failure


class RegressionError(CheckFailedError):
    """Something became worse than in the baseline; the run's results are in `data`."""

    def __init__(self, data: dict[str, Any]) -> None:
        worse = data["comparison"]["regressions"]
        more = f", and {len(worse) - 1} more" if len(worse) > 1 else ""
        against = f"against {data['comparison']['baseline']}"
        super().__init__(f"{worse[0]}{more}", hint=f"{against}; each is named in the comparison")
        self.data = data


def _failure(document: dict[str, Any]) -> EdgeHdrError | None:
    from edge_hdr.bench.candidates import UnusableModelError

    if (document["comparison"] or {}).get("regressions"):
        return RegressionError(document)
    failed = len(document["failed"])
    total = failed + len(document["models"])
    return UnusableModelError(failed, total, document) if failed else None
