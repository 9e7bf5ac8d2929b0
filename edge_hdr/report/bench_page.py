"""The report of a bench run: one HTML page that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from edge_hdr.report import bench_figures, bench_tables, bench_unclean, bench_words, tables
from edge_hdr.report.bench_facts import (
    Document,
    Model,
    best,
    cold_ms,
    comparable,
    has_threshold,
    scored,
    test_name,
    timed,
)
from edge_hdr.report.bench_latency import sweep_models
from edge_hdr.report.bench_robustness import tried
from edge_hdr.report.canvas import to_svg
from edge_hdr.report.figures import digit_uri
from edge_hdr.report.numbers import percent, whole
from edge_hdr.report.page import GALLERY, fill


def render_bench(doc: Document, arrays: Mapping[str, Any] | None = None) -> str:
    """Render the report.

    Args:
        doc: a bench document, what `edge-hdr bench` writes as bench.json. Parts that were not
            measured leave out their sections.
        arrays: `images` uint8 (N, 28, 28), ink 255 on background 0, of the split, for the gallery
            of mistakes; other arrays are not looked at.

    Returns:
        A whole HTML document: no request leaves it, text from outside is escaped.
    """
    return fill("bench.html.j2", _view(doc, arrays or {}), _figures(doc))


def _figures(doc: Document) -> dict[str, str]:
    """Draw what there are numbers for; an empty text stands for what there are none."""
    n = (doc.get("data") or {}).get("n", 0)
    name = (best(doc) or {}).get("name", "")
    errors = f"Share of {n:,} digits read wrong, on a logarithmic scale, over"
    drawn = {
        "bytes": (bench_figures.pareto(doc, "bytes"), f"{errors} the bytes of each model's file."),
        "latency": (
            bench_figures.pareto(doc, "latency"),
            f"{errors} the median of its kernels' time.",
        ),
        "times": (
            bench_figures.latency_distributions(doc),
            "How the times of the calls of each model are spread, the fastest model first.",
        ),
        "stages": (
            bench_figures.stage_bars(doc),
            "Median times to locate, normalize and classify the digits of a frame, by model.",
        ),
        "sweep": (
            bench_figures.sweep(doc),
            "Images a second over the digits in a batch, by delegate and number of threads.",
        ),
        "confusion": (
            bench_figures.confusion(doc),
            f"How often {name} read each class, a row, as each, a column.",
        ),
        "reliability": (
            bench_figures.reliability(doc),
            f"Accuracy of {name} over its confidence, and how many digits each confidence holds.",
        ),
        "heatmap": (
            bench_figures.robustness_heatmap(doc),
            "Share of wrong digits by kind of damage and model, plain and normalized.",
        ),
        "attacks": (
            bench_figures.adversarial_curves(doc),
            "Share of wrong digits over the strength of two attacks, by model.",
        ),
    }
    return {
        key: to_svg(figure, f"bench-{key}", alt) if figure else ""
        for key, (figure, alt) in drawn.items()
    }


def _view(doc: Document, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Give the template its words and tables."""
    chosen = best(doc)
    return {
        "title": bench_words.title(doc),
        "subtitle": bench_words.subtitle(doc),
        "broad": True,
        "tiles": bench_words.tiles(doc),
        "comparable": comparable(doc),
        "threshold": any(map(has_threshold, doc["models"])),
        "marks": bench_words.marks(doc),
        "conditions": bench_words.conditions(doc),
        "warnings": [*doc["warnings"], *map(_failure, doc.get("failed") or [])],
        "headline": bench_tables.headline(doc),
        "rates": bench_words.rates(doc),
        "started": any(cold_ms(model) for model in doc["models"]),
        "first": doc["models"][0]["name"],
        "against_first": bench_tables.against_first(doc),
        "comparison": doc.get("comparison"),
        "compared": bench_tables.comparison(doc),
        "compared_to": _anchor(doc),
        "latency": bench_tables.latency(doc) if timed(doc) else None,
        "settings": bench_tables.settings(doc),
        "sweep": bench_tables.sweep(doc),
        "swept": len(sweep_models(doc)),
        "test": _test(doc, chosen, arrays) if chosen else None,
        "robustness": _robustness(doc),
        "environment": bench_words.environment(doc),
        "method": bench_words.method(doc),
        "sources": _sources(doc),
        "command": doc["command"],
    }


def _anchor(doc: Document) -> str:
    """Name the model by whose times those of the comparison were divided; empty without one."""
    models = (doc.get("comparison") or {}).get("models") or []
    names = [(model["latency"] or {}).get("relative_to") for model in models]
    return next((str(name) for name in names if name), "")


def _failure(failed: Mapping[str, Any]) -> str:
    return f"{failed['file']} was left out: {failed['message']}"


def _test(doc: Document, chosen: Model, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is shown of accuracy, first of all that of the model with the fewest errors."""
    return {
        "name": chosen["name"],
        "n": whole(chosen["test"]["n"]),
        "split": test_name(doc),
        "errors": whole(chosen["test"]["errors"]),
        "models": len(scored(doc)),
        "per_class": tables.per_class(chosen["test"]),
        "calibration": tables.calibration(chosen),
        "classes": bench_tables.per_class(doc),
        "gallery": _gallery(doc, chosen, arrays),
        "shared": _shared(doc),
    }


def _gallery(doc: Document, chosen: Model, arrays: Mapping[str, Any]) -> list[dict[str, str]]:
    """Show the mistakes of a model, and how many others make them, too."""
    if "images" not in arrays:
        return []
    images, models = arrays["images"], scored(doc)
    counts = Counter(index for model in models for index in model["wrong"])
    return [
        {
            "uri": digit_uri(images[mistake["index"]]),
            "alt": f"number {mistake['index']}: {mistake['true']} read as {mistake['predicted']}",
            "true": mistake["true"],
            "predicted": mistake["predicted"],
            "confidence": percent(mistake["confidence"], digits=1),
            "shared": f"{counts[mistake['index']]} of {len(models)}" if len(models) > 1 else "",
        }
        for mistake in chosen["test"]["mistakes"][:GALLERY]
    ]


def _shared(doc: Document) -> str:
    """Say how many digits all, and how many any of the models read wrong."""
    sets = [set(model["wrong"]) for model in scored(doc)]
    if len(sets) < 2:
        return ""
    every, some = len(set.intersection(*sets)), len(set.union(*sets))
    subject = {0: "No digit is", 1: "1 digit is"}.get(every, f"{every:,} digits are")
    return f"{subject} read wrong by every model, {some:,} by at least one."


def _robustness(doc: Document) -> dict[str, Any] | None:
    table = bench_unclean.robustness(doc)
    if table is None:
        return None
    models, chosen = tried(doc), best(doc)
    shown = chosen if chosen and chosen in models else models[0]
    found = shown["robustness"]
    return {
        "table": table,
        "attacks": bench_unclean.attacks(doc),
        "source": (found.get("adversarial") or {}).get("source", ""),
        "name": shown["name"],
        "severities": bench_unclean.severities(shown),
        "kinds": len(found["corruptions"]),
        "n": whole(found["n"]),
        "normalized_n": whole(found.get("normalized_n", found["n"])),
        "seed": found["seed"],
        "target": f"{100 * found['selective']['target']:g}",
    }


def _sources(doc: Document) -> tables.Table:
    """Tabulate where each model comes from."""
    rows = [
        (
            model["name"],
            " ".join(str(model.get(key) or "") for key in ("architecture", "variant")).strip(),
            str(model["path"]),
            str(model["sha256"] or "")[:16],
            str(model.get("source") or ""),
            str(model.get("licence") or ""),
            "; ".join(model.get("notes") or []),
        )
        for model in doc["models"]
    ]
    head = ("model", "architecture", "file", "sha256", "source", "licence", "notes")
    kept = [at for at in range(len(head)) if at == 0 or any(row[at] for row in rows)]
    return tables.Table(
        tuple(head[at] for at in kept),
        tuple(tuple(row[at] for at in kept) for row in rows),
        text=tuple(range(len(kept))),
    )
