"""Threads × delegate × batch: how many images a second at best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.bench.environment import cores
from edge_hdr_device.bench.subject import ON_CPU, Subject
from edge_hdr_device.bench.turns import median_ms

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
PASSES, POINT_S = 3, 0.02  # each batch comes up so often, for so long


def sweep(subject: Subject, digits: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Measure whole calls of a model in each way that it can run.

    The batches of one way take turns, in three passes of which the median counts.

    Args:
        subject: the model.
        digits: uint8 (N, 28, 28), N ≥ 1; repeated to fill a batch.

    Returns:
        {"delegate", "threads", "batch", "p50_ms", "images_per_second"} for each.
    """
    repeated = np.resize(digits, (max(BATCHES), *digits.shape[1:]))
    return [point for variant in _variants(subject) for point in _points(variant, repeated)]


def best(points: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Give the point with the most images a second, without its time; None of none."""
    if not points:
        return None
    point = max(points, key=lambda point: float(point["images_per_second"]))
    return {name: value for name, value in point.items() if name != "p50_ms"}


def _variants(subject: Subject) -> Iterator[Subject]:
    """Give the model as it is, then by each delegate with 1, 2, 4… threads up to the cores."""
    yield subject
    seen = {_way(subject)}
    counts = [2**power for power in range(cores().bit_length())]
    for delegate in dict.fromkeys((_way(subject)[0], *ON_CPU)):
        for threads in counts:
            if (delegate, threads) not in seen:
                variant = subject.reopened(threads, delegate)
                if variant is not None and _way(variant) not in seen:
                    seen.add(_way(variant))
                    yield variant


def _points(variant: Subject, digits: NDArray[np.uint8]) -> Iterator[dict[str, Any]]:
    delegate, threads = _way(variant)
    passes: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    for _ in range(PASSES):
        for batch, taken in passes.items():
            images = digits[:batch]
            taken.append(median_ms(lambda images=images: variant.logits(images), POINT_S))  # type: ignore[misc]
    for batch, taken in passes.items():
        p50_ms = float(np.median(taken))
        yield {
            "delegate": delegate,
            "threads": threads,
            "batch": batch,
            "p50_ms": round(p50_ms, 6),
            "images_per_second": round(1e3 * batch / p50_ms, 1),
        }


def _way(subject: Subject) -> tuple[str, int]:
    return getattr(subject, "delegate", ""), getattr(subject, "threads", 1)
