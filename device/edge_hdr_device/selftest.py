"""Try everything on this board without a camera: interpreter, model, reading, storage."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_hdr_device import __version__
from edge_hdr_device.camera.source import Picture
from edge_hdr_device.camera.spec import make_source
from edge_hdr_device.camera.synthetic import PAGE_S
from edge_hdr_device.delegates import Chosen, choose
from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader, Reading
from edge_hdr_device.settings import CameraConfig
from edge_hdr_device.storage import write_atomic
from edge_hdr_device.system.board import Board

NUMBERS = 40
LEAST_RIGHT = 0.9  # of the lines; a sound board reads nearly all
WARM_UP = 3


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: of what was tried.
        ok: whether it works.
        detail: what was found, one line.
        facts: figures, JSON-ready.
    """

    name: str
    ok: bool
    detail: str
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, **self.facts}


def selftest(model: Path, *, state: Path) -> list[Check]:
    """Try everything that needs no camera.

    Args:
        model: a `.tflite` file.
        state: folder of what the runtime remembers; must be writable.
    """
    checks = [_system(), _attempt("storage", lambda: _storage(state))]
    opened: list[Chosen] = []
    checks.append(_attempt("model", lambda: _model(model, state, opened)))
    if opened:
        checks.append(_attempt("reading", lambda: _reading(opened[0])))
    return checks


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except EdgeHdrError as error:
        return Check(name, False, f"{error.message}; {error.hint}" if error.hint else error.message)


def _system() -> Check:
    import cv2

    facts = {
        "version": __version__,
        "board": Board().model,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "interpreter": runtime_name(),
    }
    names = ("board", "machine", "python", "numpy", "opencv", "interpreter")
    detail = ", ".join(f"{name} {facts[name]}" for name in names)
    return Check("system", facts["interpreter"] != "none", detail, facts)


def _storage(state: Path) -> Check:
    trial = state / "selftest"
    write_atomic(trial, "written\n")
    trial.unlink()
    return Check("storage", True, f"{state} can be written")


def _model(model: Path, state: Path, opened: list[Chosen]) -> Check:
    chosen = choose(model, state=state)
    opened.append(chosen)
    threads = f"{chosen.threads} thread{'s' if chosen.threads > 1 else ''}"
    detail = f"{chosen.model_id}, {chosen.delegate}, {threads}"
    if chosen.fallback:
        detail += f" ({chosen.fallback})"
    return Check("model", True, detail, chosen.to_dict())


def _reading(chosen: Chosen) -> Check:
    """Read numbers that are known and time it."""
    import cv2

    cv2.setNumThreads(1)  # as the runtime does
    reader = Reader(chosen.classifier)
    right = total = 0
    times: list[float] = []
    for picture in _numbers():
        start = time.perf_counter()
        reading = reader.read(picture.image)
        times.append(1e3 * (time.perf_counter() - start))
        right += _is_right(reading, picture)
        total += 1
    p50_ms = float(np.median(times[WARM_UP:]))
    facts = {"right": right, "n": total, "p50_ms": round(p50_ms, 2)}
    detail = f"{right} of {total} written numbers read right, {p50_ms:.1f} ms a frame"
    return Check("reading", right >= LEAST_RIGHT * total, detail, facts)


def _numbers() -> list[Picture]:
    """Take one picture of each of the synthetic camera's numbers, as fast as it goes."""
    found: list[Picture] = []
    seldom = 1 / PAGE_S  # so that hardly a frame shows the numbers of the one before
    with make_source(CameraConfig(source="synthetic:1", fast=True, fps=seldom)) as source:
        while len(found) < NUMBERS:
            picture = source.read()
            if picture is not None and (not found or picture.truth != found[-1].truth):
                found.append(picture)
    return found


def _is_right(reading: Reading, picture: Picture) -> bool:
    return reading.lines == picture.truth
