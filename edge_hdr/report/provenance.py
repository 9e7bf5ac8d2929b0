"""List where a model, its data and its figures come from."""

from __future__ import annotations

from edge_hdr.report.numbers import duration, percent, size, whole
from edge_hdr.report.tables import Metrics


def provenance(metrics: Metrics) -> list[tuple[str, str]]:
    """List where the model, the data and the figures come from; what is missing is left out."""
    model, data = metrics["model"], metrics.get("data", {})
    counts = [
        ("training", "train_n"),
        ("digits found in scenes", "exposure_digits"),
        ("non-digits", "exposure_others"),
        ("validation", "validation_n"),
        ("test", "test_n"),
    ]
    validation = metrics.get("validation", {})
    libraries = metrics.get("libraries") or model.get("libraries") or {}
    stages = metrics.get("seconds", {})
    memory = size(metrics["peak_memory_bytes"]) if "peak_memory_bytes" in metrics else None
    examples = ", ".join(f"{whole(data[key])} {name}" for name, key in counts if key in data)
    rows = [
        ("Model", model.get("name")),
        ("Made by edge-hdr", model.get("version")),
        ("Flatbuffer sha256", model.get("sha256")),
        ("Made by the command", _made_by(metrics)),
        ("Seed", model.get("seed")),
        ("Data", ", ".join(str(data[key]) for key in ("name", "source") if data.get(key))),
        ("Data sha256", data.get("sha256")),
        ("Examples", examples),
        ("Validation accuracy", _validation(validation)),
        ("Interpreter", metrics.get("interpreter")),
        ("Libraries", ", ".join(f"{name} {number}" for name, number in libraries.items())),
        ("Time", ", ".join(f"{name} {duration(spent)}" for name, spent in stages.items())),
        ("Peak memory", memory),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def _made_by(metrics: Metrics) -> str:
    """Give the command that made the model, where that is not the one that made the figures."""
    command = str(metrics["model"].get("command") or "")
    return "" if command == metrics.get("command") else command


def _validation(validation: Metrics) -> str:
    if "accuracy" not in validation:
        return ""
    n = f", n = {validation['n']:,}" if "n" in validation else ""
    return percent(validation["accuracy"]) + n
