"""Word what a report says of the Edge TPU."""

from __future__ import annotations

from typing import Any

from edge_hdr.report.numbers import size
from edge_hdr.report.tables import Metrics, Table

_FIGURES = (
    ("Parameters kept in the Edge TPU", "on_chip_used_bytes"),
    ("Room left for more", "on_chip_left_bytes"),
    ("Parameters sent for each digit", "off_chip_bytes"),
)


def mapped_by(edge_tpu: Metrics) -> str:
    """Say how many operators the Edge TPU runs: by the compiler, or by the rules before it ran.

    Args:
        edge_tpu: of metrics.json, see `edge_hdr.coral`.
    """
    compiler = edge_tpu["compiler"]
    if edge_tpu["file_bytes"] and not compiler["total"]:
        return "compiled, but the compiler's log does not tell which operators"
    if edge_tpu["file_bytes"]:
        return f"{compiler['mapped']} of {compiler['total']} operators, by edgetpu_compiler"
    known = "by Coral's rules, " + ("compiler failed" if edge_tpu["failure"] else "not compiled")
    return f"{edge_tpu['mapped']} of {len(edge_tpu['operators'])} operators {known}"


def edge_tpu_view(metrics: Metrics) -> dict[str, Any] | None:
    """Give the template what its section on the Edge TPU shows; None for another target."""
    found = metrics.get("edge_tpu")
    if not found:
        return None
    compiler = found["compiler"]
    return {
        "summary": mapped_by(found),
        "note": found["note"],
        "failure": found["failure"],
        "rules": _rules(found["operators"]),
        "compiled": _compiled(found) if found["file_bytes"] else None,
        "rows": _rows(compiler["rows"]) if compiler and compiler["rows"] else None,
        "log": compiler["text"] if compiler else "",
    }


def _rules(placements: list[Metrics]) -> Table:
    rows = [
        (str(item["index"]), item["name"], "Edge TPU" if item["mapped"] else "CPU", item["reason"])
        for item in placements
    ]
    columns = 4 if any(item["reason"] for item in placements) else 3
    head = ("#", "operator", "runs on", "why")[:columns]
    return Table(head, tuple(row[:columns] for row in rows), text=(0, 1, 2, 3))


def _compiled(found: Metrics) -> Table:
    compiler = found["compiler"]
    rows = [
        ("edgetpu_compiler", compiler["version"]),
        ("model_edgetpu.tflite", f"{found['file_bytes']:,} B"),
    ]
    rows += [(name, size(compiler[key])) for name, key in _FIGURES if compiler[key] is not None]
    return Table(("figure", "value"), tuple(rows))


def _rows(rows: list[Metrics]) -> Table:
    cells = [(row["name"], row["status"], str(row["count"])) for row in rows]
    return Table(("operator", "status", "count"), tuple(cells), text=(0, 1))
