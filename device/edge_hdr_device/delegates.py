"""Choose delegate and threads by a short measurement on this very board, and remember them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, cast

import numpy as np

from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import EdgeHdrError, ModelError
from edge_hdr_device.interpreter import Delegate, runtime_name
from edge_hdr_device.manifest import read_file
from edge_hdr_device.normalize import SIDE_PX
from edge_hdr_device.storage import write_atomic

logger = logging.getLogger("edge_hdr.delegates")

SUFFIX = "_edgetpu"  # edgetpu_compiler's own mark
MEMORY = "delegates.json"
DIGITS = 10  # a frame's worth
WARM_UP_S, MEASURE_S = 0.02, 0.08
GAIN = 0.9  # a second thread must save a tenth: it takes a core from everything else


@dataclass(frozen=True)
class Chosen:
    """A classifier and how it was chosen.

    Attributes:
        classifier: ready to run.
        path: of the model in use; the Edge TPU and the CPU take different files.
        delegate: xnnpack, none or edgetpu.
        threads: of the kernels.
        times_us: median time of ten digits by "delegate×threads"; empty when nothing was measured.
        fallback: why the delegate asked for is not in use; empty when it is.
    """

    classifier: Classifier
    path: Path
    delegate: Delegate
    threads: int
    times_us: dict[str, float]
    fallback: str = ""

    @property
    def model_id(self) -> str:
        """Name the model and its bytes, as "ds-cnn-small-int8@3f2a9c01d4e5"."""
        manifest = self.classifier.manifest
        if manifest is None:
            digest = hashlib.sha256(read_file(self.path)).hexdigest()
            return f"{self.path.stem}@{digest[:12]}"
        return f"{manifest.name}@{manifest.sha256[:12]}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "model": str(self.path),
            "model_id": self.model_id,
            "delegate": self.delegate,
            "threads": self.threads,
            "times_us": self.times_us,
            "fallback": self.fallback or None,
        }


@dataclass(frozen=True)
class _Option:
    """One way to run the model on the processor."""

    delegate: Delegate
    threads: int

    def __str__(self) -> str:
        return f"{self.delegate}×{self.threads}"

    @classmethod
    def parse(cls, text: str) -> _Option:
        name, _, threads = text.partition("×")
        return cls(cast("Delegate", name), int(threads))


def choose(
    model: Path, *, delegate: str = "auto", threads: int = 0, state: Path | None = None
) -> Chosen:
    """Open a model with the fastest delegate, or the one asked for.

    What was measured is kept in the state folder and taken again for the same model, interpreter
    and processor. A delegate that fails to load falls back to the CPU with one warning.

    Args:
        model: a `.tflite` file; `NAME_edgetpu.tflite` is for the Edge TPU, `NAME.tflite` beside it
            for the CPU.
        delegate: auto, xnnpack, none or edgetpu.
        threads: 0 is measured along.
        state: folder of what is remembered; None remembers nothing.

    Raises:
        ModelError: the model is missing or damaged, or only the Edge TPU could run it.
        DependencyError: no interpreter is installed.
    """
    cpu, tpu = _twins(model)
    fallback = ""
    if tpu is not None and delegate in {"auto", "edgetpu"}:
        try:
            return Chosen(Classifier(tpu, delegate="edgetpu"), tpu, "edgetpu", 1, {})
        except EdgeHdrError as error:
            fallback = error.message
    elif delegate == "edgetpu":
        fallback = f"there is no {model.stem}{SUFFIX}.tflite for the Edge TPU"
    if cpu is None:
        raise ModelError(
            f"{model.name} is for the Edge TPU, and {fallback or 'another delegate is set'}",
            hint=f"put {model.stem.removesuffix(SUFFIX)}.tflite beside it for the processor",
        )
    if fallback and (delegate == "edgetpu" or model == tpu):
        logger.warning("%s; the processor takes over", fallback)
    else:
        fallback = ""  # nobody asked for the Edge TPU
    return _on_cpu(cpu, delegate, threads, state, fallback)


def _twins(model: Path) -> tuple[Path | None, Path | None]:
    """Give the model's file for the processor and for the Edge TPU, None where there is none."""
    stem = model.stem.removesuffix(SUFFIX)
    cpu, tpu = (model.with_name(f"{stem}{mark}.tflite") for mark in ("", SUFFIX))
    if not model.stem.endswith(SUFFIX):
        cpu = model
    return cpu if cpu.is_file() or cpu == model else None, tpu if tpu.is_file() else None


def _on_cpu(model: Path, delegate: str, threads: int, state: Path | None, fallback: str) -> Chosen:
    names: list[Delegate] = ["xnnpack", "none"]
    if delegate in names:
        names = [delegate]
    counts = [threads] if threads else [n for n in (1, 2, 4) if n <= (os.cpu_count() or 1)]
    best, times = _Option(names[0], counts[0]), {}
    if len(names) * len(counts) > 1:
        times = _remembered_or_measured(model, names, counts, state)
        best = _fastest(times)
    classifier = Classifier(model, num_threads=best.threads, delegate=best.delegate)
    return Chosen(classifier, model, best.delegate, best.threads, times, fallback)


def _fastest(times: dict[str, float]) -> _Option:
    """Take the fastest, and of nearly equal ones that with fewer threads."""
    options = sorted((_Option.parse(name) for name in times), key=lambda option: option.threads)
    best = options[0]
    for option in options[1:]:
        needed = GAIN if option.threads > best.threads else 1.0
        if times[str(option)] < needed * times[str(best)]:
            best = option
    return best


def _remembered_or_measured(
    model: Path, names: list[Delegate], counts: list[int], state: Path | None
) -> dict[str, float]:
    key = f"{_key(model)} {'+'.join(names)} {'+'.join(map(str, counts))}"
    memory = state / MEMORY if state else None
    known = _recall(memory).get(key) if memory else None
    if _is_measurement(known):
        return {str(name): float(time_us) for name, time_us in known.items()}
    times = _measure_all(model, names, counts)
    logger.info("measured %s", ", ".join(f"{name} {us:.0f} µs" for name, us in times.items()))
    if memory:
        try:
            write_atomic(memory, json.dumps({key: times}, indent=1) + "\n")
        except EdgeHdrError as error:
            logger.warning("the measurement is not remembered: %s", error)
    return times


def _measure_all(model: Path, names: list[Delegate], counts: list[int]) -> dict[str, float]:
    """Measure each delegate with the fewest threads, and the faster one with more."""
    options = [_Option(name, counts[0]) for name in names]
    times = {str(option): _measure(model, option) for option in options}
    best = _fastest(times)
    for count in counts[1:]:
        option = _Option(best.delegate, count)
        times[str(option)] = _measure(model, option)
    return times


def _key(model: Path) -> str:
    """Name what the measurement holds for: the model, the interpreter and the processor."""
    digest = hashlib.sha256(read_file(model)).hexdigest()[:16]
    return f"{digest} {runtime_name()} {platform.machine()} {os.cpu_count()}"


def _is_measurement(known: Any) -> TypeGuard[dict[str, float]]:
    return (
        isinstance(known, dict)
        and all(
            re.fullmatch(r"(xnnpack|none)×\d+", str(name)) and isinstance(time_us, int | float)
            for name, time_us in known.items()
        )
        and bool(known)
    )


def _recall(memory: Path) -> dict[str, Any]:
    """Read what was remembered; a damaged file is nothing remembered."""
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _measure(model: Path, option: _Option) -> float:
    """Give the median time of ten digits in µs."""
    classifier = Classifier(model, num_threads=option.threads, delegate=option.delegate)
    images = np.random.default_rng(0).integers(0, 256, (DIGITS, SIDE_PX, SIDE_PX), np.uint8)
    times: list[float] = []
    start = time.perf_counter()
    while (now := time.perf_counter()) < start + WARM_UP_S + MEASURE_S or len(times) < 3:
        classifier.predict(images)
        if now >= start + WARM_UP_S:
            times.append(time.perf_counter() - now)
    return round(1e6 * float(np.median(times)), 1)
