"""`edge-hdr info`: what one model file is and what it costs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr_device import released


def info(
    model: str = typer.Argument(
        None,
        help="A .tflite file, a build or a released model; by default ds-cnn-small-int8.",
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Show a model's manifest, size, operators and multiply-accumulates."""
    path = released.find(model)
    data = _read(path)
    render.emit(command="info", data=data, human=lambda: _show(data), as_json=json)


def _read(path: Path) -> dict[str, Any]:
    from edge_hdr.edgetpu_rules import CUSTOM_OPERATOR, place
    from edge_hdr.errors import ModelError
    from edge_hdr.flatbuffer import read_graph
    from edge_hdr.footprint import footprint
    from edge_hdr_device.manifest import read_model

    try:
        flatbuffer, manifest = read_model(path)
        if CUSTOM_OPERATOR.encode() in flatbuffer:
            raise ModelError(
                "the model is compiled for the Edge TPU, which shows nothing of its inside",
                hint="give the model.tflite that it was compiled from",
            )
        cost = footprint(path.read_bytes())
        placements = [item.to_dict() for item in place(read_graph(flatbuffer))]
    except ModelError as error:
        if str(path) in error.message:
            raise
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from error
    fields = dataclasses.asdict(manifest) if manifest else None
    return {
        "file": str(path),
        "manifest": fields,
        "footprint": cost.to_dict(),
        "edge_tpu": {"operators": placements},
    }


def _show(data: dict[str, Any]) -> None:
    from edge_hdr.report import tables

    console = render.console()
    manifest, cost = data["manifest"], data["footprint"]
    rows = _manifest_rows(manifest) if manifest else [["manifest", "none is packed into this file"]]
    about = render.table(data["file"], ["manifest", ""], rows)
    about.columns[1].justify, about.columns[1].overflow = "left", "fold"
    console.print(about)
    placements = data["edge_tpu"]["operators"]
    mapped = sum(item["mapped"] for item in placements)
    sizes = [list(row) for row in tables.sizes(cost).rows]
    sizes.append(["Fit for an Edge TPU", f"{mapped} of {len(placements)} operators"])
    console.print(render.table("Footprint", ["figure", "value"], sizes))
    console.print(f"Arena: {cost['arena_method']}.", markup=False)
    if cost["delegate_note"]:
        console.print(f"XNNPACK: {cost['delegate_note']}.", markup=False)
    first = next((item for item in placements if item["breaks_rule"]), None)
    if first:
        line = f"Edge TPU: operator {first['index']} {first['name']}: {first['reason']}."
        console.print(line, markup=False)
    operators = tables.operators_short(cost)
    rows = [list(row) for row in operators.rows]
    console.print(render.table("Operators", list(operators.head), rows))


def _manifest_rows(manifest: dict[str, Any]) -> list[list[str]]:
    from edge_hdr.report.numbers import shape

    rows = [
        [key, str(manifest[key])]
        for key in ("name", "version", "architecture", "variant", "normalization", "polarity")
    ]
    rows.append(["labels", " ".join(manifest["labels"])])
    for end in ("input", "output"):
        spec = manifest[end]
        scale = f", scale {spec['scale']:.6g}, zero point {spec['zero_point']}"
        rows.append(
            [end, f"{shape(spec['shape'])} {spec['dtype']}{scale if spec['scale'] else ''}"]
        )
    keys = ("temperature", "threshold", "seed", "sha256", "command")
    rows += [[key, str(manifest[key])] for key in keys]
    rows.append(["data", str(manifest["data"].get("name", ""))])
    rows += [["warning", str(line)] for line in manifest["data"].get("warnings", [])]
    rows += [[f"metric {key}", _flat(value)] for key, value in manifest["metrics"].items()]
    return [row for row in rows if row[1]]


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)
