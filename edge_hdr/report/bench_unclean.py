"""Tables of a bench run about what is not clean: corruption, attack, no digit."""

from __future__ import annotations

from typing import Any

from edge_hdr.report.bench_columns import Column, Value, name, percent, tabulate
from edge_hdr.report.bench_facts import Document, Model
from edge_hdr.report.bench_robustness import tried
from edge_hdr.report.tables import Table


def robustness(doc: Document) -> Table | None:
    """Tabulate mean errors, and how non-digits are told; None where nothing was tried."""
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
        percent("clean wrong", of("clean", "plain"), best=min),
        percent("damaged wrong", of("mean", "plain"), digits=1, best=min),
        percent("normalized first", of("mean", "normalized"), digits=1, best=min),
        percent("MNIST-C's kinds", of("mnist_c", "plain"), digits=1, best=min),
        Column("AUROC of non-digits", of("auroc"), "{:.3f}".format, max),
        *(
            percent(f"{kind} accepted", of("non_digits", kind, "accepted"), digits=1, best=min)
            for kind in kinds
        ),
        percent(f"read at {target:g} % right", of("selective", "coverage"), digits=1, best=max),
        percent(
            "the same, non-digits mixed in",
            of("selective", "coverage_with_non_digits"),
            digits=1,
            best=max,
        ),
    ]
    return tabulate(models, columns)


def severities(model: Model) -> Table:
    """Tabulate one model's errors by kind and severity, plain and normalized."""
    found = model["robustness"]
    marks = [str(severity) for severity in found["severities"]]
    head = (
        "kind",
        *(f"severity {mark}" for mark in marks),
        *(f"{mark}, normalized" for mark in marks),
    )
    rows = [
        (
            kind.replace("_", " "),
            *(f"{100 * error:.1f}" for error in (*row["plain"], *row["normalized"])),
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
        percent(f"{attack.upper()} {eps}", error(attack, eps), digits=1, best=min)
        for attack in ("fgsm", "pgd")
        for eps in found[attack]
    ]
    rows = list(models)
    if found.get("on_source"):
        attacked = f"{found['source']}, attacked itself"
        rows.append({"name": attacked, "robustness": {"adversarial": found["on_source"]}})
    return tabulate(rows, [name(), *columns])
