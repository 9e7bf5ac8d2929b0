"""Assemble the document of a bench run from what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.bench.front import fronts
from edge_hdr.bench.subjects import ONNX, ModelFile
from edge_hdr.comparison import compare
from edge_hdr.errors import EdgeHdrError
from edge_hdr.evaluation import Evaluation

SCHEMA = 2


@dataclass(frozen=True)
class Result:
    """What was found of one model.

    Attributes:
        file: the model.
        latency: its entry of the measurement document.
        evaluation: over the split; None where accuracy was not measured.
        robustness: see `edge_hdr.robustness`; None where it was not measured.
    """

    file: ModelFile
    latency: dict[str, Any]
    evaluation: Evaluation | None = None
    robustness: dict[str, Any] | None = None


def assemble(
    results: list[Result],
    *,
    measurement: dict[str, Any],
    data: dict[str, Any] | None,
    labels: NDArray[np.int64] | None,
    target: str | None,
    command: str,
    warnings: list[str],
) -> dict[str, Any]:
    """Give the bench document.

    Args:
        results: of each model, in their order.
        measurement: the measurement document.
        data: name, test_name, n, sha256 and source of the examples; None without accuracy.
        labels: int64 (N,), true class of each example.
        target: the board; None for this computer.
        command: that made it.
        warnings: a line each.
    """
    first = results[0].evaluation
    models = [model_entry(result, first, labels) for result in results]
    return {
        "schema": SCHEMA,
        "command": command,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": target,
        "data": data,
        "measurement": {key: value for key, value in measurement.items() if key != "models"},
        "models": models,
        "front": fronts(models),
        "comparison": None,
        "warnings": warnings,
    }


def model_entry(
    result: Result, first: Evaluation | None, labels: NDArray[np.int64] | None
) -> dict[str, Any]:
    """Give one model's entry.

    Args:
        result: of the model.
        first: the first model's evaluation; the model is compared with it unless it is its own.
        labels: int64 (N,), true class of each example.
    """
    file, found = result.file, result.evaluation
    footprint, notes = _footprint(file)
    path = file.argument or str(file.path)  # not where it lies on this machine, unless so asked
    pair = None
    if found is not None and first is not None and labels is not None and found is not first:
        pair = compare(first.logits, found.logits, labels).to_dict()
    return {
        "name": file.name,
        "label": file.label,
        "own_name": file.own_name or file.name,
        "argument": file.argument,
        "path": path,
        "kind": result.latency["kind"],
        "runtime": _runtime(result.latency["kind"]),
        "sha256": file.sha256 or result.latency["sha256"],
        "architecture": file.manifest.architecture if file.manifest else "",
        "variant": file.manifest.variant if file.manifest else "",
        "test": found.to_dict() if found else None,
        "wrong": _wrong(found, labels),
        "against_first": pair,
        "footprint": footprint,
        "file_bytes": None if file.content is None else len(file.content),
        "gzip_bytes": footprint["gzip_bytes"] if footprint else file.gzip_bytes,
        "latency": {**result.latency, "path": path},
        "robustness": result.robustness,
        "notes": notes,
        "source": file.description.source if file.description else "",
        "licence": file.description.licence if file.description else "",
    }


def _wrong(found: Evaluation | None, labels: NDArray[np.int64] | None) -> list[int]:
    if found is None or labels is None:
        return []
    return [int(i) for i in np.flatnonzero(found.probabilities.argmax(axis=1) != labels)]


def _footprint(file: ModelFile) -> tuple[dict[str, Any] | None, list[str]]:
    """Measure the file; a note says why where only the interpreter of a board knows it."""
    if file.content is None:
        return None, ["the file is not here, so that its size is not known"]
    if file.path.suffix == ONNX:
        return None, []
    from edge_hdr.footprint import footprint

    try:
        return footprint(file.content).to_dict(), []
    except EdgeHdrError as error:
        return None, [f"no footprint: {error.message}"]


def _runtime(kind: str) -> str:
    """Name what ran a model that the measurement's interpreter did not run; else empty."""
    if kind != "onnx":
        return ""
    from importlib.metadata import version

    return f"onnxruntime {version('onnxruntime')}"
