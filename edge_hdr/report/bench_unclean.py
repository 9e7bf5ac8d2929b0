"""Tables of a bench run about what is not clean: corruption, attack, no digit."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from edge_hdr.report.bench_columns import Column, Value, name, percent, tabulate
from edge_hdr.report.bench_facts import Document, Model, has_threshold
from edge_hdr.report.bench_robustness import attacked, tried
from edge_hdr.report.tables import Table


def robustness(doc: Document) -> Table | None:
    """Tabulate mean errors, and how non-digits are told; None where nothing was tried.

    No value stands out: with these few digits most differences are chance.
    """
    models = tried(doc)
    if not models:
        return None

    def of(*keys: str) -> Value:
        def value(model: Model) -> Any:
            found = model["robustness"]
            for key in keys:
                found = (found or {}).get(key)
            return found

        return value

    kinds = models[0]["robustness"].get("non_digits") or {}
    target = 100 * models[0]["robustness"]["selective"]["target"]
    columns = [
        name(),
        percent("clean wrong", of("clean", "plain")),
        Column("damaged wrong, %", _bounded("mean", "plain")),
        Column("normalized first, %", _bounded("mean", "normalized")),
        Column("as in MNIST-C wrong, %", _bounded("mnist_c", "plain")),
        Column("as in MNIST-C, normalized first, %", _bounded("mnist_c", "normalized")),
        Column("AUROC of non-digits", of("auroc"), "{:.3f}".format),
        *(percent(f"{kind} accepted", _accepted(kind), digits=1) for kind in kinds),
        percent(f"read at {target:g} % right", of("selective", "coverage"), digits=1),
        percent(
            "the same, non-digits mixed in",
            of("selective", "coverage_with_non_digits"),
            digits=1,
        ),
    ]
    return tabulate(models, columns)


def severities(model: Model) -> Table:
    """Tabulate one model's errors by kind and severity, plain and normalized.

    Where it was counted also in how many pictures the locator found no digit, and several.
    """
    found = model["robustness"]
    located = found.get("found") or {}
    marks = [str(severity) for severity in found["severities"]]
    head = (
        "kind",
        *(f"severity {mark}" for mark in marks),
        *(f"{mark}, normalized" for mark in marks),
        *(("no digit found", "several found") if located else ()),
    )
    rows = [
        (
            kind.replace("_", " "),
            *(f"{100 * error:.1f}" for error in (*row["plain"], *row["normalized"])),
            *(f"{100 * fmean(shares):.1f}" for shares in located.get(kind, {}).values()),
        )
        for kind, row in found["corruptions"].items()
    ]
    return Table(head, tuple(rows))


def attacks(doc: Document) -> Table | None:
    """Tabulate errors under attack by strength; None where nothing was attacked."""
    models = [model for model in tried(doc) if model["robustness"].get("adversarial")]
    if not models:
        return None

    def error(attack: str, eps: str) -> Value:
        return lambda model: model["robustness"]["adversarial"][attack].get(eps)

    found = models[0]["robustness"]["adversarial"]
    columns = [
        percent(f"{attack.upper()} {eps}", error(attack, eps), digits=1)
        for attack in ("fgsm", "pgd")
        for eps in found[attack]
    ]
    rows = list(models)
    if found.get("on_source"):
        rows.append(
            {"name": attacked(found["source"]), "robustness": {"adversarial": found["on_source"]}}
        )
    return tabulate(rows, [name(), *columns])


def _bounded(what: str, form: str) -> Value:
    """Write a mean error in percent with its 95 % interval."""

    def value(model: Model) -> str | None:
        found = model["robustness"]
        if what not in found:
            return None
        text = f"{100 * found[what][form]:.1f}"
        ends = (found.get(f"{what}_interval") or {}).get(form)
        return f"{text} ({100 * ends[0]:.1f}–{100 * ends[1]:.1f})" if ends else text

    return value


def _accepted(kind: str) -> Value:
    """Give the share of a kind that a model's threshold lets pass; None where it has none."""

    def value(model: Model) -> float | None:
        found = (model["robustness"].get("non_digits") or {}).get(kind)
        return found["accepted"] if found and has_threshold(model) else None

    return value
