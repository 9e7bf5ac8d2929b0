"""Take out of a bench document what its tables and figures show.

A document is what `edge-hdr bench` writes as bench.json. Any of a model's parts may be missing:
`test` without labelled data, `footprint` for other files than TFLite, `frame` and `cold` where
they were not measured.
"""

from __future__ import annotations

from math import inf
from typing import Any

Document = dict[str, Any]
Model = dict[str, Any]
NAME_LIMIT = 28
US_OF_MS = 1e3  # kernels are told in µs in every run, whatever the model


def times(model: Model, what: str = "invoke") -> dict[str, Any] | None:
    """Give how long something took: "invoke", "call", "ten" or "frame"; None if not measured."""
    return (model.get("latency") or {}).get(what) or None


def percentile_ms(model: Model, what: str = "invoke", which: str = "p50") -> float | None:
    """Give a percentile of something that was timed, in ms."""
    found = times(model, what)
    return float(found[f"{which}_ms"]) if found else None


def images_per_second(model: Model) -> float | None:
    """Give the digits read in a second: the sweep's best, or ten in one batch."""
    best = (model.get("latency") or {}).get("best")
    if best:
        return float(best["images_per_second"])
    ten_ms = percentile_ms(model, "ten")
    return 1e4 / ten_ms if ten_ms else None


def cold(model: Model, what: str) -> float | None:
    """Give a figure of the fresh processes: "start_ms", "resident_bytes", …; None without them."""
    found = (model.get("latency") or {}).get("cold") or {}
    return found.get(what)


def cold_ms(model: Model) -> float | None:
    """Give the time from the start of a process to its first reading."""
    parts = [cold(model, what) for what in ("start_ms", "open_ms", "first_ms")]
    return None if None in parts else sum(part for part in parts if part is not None)


def cost(model: Model, what: str) -> float | None:
    """Give a figure of the footprint, as "arena_bytes"; None for other files than TFLite."""
    return (model.get("footprint") or {}).get(what)


def scored(doc: Document) -> list[Model]:
    """Give the models whose accuracy was measured."""
    return [model for model in doc["models"] if model.get("test")]


def timed(doc: Document, what: str = "invoke") -> list[Model]:
    """Give the models of which something was timed."""
    return [model for model in doc["models"] if times(model, what)]


def best(doc: Document) -> Model | None:
    """Give the model with the fewest errors, of equals the smallest; None without accuracy."""

    def rank(model: Model) -> tuple[int, float]:
        return model["test"]["errors"], model["file_bytes"] or inf

    return min(scored(doc), key=rank, default=None)


def test_name(doc: Document) -> str:
    """Name the split of the figures, "MNIST test"."""
    data = doc.get("data") or {}
    return str(data.get("test_name") or data.get("name") or "test")


def short_name(name: str, limit: int = NAME_LIMIT) -> str:
    """Shorten a name in its middle, where two names differ least."""
    if len(name) <= limit:
        return name
    head = (limit - 1) * 2 // 3
    return f"{name[:head]}…{name[len(name) - (limit - 1 - head) :]}"


def comparable(doc: Document) -> bool:
    """Tell whether the run's times may be compared, with each other too."""
    return bool(doc["measurement"]["comparable"])


def has_threshold(model: Model) -> bool:
    """Tell whether the model rejects anything."""
    selective = (model.get("test") or {}).get("selective") or {}
    return bool(selective.get("threshold", 0) > 0)


def three(value: float) -> str:
    """Write a figure with three digits: 0.0512, 8.53, 17.0, 13,312."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"
