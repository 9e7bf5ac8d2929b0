"""Make metrics of the tiny models for the tests of the report."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from edge_hdr.data.dataset import Dataset
from edge_hdr.data.strokes import make_split
from edge_hdr.measure import Subject, measure

DATA = Path(__file__).parents[2] / "data"


@cache
def measured():
    """Measure the int8 fixture beside the float one, as `edge-hdr evaluate` does."""
    digits = make_split(200, seed=11, workers=1)
    dataset = Dataset("strokes", digits, digits, "drawn for a test", "strokes test")
    subject = Subject(DATA / "tiny-int8.tflite")
    return measure(subject, dataset, split="test", reference=DATA / "tiny-float.tflite")


def whole_build():
    """Give metrics with every key that a build writes, and the arrays."""
    metrics, arrays = measured()
    history = [
        {
            "phase": "float" if epoch < 3 else "qat",
            "epoch": epoch,
            "loss": 1 / (epoch + 1),
            "val_loss": 1.1 / (epoch + 1),
            "val_accuracy": 0.9 + 0.01 * epoch,
            "learning_rate": 0.01,
            "seconds": 2.0,
        }
        for epoch in range(5)
    ]
    return {
        **metrics,
        "history": history,
        "validation": {"accuracy": 0.973, "n": 5000},
        "seconds": {"data": 1.5, "float": 372.0},
        "peak_memory_bytes": 1_900_000_000,
        "warnings": ["trained on strokes because MNIST was not found"],
        "command": "edge-hdr build --quantize int8",
        "config": {"epochs": 3, "seed": 7},
        "data": {**metrics["data"], "sha256": "ab" * 32, "train_n": 55_000, "validation_n": 5000},
        "libraries": {"tensorflow": "2.21.0", "ai-edge-litert": "2.3.0"},
        "latency": {"median_ms": 0.0514, "p90_ms": 0.06, "threads": 1, "delegate": "xnnpack"},
    }, arrays


def least():
    """Give metrics with the keys alone that may not be missing."""
    metrics, _ = measured()
    model = {"name": "theirs", "labels": metrics["model"]["labels"]}
    return {"schema": 1, "model": model, "test": metrics["test"], "footprint": metrics["footprint"]}
