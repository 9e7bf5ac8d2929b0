"""The Pareto fronts of a run: the models that no other beats on both counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def pareto(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Name the points that no other beats, the cheapest first.

    A point is beaten by another that is no worse in both values and better in one; equal points
    beat each other not.

    Args:
        points: cost and errors by name; less is better in both.
    """
    kept = [
        name
        for name, (cost, errors) in points.items()
        if not any(
            other <= cost and wrong <= errors and (other, wrong) != (cost, errors)
            for other, wrong in points.values()
        )
    ]
    return sorted(kept, key=lambda name: (points[name], name))


def fronts(models: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Give the fronts of a bench document's models: errors against bytes, and against latency.

    Args:
        models: entries of the document; those without accuracy are left out, and of the front of
            bytes those whose file is not here.
    """
    errors = {model["name"]: model["test"]["errors"] for model in models if model["test"]}
    bytes_, times = {}, {}
    for model in models:
        name, latency = model["name"], model["latency"]
        if name in errors and model["file_bytes"]:
            bytes_[name] = (float(model["file_bytes"]), float(errors[name]))
        if name in errors and latency:
            times[name] = (float(latency["invoke"]["p50_ms"]), float(errors[name]))
    return {"bytes": pareto(bytes_), "latency": pareto(times)}
