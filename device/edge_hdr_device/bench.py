"""How fast this board reads: the model alone and the whole path of a frame, side by side."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device import __version__
from edge_hdr_device.camera.synthetic import REACH_PX, write_page
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.delegates import Chosen, choose
from edge_hdr_device.install.golden import golden_digits
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader, Reading
from edge_hdr_device.system.board import Board, Condition

WIDTH, HEIGHT, DIGITS = 640, 480, 10
SEED = 0  # of the written page
WARM_UP_S, LEAST_WARM_UPS = 0.3, 3
WINDOWS = 5  # stretches of the measurement; their medians show how steady it was
LEAST_ROUNDS = 20
BUSY = 0.5  # load for each core from which on others were at work
UNSTEADY = 1.2  # the slowest window's median over the fastest's
STAGES = ("locate_ms", "normalize_ms", "classify_ms")


@dataclass(frozen=True)
class Times:
    """How long one thing took.

    Attributes:
        name: of what was measured.
        n: how often.
        p50_ms: half took at most so long.
        p90_ms: nine in ten.
        p99_ms: 99 in a hundred.
        windows_p50_ms: the median of each stretch of the measurement, in their order.
    """

    name: str
    n: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    windows_p50_ms: tuple[float, ...]

    @classmethod
    def of(cls, name: str, taken_ms: list[float]) -> Times:
        """Sum up times in their order, at least one."""
        p50, p90, p99 = (round(float(p), 3) for p in np.percentile(taken_ms, (50, 90, 99)))
        parts = np.array_split(np.array(taken_ms), min(WINDOWS, len(taken_ms)))
        medians = tuple(round(float(np.median(part)), 3) for part in parts)
        return cls(name, len(taken_ms), p50, p90, p99, medians)


@dataclass(frozen=True)
class Bench:
    """What was measured, on what, and how the board did meanwhile.

    Attributes:
        times: one digit, ten digits, and a whole frame, then the stages of the frame.
        chosen: delegate and threads, and how they were chosen.
        frame: what was read, in words.
        before: the board's condition before.
        after: the same after.
        load: processes at work for each core in the minute before; None where it is not told.
        seconds: that the measurement took.
    """

    times: tuple[Times, ...]
    chosen: Chosen
    frame: str
    before: Condition
    after: Condition
    load: float | None
    seconds: float

    @property
    def notes(self) -> tuple[str, ...]:
        """Tell what makes the figures less than they could be, a sentence each."""
        found = []
        if self.after.now or self.before.now:
            found.append(
                f"the board was held back: {(self.after.complaint or self.before.complaint)}"
            )
        elif self.after.complaint:
            found.append(self.after.complaint)
        if self.load is not None and self.load >= BUSY:
            found.append(f"others were at work before (load {self.load:g} a core): stop them first")
        if self.after.governor not in {None, "performance"}:
            found.append(f"the clock changes with the load (governor {self.after.governor})")
        medians = self.times[0].windows_p50_ms
        if min(medians) > 0 and max(medians) > UNSTEADY * min(medians):
            found.append(
                f"not steady: the model's median was {min(medians):g} to {max(medians):g} ms "
                "from one stretch to another"
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "version": __version__,
            "model_id": self.chosen.model_id,
            "model": str(self.chosen.path),
            "interpreter": runtime_name(),
            "delegate": self.chosen.delegate,
            "threads": self.chosen.threads,
            "chosen_by_us": self.chosen.times_us,
            "board": Board().model,
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "frame": self.frame,
            "seconds": round(self.seconds, 2),
            "load": self.load,
            "times": [{**asdict(times), "windows_p50_ms": list(times.windows_p50_ms)}
                      for times in self.times],
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "notes": list(self.notes),
        }  # fmt: skip


def bench(model: Path, *, seconds: float = 5.0, state: Path | None = None) -> Bench:
    """Measure a model on this board.

    One digit, ten digits and a frame take turns, so that a change of the board's speed hits all
    alike. Delegate and threads are those that the reader itself would take.

    Args:
        model: a `.tflite` file.
        seconds: to measure for, > 0; each is measured at least twenty times.
        state: folder with the remembered choice of the delegate; None measures it anew.

    Raises:
        ModelError: the model is missing or damaged.
        DependencyError: no interpreter is installed.
    """
    import cv2

    board = Board()
    before, load = board.condition, _load()
    cv2.setNumThreads(1)  # as the runtime does
    chosen = choose(model, state=state)
    image = frame()
    crops = golden_digits()[:DIGITS]
    alone = _another(chosen)  # a change of the batch's size takes time of its own
    reader = Reader(chosen.classifier)
    found = len(reader.read(image).digits)
    ways: dict[str, Callable[[], object]] = {
        "1 digit": lambda: alone.predict(crops[:1]),
        "10 digits": lambda: chosen.classifier.predict(crops),
        "frame": lambda: reader.read(image),
    }
    started_s = time.monotonic()
    taken, stages = _take_turns(ways, seconds)
    return Bench(
        times=tuple(Times.of(name, times) for name, times in (taken | stages).items()),
        chosen=chosen,
        frame=f"{WIDTH}×{HEIGHT} grey, {found} digits",
        before=before,
        after=Board().condition,
        load=load,
        seconds=time.monotonic() - started_s,
    )


def frame() -> NDArray[np.uint8]:
    """Write the page that is read, uint8 (480, 640), with ten digits in one hand."""
    import cv2

    pages = (write_page((SEED, number), WIDTH, HEIGHT) for number in count())
    page = next(page for page in pages if sum(map(len, page.lines)) == DIGITS)
    seen = page.image[REACH_PX : REACH_PX + HEIGHT, REACH_PX : REACH_PX + WIDTH]
    return np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), np.uint8)


def _another(chosen: Chosen) -> Classifier:
    """Open the model once more; an Edge TPU is one, and its batches have one size anyway."""
    if chosen.delegate == "edgetpu":
        return chosen.classifier
    return Classifier(chosen.path, num_threads=chosen.threads, delegate=chosen.delegate)


def _take_turns(
    ways: dict[str, Callable[[], object]], seconds: float
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Run each once, over and over; gives ms by name, and those of a frame's stages."""
    start_s, rounds = time.perf_counter(), 0
    while time.perf_counter() - start_s < WARM_UP_S or rounds < LEAST_WARM_UPS:
        rounds += 1
        for way in ways.values():
            way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    stages: dict[str, list[float]] = {}
    start_s, rounds = time.perf_counter(), 0
    while time.perf_counter() - start_s < seconds or rounds < LEAST_ROUNDS:
        rounds += 1
        for name, way in ways.items():
            began_s = time.perf_counter()
            answer = way()
            taken[name].append(1e3 * (time.perf_counter() - began_s))
            if isinstance(answer, Reading):
                for stage in STAGES:
                    key = f"{name}: {stage.removesuffix('_ms')}"
                    stages.setdefault(key, []).append(getattr(answer, stage))
    return taken, stages


def _load() -> float | None:
    """Give the load of the last minute for each core."""
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except OSError:
        return None
