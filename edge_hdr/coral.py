"""The target `coral` of a build: what the Edge TPU takes, and the file compiled for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edge_hdr.edgetpu_compiler import HOW_TO_GET, PROGRAM, Compilation, CompilerLog, compile_model
from edge_hdr.edgetpu_rules import CUSTOM_OPERATOR, Placement, place, suspects
from edge_hdr.errors import ModelError
from edge_hdr.flatbuffer import Graph, read_graph
from edge_hdr_device.manifest import Manifest, pack


@dataclass(frozen=True)
class Outcome:
    """What a build for the Edge TPU adds.

    Attributes:
        file: the compiled model with its manifest packed; empty when there is none.
        metrics: `edge_tpu` of metrics.json; empty for another target.
        warnings: what falls to the CPU and what failed, a line each.
    """

    file: bytes = b""
    metrics: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def for_coral(flatbuffer: bytes, manifest: Manifest) -> Outcome:
    """Check a model against the Edge TPU's rules, and compile it where the compiler is installed.

    Args:
        flatbuffer: the int8 model, no manifest packed.
        manifest: of that model; the compiled file carries it too, with a hash of its own.
    """
    graph = read_graph(flatbuffer)
    placements = place(graph)
    warnings = _fallen(placements)
    compilation = compile_model(flatbuffer)
    file = b""
    if compilation is not None:
        failure = compilation.failure or _unsound(compilation.flatbuffer, graph)
        compilation = replace(compilation, failure=failure)
        warnings += _not_compiled(failure, placements) if failure else _left(compilation.log)
        if not failure:
            file = pack(compilation.flatbuffer, _told(manifest, flatbuffer, compilation.log))
    return Outcome(file, {"edge_tpu": _metrics(placements, compilation, file)}, tuple(warnings))


def _fallen(placements: Sequence[Placement]) -> list[str]:
    """Say what falls to the CPU by the rules."""
    mapped = sum(item.mapped for item in placements)
    if mapped == len(placements):
        return []
    first = next(item for item in placements if not item.mapped)
    return [
        f"the Edge TPU takes {mapped} of {len(placements)} operators by Coral's rules; the CPU "
        f"runs the rest, from operator {first.index} {first.name} on: {first.reason}"
    ]


def _left(log: CompilerLog) -> list[str]:
    """Say what the compiler itself left to the CPU."""
    rows = [f"{row.count} × {row.name} ({row.status})" for row in log.rows if not row.mapped]
    if not rows:
        return []
    count = f"{log.total - log.mapped} of {log.total} operators"
    return [f"{PROGRAM} leaves {count} to the CPU: {', '.join(rows)}"]


def _not_compiled(failure: str, placements: Sequence[Placement]) -> list[str]:
    """Say that the compiler failed and, as it seldom does, which operators may be why."""
    found = suspects(placements)
    why = "to be suspected: " + "; ".join(found) if found else "our check finds no broken rule"
    return [f"{PROGRAM} failed ({failure}), so there is a model for the CPU only; {why}"]


def _unsound(compiled: bytes, source: Graph) -> str:
    """Say what keeps a compiled file from being used in place of its source; or nothing."""
    try:
        graph = read_graph(compiled)
    except ModelError as error:
        return f"its file cannot be read: {error.message}"
    if CUSTOM_OPERATOR not in {operator.name for operator in graph.operators}:
        return "nothing in its file runs on the Edge TPU"
    if _ends(graph) != _ends(source):
        return "its file has another input or output than the model"
    return ""


def _ends(graph: Graph) -> list[tuple[Any, ...]]:
    tensors = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
    return [(item.shape, item.dtype, item.scales, item.zero_points) for item in tensors]


def _told(manifest: Manifest, source: bytes, log: CompilerLog) -> Manifest:
    """Add to the manifest what the file was compiled from and by; its figures are the source's."""
    compiled = {
        "compiled_from_sha256": hashlib.sha256(source).hexdigest(),
        "operators": log.total,
        "operators_mapped": log.mapped,
        "test_figures": "of the file that it was compiled from, on a CPU",
    }
    return replace(
        manifest,
        metrics={**manifest.metrics, "edge_tpu": compiled},
        libraries={**manifest.libraries, PROGRAM: log.version},
    )


def _metrics(
    placements: Sequence[Placement], compilation: Compilation | None, file: bytes
) -> dict[str, Any]:
    log = None if compilation is None else compilation.log.to_dict()
    return {
        "operators": [item.to_dict() for item in placements],
        "mapped": sum(item.mapped for item in placements),
        "compiler": log,
        "failure": "" if compilation is None else compilation.failure,
        "note": HOW_TO_GET if compilation is None else "",
        "file_bytes": len(file),
    }
