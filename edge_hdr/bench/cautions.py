"""What speaks against the figures of a run, a sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_hdr.bench.subjects import ONNX, ModelFile

if TYPE_CHECKING:
    from edge_hdr.bench.examples import Examples
    from edge_hdr.bench.request import Request


def cautions(
    request: Request,
    files: Sequence[ModelFile],
    measurement: dict[str, Any],
    examples: Examples | None,
) -> list[str]:
    """Say what speaks against the figures.

    Args:
        request: what was asked for.
        files: that were measured.
        measurement: the measurement document.
        examples: that accuracy was measured on; None without it.
    """
    found = [*map(str, measurement.get("notes", [])), *_threads(measurement)]
    delegate = request.options.delegate
    others = [file.name for file in files if file.path.suffix == ONNX]
    if others and delegate != "auto":
        found.append(
            f"--delegate {delegate} does not apply to ONNX models; onnxruntime ran "
            f"{', '.join(others)} on the processor"
        )
    if request.board and request.robustness:
        found.append("robustness was measured on this computer, not on the board")
    return found + (examples.warnings(files) if examples else [])


def _threads(measurement: dict[str, Any]) -> list[str]:
    cores = measurement["environment"].get("cores")
    threads = max((model.get("threads") or 0 for model in measurement["models"]), default=0)
    if not cores or threads <= cores:
        return []
    return [f"{threads} threads share {cores} cores; more threads than cores make nothing faster"]
