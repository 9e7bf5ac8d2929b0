"""`edge-hdr-device bench`: how fast this board reads."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr_device.cli import render
from edge_hdr_device.errors import ModelError, StorageError, UsageError

if TYPE_CHECKING:
    from edge_hdr_device.bench.subject import TfliteSubject

Tell = Callable[[str, int, int], None]

HELP = "measure how fast this board reads"
DESCRIPTION = (
    "Time models in turns on this board: the kernels, a call, ten digits, and the whole path from "
    "a frame to digits; then their start in fresh processes."
)
MOST_S, MOST_COLD, MOST_THREADS = 3600.0, 100, 256
DELEGATES = ("auto", "xnnpack", "none", "edgetpu")
RANGE_HELP = "values of background and ink that models without a manifest take, as 0,255"
ROWS = (("kernels", "invoke"), ("1 digit", "call"), ("10 digits", "ten"), ("frame", "frame"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="a .tflite file or a released model's name")
    add("--model", action="append", default=[], help="the same as MODEL")
    add("--seconds", type=float, default=10.0, help="to time all models together for (10)")
    add("--threads", type=int, default=0, help="of the kernels; 0 takes the fastest (0)")
    add("--delegate", choices=DELEGATES, default="auto", help="what runs the model (auto)")
    add("--sweep", action="store_true", help="measure threads × delegate × batch, too")
    add("--cold", type=int, default=5, help="fresh processes a model, for the cold start (5)")
    add("--no-frame", action="store_true", help="leave out the path from a frame to digits")
    add("--input-range", type=_range, metavar="LOW,HIGH", help=RANGE_HELP)
    add("--images", help="an .npz with images, uint8 (N, 28, 28), ink 255, to classify")
    add("--answers", help="an .npz to write with each model's logits of --images")
    add("--attended", action="store_true", help="stop when standard input ends")
    add("--events", action="store_true", help="print each step as a line of JSON")


class SomeUnusableError(ModelError):
    """Some of several models could not be opened; the others' results are in `data`."""

    def __init__(self, failed: int, total: int, data: dict[str, Any]) -> None:
        some = "the others were measured; " if failed < total else ""
        super().__init__(
            f"{failed} of {total} models could not be opened",
            hint=f"{some}each failure is named above",
        )
        self.data = data


def execute(options: argparse.Namespace) -> int:
    """Measure, and show the figures.

    Raises:
        UsageError: an option makes no sense.
        ModelError: a model cannot be opened; others were measured nevertheless.
        DataError: the images cannot be used.
        StorageError: the answers cannot be written.
    """
    from edge_hdr_device.cli.telling import attended

    _check(options)
    options.json = options.json or options.events
    with attended(options):
        found = _measure(options)
    failed, total = len(found["failed"]), len(found["failed"]) + len(found["models"])
    if not (failed and options.json):
        text = "\n".join(lines(found))
        render.emit(command="bench", data=found, human=text, as_json=options.json)
    if failed:
        raise SomeUnusableError(failed, total, found)
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    """Give the measurement document, with the models that cannot be opened in `failed`."""
    from edge_hdr_device.bench.arrays import read_images, write_answers
    from edge_hdr_device.bench.measure import Plan, answers, measure

    images = read_images(Path(options.images)) if options.images else None
    tell = _progress(options)
    subjects, failed = _subjects(options, tell)
    if not subjects:
        raise SomeUnusableError(len(failed), len(failed), {"models": [], "failed": failed})
    if options.answers and images is not None:
        write_answers(Path(options.answers), answers(subjects, images, progress=tell))
    plan = Plan(
        seconds=options.seconds,
        frame=not options.no_frame,
        sweep=options.sweep,
        cold=options.cold,
        images=None if images is None else images[:10],
    )
    return {**measure(subjects, plan, progress=tell), "failed": failed}


def lines(found: dict[str, Any]) -> list[str]:
    """Write a measurement document for a person."""
    text = [f"{found['environment']['board']}, {found['interpreter']}"]
    if found["method"]["frame"]:
        text.append(f"frame {found['method']['frame']}")
    for model in found["models"]:
        text += ["", *_model_lines(model)]
    before, after = (found["conditions"][moment]["temperature_c"] for moment in ("before", "after"))
    text.append("")
    if before is not None and after is not None:
        text.append(f"temperature {before:.0f} °C before, {after:.0f} °C after")
    if not found["comparable"]:
        text.append(f"not to be compared with other runs: {', '.join(found['marks'])}")
    text += [f"note: {note}" for note in found["notes"]]
    return [*text, *(f"remark: {remark}" for remark in found["remarks"])]


def _check(options: argparse.Namespace) -> None:
    for flag, value, low, high in (
        ("--seconds", options.seconds, 0.05, MOST_S),
        ("--threads", options.threads, 0, MOST_THREADS),
        ("--cold", options.cold, 0, MOST_COLD),
    ):
        if not low <= value <= high:
            raise UsageError(f"{flag} {value:g} is out of range", hint=f"{low:g} to {high:g}")
    if options.answers and not options.images:
        raise UsageError("--answers needs --images", hint="give the images to classify")
    if options.answers and Path(options.answers).exists():
        raise StorageError(f"{options.answers} exists", hint="give --answers another name")


def _subjects(
    options: argparse.Namespace, tell: Tell
) -> tuple[list[TfliteSubject], list[dict[str, str]]]:
    """Open the models, and give those that cannot be opened; a single one must open.

    Of two with one name the second is called "name-2".
    """
    words = [*options.models, *options.model] or [None]
    found: list[TfliteSubject] = []
    failed: list[dict[str, str]] = []
    for number, word in enumerate(words):
        tell("opening models", number, len(words))
        try:
            subject = _open(word, options)
        except ModelError as error:
            if len(words) == 1:
                raise
            render.note(f"error: {error.message}" + f"\nhint: {error.hint}" * bool(error.hint))
            told = {"code": error.code, "message": error.message, "hint": error.hint}
            failed.append({"file": str(word), **told})
            continue
        subject.name = _unique(subject.name, {other.name for other in found})
        found.append(subject)
    return found, failed


def _open(word: str | None, options: argparse.Namespace) -> TfliteSubject:
    from edge_hdr_device import released
    from edge_hdr_device.bench.subject import TfliteSubject
    from edge_hdr_device.config import STATE, state_folder

    return TfliteSubject(
        released.find(word),
        threads=options.threads,
        delegate=options.delegate,
        input_range=options.input_range,
        state=state_folder() if os.environ.get(STATE) else None,  # nothing is left behind
    )


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if low == high or not (math.isfinite(low) and math.isfinite(high)):
        raise argparse.ArgumentTypeError(f"{text!r} is not LOW,HIGH")
    return low, high


def _progress(options: argparse.Namespace) -> Tell:
    """Tell how far it is: lines of JSON, or on stderr in place where a person sees it."""

    def event(text: str, done: int, total: int) -> None:
        render.document_line({"event": "step", "text": text, "done": done, "total": total})

    def show(text: str, done: int, total: int) -> None:
        end = "\r\033[K" if done >= total else ""
        sys.stderr.write(f"\r\033[K{done}/{total} {text}{end}")
        sys.stderr.flush()

    if options.events:
        return event
    if options.json or not sys.stderr.isatty():
        return lambda text, done, total: None
    return show


def _model_lines(model: dict[str, Any]) -> list[str]:
    threads = f"{model['threads']} thread{'s' * (model['threads'] != 1)}"
    text = [
        f"{model['model_id']}: {model['delegate']}, {threads}",
        f"{'ms':<20}{'p50':>10}{'p90':>10}{'p99':>10}{'spread':>9}{'n':>9}",
    ]
    rows = [(name, model[key]) for name, key in ROWS if model[key]]
    rows += [(f"frame: {stage}", times) for stage, times in model["stages"].items()]
    text += [
        f"{name:<20}{times['p50_ms']:>10.4g}{times['p90_ms']:>10.4g}{times['p99_ms']:>10.4g}"
        f"{times['spread']:>9.1%}{times['n']:>9}"
        for name, times in rows
    ]
    if cold := model["cold"]:
        text.append(
            f"cold: {cold['start_ms']:.0f} ms to start, {cold['open_ms']:.1f} to open, "
            f"{cold['first_ms']:.2f} the first digit; {_mib(cold)}"
        )
    if best := model["best"]:
        text.append(
            f"best: {best['images_per_second']:,.0f} images a second in batches of "
            f"{best['batch']}, {best['delegate']}, "
            f"{best['threads']} thread{'s' * (best['threads'] != 1)}"
        )
    if counted := model["instructions"]:
        text.append(f"instructions of the kernels: {counted['per_call']:,}")
    return text


def _mib(cold: dict[str, Any]) -> str:
    whole, base = cold["resident_bytes"], cold["resident_base_bytes"]
    if whole is None or base is None:
        return "memory unknown"
    return f"{whole / 2**20:.1f} MiB resident, {(whole - base) / 2**20:.1f} of them the model's"
