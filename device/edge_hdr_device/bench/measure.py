"""Measure several models in one run: how long, how much memory, how many images a second."""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device import __version__
from edge_hdr_device.bench import environment
from edge_hdr_device.bench.cold import cold_all
from edge_hdr_device.bench.counts import count
from edge_hdr_device.bench.frame import HEIGHT, WIDTH
from edge_hdr_device.bench.subject import Subject, describe
from edge_hdr_device.bench.sweep import best, sweep
from edge_hdr_device.bench.times import MOST_WINDOWS
from edge_hdr_device.bench.turns import Way, take_turns, warm_up
from edge_hdr_device.bench.ways import DIGITS, make_ways, timed
from edge_hdr_device.errors import UsageError
from edge_hdr_device.install.golden import golden_digits
from edge_hdr_device.interpreter import runtime_name

SCHEMA = 2
ASKED_AT_ONCE = 1024  # so that the progress of a slow model is seen; whole batches of a classifier
UNSTEADY = 0.2  # spread of the windows from which a figure is called unsteady

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        seconds: for the timed calls of all models together; at least twenty bursts of each kind
            of call are timed however long they take.
        windows: that the time is parted into, 5 to 21.
        frame: time the whole path from a frame to digits, too.
        sweep: measure threads × delegate × batch, too.
        cold: fresh processes a model for the cold start; 0 measures none.
        images: digits to classify, uint8 (N, 28, 28), N ≥ 1; None takes digits of our own.
    """

    seconds: float = 10.0
    windows: int = 5
    frame: bool = True
    sweep: bool = False
    cold: int = 5
    images: NDArray[np.uint8] | None = None


def measure(
    subjects: Sequence[Subject], plan: Plan, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Measure models in turns.

    Args:
        subjects: at least one, their names unique.
        plan: what to measure.
        progress: is called with what is done, and how many steps of how many are done.

    Returns:
        The measurement document, JSON-ready: `notes` speak against the figures, `remarks` only
        say what is not among them.

    Raises:
        UsageError: a name comes twice, or the plan asks for too few or too many windows.
    """
    _check(subjects, plan)
    digits = golden_digits()[:DIGITS] if plan.images is None else plan.images
    steps = _Steps(subjects, plan, progress or (lambda text, done, total: None))
    before, condition_before = environment.condition()
    with _one_thread_of_opencv(plan.frame), _no_collector():
        ways, seen = make_ways(subjects, digits, with_frame=plan.frame)
        steps.next("warm-up")
        warm_up_s, settled = warm_up(ways, seconds=plan.seconds, windows=plan.windows)
        others = environment.Others()
        rounds = take_turns(
            ways,
            seconds=plan.seconds,
            windows=plan.windows,
            tell=lambda number: steps.next(f"window {number} of {plan.windows}"),
        )
        busy = others.share()
        after, condition_after = environment.condition()
    marks, notes = environment.marks(before, after, busy)
    if busy is None:
        notes.append("the system does not show what other processes took")
    if not settled:
        notes.append("the times still changed from window to window when the warm-up ended")
    models, more, remarks = _models(subjects, ways, digits, plan, steps)
    steps.end()
    unsteady = [_unsteady(model) for model in models if model["invoke"]["spread"] > UNSTEADY]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "interpreter": runtime_name(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "environment": environment.environment(),
        "conditions": {"before": condition_before, "after": condition_after},
        "busy_share": busy,
        "marks": marks + (["unsteady"] if unsteady or not settled else []),
        "comparable": not marks,
        "notes": [*notes, *unsteady, *more],
        "remarks": remarks,
        "method": {
            "seconds": plan.seconds,
            "windows": plan.windows,
            "warm_up_s": round(warm_up_s, 2),
            "rounds": rounds,
            "threads": _shared([model["threads"] for model in models]),
            "frame": f"{WIDTH}×{HEIGHT} grey, {seen} digits" if seen else None,
            "order": "interleaved",
            "clock": "perf_counter_ns",
        },
        "models": models,
    }


def answers(
    subjects: Sequence[Subject], images: NDArray[np.uint8], *, progress: Progress | None = None
) -> dict[str, NDArray[np.float32]]:
    """Classify images with each model; gives float32 (N, classes) by name.

    Args:
        subjects: the models.
        images: uint8 (N, 28, 28), ink 255 on background 0.
        progress: as for `measure`.
    """
    found = {}
    for subject in subjects:
        pieces = []
        for at in range(0, max(len(images), 1), ASKED_AT_ONCE):
            some = images[at : at + ASKED_AT_ONCE]
            pieces.append(np.asarray(subject.logits(some), np.float32))
            if progress is not None:
                progress(f"{subject.name} reads", at + len(some), len(images))
        found[subject.name] = np.concatenate(pieces)
    return found


class _Steps:
    """Count what is done."""

    def __init__(self, subjects: Sequence[Subject], plan: Plan, progress: Progress) -> None:
        self._progress, self._done = progress, 0
        self._total = 1 + plan.windows + (plan.cold + plan.sweep) * len(subjects)

    def next(self, text: str) -> None:
        """Begin a step."""
        self._progress(text, self._done, self._total)
        self._done += 1

    def end(self) -> None:
        """Tell that all is done, steps that were left out too."""
        self._progress("measured", self._total, self._total)


def _models(
    subjects: Sequence[Subject],
    ways: Sequence[Way],
    digits: NDArray[np.uint8],
    plan: Plan,
    steps: _Steps,
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Give the models' parts of the document, notes and remarks."""
    notes = [note for subject in subjects for note in getattr(subject, "notes", ())]
    commands = {subject.name: subject.cold_argv() for subject in subjects}
    known = {name: argv for name, argv in commands.items() if argv is not None}
    cold, failed = cold_all(known, plan.cold, lambda name: steps.next(f"cold start of {name}"))
    notes += failed
    counted, remarks = _count(subjects, digits[:1])
    models = []
    for subject in subjects:
        if plan.sweep:
            steps.next(f"threads and batches of {subject.name}")
        points = sweep(subject, digits) if plan.sweep else []
        models.append(
            {
                **describe(subject),
                **timed(ways, subject.name),
                "cold": cold.get(subject.name),
                "sweep": points,
                "best": best(points),
                "instructions": counted.get(subject.name),
            }
        )
    return models, notes, remarks


def _count(
    subjects: Sequence[Subject], one: NDArray[np.uint8]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Count instructions of the models that run in one thread; remarks say why of no others."""
    found: dict[str, dict[str, Any]] = {}
    remarks = []
    for subject in subjects:
        if getattr(subject, "threads", 1) != 1:
            remarks.append(f"{subject.name}: instructions are counted with one thread only")
            continue
        subject.logits(one)
        try:
            found[subject.name] = count(subject.invoke)
        except OSError as error:
            remarks.append(f"instructions were not counted: {error.strerror or error}")
            break
    return found, remarks


def _check(subjects: Sequence[Subject], plan: Plan) -> None:
    names = [subject.name for subject in subjects]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two models are called {name!r}", hint="name each model once")
    if not 5 <= plan.windows <= MOST_WINDOWS:
        raise UsageError(
            f"{plan.windows} windows are out of range", hint=f"5 to {MOST_WINDOWS} windows"
        )


def _unsteady(model: dict[str, Any]) -> str:
    medians = model["invoke"]["windows_p50_ms"]
    return (
        f"{model['name']} was not steady: its median was {min(medians):.3g} to "
        f"{max(medians):.3g} ms from one window to another"
    )


def _shared(values: Sequence[int]) -> int | None:
    """Give the value that all have; None where they differ."""
    return values[0] if len(set(values)) == 1 else None


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep Python from collecting garbage in the middle of a call."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _one_thread_of_opencv(needed: bool) -> Iterator[None]:
    """Read frames as the runtime does, which leaves the other cores to the rest."""
    if not needed:
        yield
        return
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
