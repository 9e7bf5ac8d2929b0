"""The model card: Markdown beside a model, for people and for model hubs."""

from __future__ import annotations

import json
import re
from typing import Any

from edge_hdr.report import tables
from edge_hdr.report.coral import mapped_by
from edge_hdr.report.numbers import accuracy_digits, interval, p_value, percent, size, whole
from edge_hdr.report.page import TEMPLATES, subtitle
from edge_hdr.report.provenance import provenance

_LICENCES = {
    "mnist": "MNIST, by Y. LeCun, C. Cortes and C. J. C. Burges, after NIST; distributed under "
    "CC BY-SA 3.0.",
    "strokes": "drawn by edge-hdr itself, Apache-2.0.",
}


class _Verbatim(str):
    """Text that is put into the card as it is."""

    __slots__ = ()


def model_card(metrics: dict[str, Any]) -> str:
    """Render a Markdown model card with a YAML head.

    Args:
        metrics: the content of metrics.json; see `edge_hdr.report.page`.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML: `finalize` escapes
        finalize=_escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        yaml=lambda value: _Verbatim(json.dumps(value, ensure_ascii=True)),
        code=lambda value: _Verbatim("`" + _one_line(value).replace("`", "'") + "`"),
        verbatim=lambda value: _Verbatim(str(value).replace("```", "'''")),
        cells=_Verbatim,
        whole=whole,
    )
    return environment.get_template("MODEL_CARD.md.j2").render(**_view(metrics))


def _view(metrics: dict[str, Any]) -> dict[str, Any]:
    model = {"architecture": "", "variant": "", "seed": None, "input": {}, **metrics["model"]}
    data = {"name": "", "source": "", "sha256": "", **metrics.get("data", {})}
    test = metrics["test"]
    config = metrics.get("config") or model.get("config")
    origin = dict(provenance(metrics))
    edge_tpu = metrics.get("edge_tpu")
    return {
        "model": model,
        "data": data,
        "test": test,
        "cost": metrics["footprint"],
        "selective": test["selective"],
        "rejection": metrics.get("rejection") or {},
        "subtitle": subtitle(metrics),
        "split": tables.split_name(metrics),
        "warnings": metrics.get("warnings") or [],
        "sizes": {"file": size(metrics["footprint"]["file_bytes"])},
        "examples": origin.get("Examples", ""),
        "data_licence": _LICENCES.get(
            str(data.get("name")), "that of the images, which edge-hdr does not know."
        ),
        "recipe": _cells(tables.phases(metrics.get("history") or []).rows),
        "config": json.dumps(config, indent=1, sort_keys=True) if config else "",
        "figures": _cells(_figures(metrics)),
        "size_rows": _cells(tables.sizes(metrics["footprint"]).rows),
        "command": metrics.get("command") or model.get("command", ""),
        "libraries": origin.get("Libraries", ""),
        "interpreter": _interpreter(metrics),
        "edge_tpu": mapped_by(edge_tpu) if edge_tpu and edge_tpu["file_bytes"] else "",
    }


def _figures(metrics: dict[str, Any]) -> list[tuple[str, ...]]:
    """List each figure with the split and the n that it stands on."""
    test, name = metrics["test"], tables.split_name(metrics)
    n, digits = test["n"], accuracy_digits(test["n"])
    share = f"{percent(test['accuracy'], digits=digits)} ({interval(test['interval'], n)})"
    rows = [
        ("top-1 accuracy (95 % interval)", share),
        ("errors", whole(test["errors"])),
        ("macro F1", percent(test["macro"]["f1"], digits=digits)),
        ("expected calibration error", percent(test["calibration"]["ece"])),
        ("coverage at the threshold", percent(test["selective"]["coverage"])),
        ("accuracy of what is accepted", percent(test["selective"]["accuracy"])),
    ]
    comparison = metrics.get("comparison")
    if comparison:
        other = tables.reference_name(metrics)
        rows += [
            (f"errors of {other}", whole(comparison["reference_errors"])),
            ("ratio of errors", f"{comparison['error_ratio']:.2f}"),
            ("McNemar's exact p", p_value(comparison["p_value"])),
            (f"agreement with {other}", percent(comparison["agreement"])),
        ]
    found: list[tuple[str, ...]] = [(*row, name, f"{n:,}") for row in rows]
    validation = metrics.get("validation") or {}
    if "accuracy" in validation:
        count = f"{validation['n']:,}" if "n" in validation else "–"
        found.append(("top-1 accuracy", percent(validation["accuracy"]), "validation", count))
    return found + [
        (name, value, "validation scenes", n) for name, value, n in tables.rejection(metrics)
    ]


def _interpreter(metrics: dict[str, Any]) -> str:
    number = metrics.get("libraries", {}).get("ai-edge-litert")
    named = f"ai-edge-litert {number}" if number else "a TFLite interpreter"
    return str(metrics.get("interpreter") or named)


def _cells(rows: Any) -> list[list[str]]:
    return [[_escape(str(cell)) for cell in row] for row in rows]


def _escape(value: object) -> str:
    """Keep a value from being read as Markdown or HTML, and on one line."""
    if isinstance(value, _Verbatim):
        return value
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", _one_line(value))


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
