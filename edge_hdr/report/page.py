"""The report of a build or an evaluation: one HTML page that needs nothing else.

It is made from one dictionary, the content of metrics.json:

    schema             1
    model              name, architecture, variant, labels and the manifest's other fields; for a
                       file without a manifest only name, labels, input and output
    test               Evaluation.to_dict() of the file, on the split that `data.test_name` names
    footprint          Footprint.to_dict() of the file
    validation         accuracy and n of the file on the validation split
    rejection          of the file on scenes written with validation digits: n, non_digits,
                       non_digits_accepted, coverage, selective_accuracy, auroc
    float_test         Evaluation.to_dict() of the reference, usually the float32 export
    comparison         Comparison.to_dict(), the file against the reference
    reference          name of the reference; "float32" without it
    latency            median_ms, p90_ms, p99_ms, threads, delegate, processor
    edge_tpu           of a build with `--target coral`: operators (index, name, mapped, reason),
                       mapped, compiler (CompilerLog.to_dict() or None), failure, note, file_bytes
    history            one entry an epoch: phase (float, prune, qat), epoch, loss, accuracy,
                       val_loss, val_accuracy, learning_rate, seconds
    seconds            by step of the build
    peak_memory_bytes  of the process
    warnings           lines that a reader must see
    command            that made the model, or the figures
    config             resolved configuration
    data               name, source, sha256, train_n, validation_n, test_n, test_name,
                       exposure_digits, exposure_others
    libraries          version by library
    interpreter        that the figures were measured with

All but schema, model, test and footprint may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_hdr.report import figures, tables
from edge_hdr.report.coral import edge_tpu_view
from edge_hdr.report.numbers import percent, shape
from edge_hdr.report.provenance import provenance

GALLERY = 30
TEMPLATES = Path(__file__).parent / "templates"


def render_report(metrics: dict[str, Any], arrays: Mapping[str, Any] | None = None) -> str:
    """Render the report.

    Args:
        metrics: the content of metrics.json; see above.
        arrays: of the split that `metrics["test"]` is about, each optional: `images` uint8
            (N, 28, 28), ink 255 on background 0, for the gallery of mistakes; `probabilities`
            float32 (N, classes) and `labels` int64 (N,) for the curve of rejection.

    Returns:
        A whole HTML document: no request leaves it, text from outside is escaped.
    """
    return fill("report.html.j2", _view(metrics, arrays or {}), _figures(metrics, arrays or {}))


def fill(template: str, view: dict[str, Any], figures: Mapping[str, str]) -> str:
    """Fill in a page's template.

    Args:
        template: its file name.
        view: words and tables; text is escaped.
        figures: SVG elements, put in as they are; matplotlib escapes the text in them.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = {name: Markup(svg) for name, svg in figures.items()}  # noqa: S704
    return environment.get_template(template).render(**view, figures=drawn)


def _figures(metrics: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, str]:
    """Draw what there are numbers for."""
    test, history = metrics["test"], metrics.get("history") or []
    drawn = {
        "confusion": figures.confusion_matrix(test["confusion"], test["classes"]),
        "classes": figures.class_errors(test["per_class"]),
        "reliability": figures.reliability_diagram(test["calibration"]["bins"]),
        "layers": figures.layer_sizes(metrics["footprint"]["operators"]),
        "training": figures.training_curves(history) if history else "",
        "rejection": "",
    }
    if "probabilities" in arrays and "labels" in arrays:
        drawn["rejection"] = figures.rejection_curve(
            arrays["probabilities"], arrays["labels"], test["selective"]["threshold"]
        )
    return drawn


def _view(metrics: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Give the template its words and tables."""
    model, test, cost = metrics["model"], metrics["test"], metrics["footprint"]
    config = metrics.get("config") or model.get("config")
    return {
        "title": model["name"],
        "broad": False,
        "subtitle": subtitle(metrics),
        "warnings": metrics.get("warnings") or [],
        "tiles": tables.tiles(metrics),
        "per_class": tables.per_class(test),
        "calibration": tables.calibration(metrics),
        "comparison": tables.comparison(metrics) if metrics.get("comparison") else None,
        "comparison_name": tables.reference_name(metrics),
        "phases": tables.phases(metrics.get("history") or []),
        "sizes": tables.sizes(cost),
        "operators": tables.operators(cost),
        "edge_tpu": edge_tpu_view(metrics),
        "arena_method": cost["arena_method"],
        "delegate_note": cost["delegate_note"],
        "gallery": _gallery(test, arrays),
        "gallery_note": _gallery_note(test),
        "command": metrics.get("command") or model.get("command", ""),
        "provenance": provenance(metrics),
        "config": json.dumps(config, indent=1, sort_keys=True) if config else "",
    }


def subtitle(metrics: dict[str, Any]) -> str:
    """Say in one line what the model is."""
    model = metrics["model"]
    parts = [str(model[key]) for key in ("architecture", "variant") if model.get(key)]
    ends = [
        f"{name} {shape(model[name]['shape'])} {model[name]['dtype']}"
        for name in ("input", "output")
        if model.get(name)
    ]
    return " · ".join([*parts, *ends, f"measured on {tables.split_name(metrics)}"])


def _gallery(test: dict[str, Any], arrays: Mapping[str, Any]) -> list[dict[str, str]]:
    if "images" not in arrays:
        return []
    images = arrays["images"]
    return [
        {
            "uri": figures.digit_uri(images[mistake["index"]]),
            "alt": f"number {mistake['index']}: {mistake['true']} read as {mistake['predicted']}",
            "true": mistake["true"],
            "predicted": mistake["predicted"],
            "confidence": percent(mistake["confidence"], digits=1),
            "shared": "",
        }
        for mistake in test["mistakes"][:GALLERY]
    ]


def _gallery_note(test: dict[str, Any]) -> str:
    shown = min(GALLERY, len(test["mistakes"]))
    return (
        f"The {shown} most confident of {test['errors']:,} wrong readings: truth → reading, and "
        "the confidence of the reading."
    )
