"""Choose and word what a report shows: headline tiles and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_hdr.report.numbers import (
    accuracy_digits,
    duration,
    interval,
    layer_name,
    p_value,
    percent,
    shape,
    size,
    whole,
)

Metrics = dict[str, Any]


@dataclass(frozen=True)
class Tile:
    """A headline figure."""

    name: str
    value: str
    detail: str
    lead: bool = False


@dataclass(frozen=True)
class Table:
    """A table for a template.

    Attributes:
        head: of the columns.
        rows: of cells.
        text: columns that are text, not numbers.
        strong: cells that stand out, row and column.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: tuple[int, ...] = (0,)
    strong: frozenset[tuple[int, int]] = frozenset()


def tiles(metrics: Metrics) -> list[Tile]:
    """Give the headline figures, accuracy first."""
    test, cost = metrics["test"], metrics["footprint"]
    n = test["n"]
    found = [
        Tile(
            f"{split_name(metrics)} accuracy",
            percent(test["accuracy"], digits=accuracy_digits(n)),
            f"95 % interval {interval(test['interval'], n)}, n = {n:,}",
            lead=True,
        ),
        _errors_tile(metrics),
        Tile(
            "File",
            size(cost["file_bytes"]),
            f"flatbuffer {size(cost['flatbuffer_bytes'])}, weights {size(cost['weight_bytes'])}, "
            f"gzip {size(cost['gzip_bytes'])}",
        ),
        Tile(
            "Work for one digit",
            f"{whole(cost['macs'])} MACs",
            f"{whole(cost['parameters'])} parameters, arena {size(cost['arena_bytes'])}",
        ),
    ]
    found += _latency_tile(metrics.get("latency"))
    calibration, selective = test["calibration"], test["selective"]
    found.append(
        Tile(
            "Calibration error (ECE)",
            percent(calibration["ece"]),
            f"15 bins, temperature {calibration['temperature']:.3g}",
        )
    )
    if selective["threshold"] > 0:
        found.append(
            Tile(
                "Read, not rejected",
                percent(selective["coverage"]),
                f"{percent(selective['accuracy'])} of them right, "
                f"at confidence ≥ {selective['threshold']:.3f}",
            )
        )
    return found


def _errors_tile(metrics: Metrics) -> Tile:
    test, comparison = metrics["test"], metrics.get("comparison")
    if not comparison:
        return Tile("Errors", whole(test["errors"]), f"of {test['n']:,}")
    return Tile(
        f"Errors, beside {reference_name(metrics)}",
        f"{comparison['candidate_errors']:,} : {comparison['reference_errors']:,}",
        f"ratio {comparison['error_ratio']:.2f}, McNemar p {_equals(comparison['p_value'])}",
    )


def _latency_tile(latency: Metrics | None) -> list[Tile]:
    if not latency:
        return []
    details = [f"{name} {latency[key]:.3g} ms" for name, key in _PERCENTILES if key in latency]
    threads = latency.get("threads")
    details += [f"{threads} thread{'s' if threads != 1 else ''}"] if threads else []
    details += [str(latency[key]) for key in ("delegate", "processor") if latency.get(key)]
    return [Tile("Latency, median", f"{latency['median_ms']:.3g} ms", ", ".join(details))]


_PERCENTILES = (("p90", "p90_ms"), ("p99", "p99_ms"))


def split_name(metrics: Metrics) -> str:
    """Name the split of the headline figures, "MNIST test"."""
    return str(metrics.get("data", {}).get("test_name") or "Test")


def reference_name(metrics: Metrics) -> str:
    """Name what the model is compared with."""
    return str(metrics.get("reference", {}).get("name") or "float32")


def per_class(test: Metrics) -> Table:
    """Tabulate precision, recall and F1 by class and their means."""
    rows = [
        (row["label"], *(percent(row[key]) for key in _SCORES), whole(row["support"]))
        for row in test["per_class"]
    ]
    rows.append(("mean", *(percent(test["macro"][key]) for key in _SCORES), whole(test["n"])))
    return Table(("class", "precision", "recall", "F1", "n"), tuple(rows))


_SCORES = ("precision", "recall", "f1")


def calibration(metrics: Metrics) -> Table:
    """Tabulate calibration and rejection."""
    found, selective = metrics["test"]["calibration"], metrics["test"]["selective"]
    accepts_all = selective["threshold"] <= 0  # then nothing was parted that could be counted
    rows = [
        ("Expected calibration error, 15 bins", percent(found["ece"])),
        ("Negative log-likelihood", f"{found['nll']:.4f} nats"),
        ("Brier score", f"{found['brier']:.4f}"),
        ("Temperature", f"{found['temperature']:.4g}"),
        ("Rejection threshold", "none" if accepts_all else f"{selective['threshold']:.4g}"),
        ("Coverage", percent(None if accepts_all else selective["coverage"])),
        ("Accuracy of what is accepted", percent(None if accepts_all else selective["accuracy"])),
        ("Errors among the accepted", whole(None if accepts_all else selective["errors"])),
    ]
    rows += [
        (f"{name}, validation scenes, n = {n}", value) for name, value, n in rejection(metrics)
    ]
    return Table(("figure", "value"), tuple(rows))


def rejection(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Name, give and count what a build measured on scenes with clutter, where it did."""
    found = metrics.get("rejection")
    if not found:
        return []
    digits, others = f"{found['n']:,}", f"{found['non_digits']:,}"
    both = f"{digits} and {others} others"
    return [
        ("coverage of located digits", percent(found["coverage"]), digits),
        ("right ones of all that is accepted", percent(found["selective_accuracy"]), both),
        ("non-digits accepted", whole(found["non_digits_accepted"]), others),
        ("AUROC, digits against non-digits", f"{found['auroc']:.4f}", both),
    ]


def comparison(metrics: Metrics) -> Table:
    """Tabulate the comparison with the reference."""
    found, other = metrics["comparison"], reference_name(metrics)
    rows = [
        ("Examples", whole(found["n"])),
        ("Same class named by both", percent(found["agreement"])),
        ("Errors of this model", whole(found["candidate_errors"])),
        (f"Errors of {other}", whole(found["reference_errors"])),
        ("Ratio of errors", f"{found['error_ratio']:.3f}"),
        ("Wrong here only", whole(found["only_candidate_wrong"])),
        (f"Wrong by {other} only", whole(found["only_reference_wrong"])),
        ("McNemar's exact p", p_value(found["p_value"])),
    ]
    if found.get("max_logit_difference") is not None:
        difference = f"{found['mean_logit_difference']:.3f} / {found['max_logit_difference']:.3f}"
        rows.append(("Difference of logits, mean / largest", difference))
    return Table(("figure", "value"), tuple(rows))


def sizes(cost: Metrics) -> Table:
    """Tabulate the file's bytes, memory and work."""
    delegated = (
        "not known" if cost["delegated"] is None
        else f"{cost['delegated']} of {len(cost['operators'])} operators"
    )  # fmt: skip
    uncounted = ", ".join(cost["macs_not_counted"])
    rows = [
        ("File, manifest included", f"{cost['file_bytes']:,} B"),
        ("Flatbuffer", f"{cost['flatbuffer_bytes']:,} B"),
        ("Weights and biases", f"{cost['weight_bytes']:,} B"),
        ("File after gzip −9", f"{cost['gzip_bytes']:,} B"),
        ("Parameters", whole(cost["parameters"])),
        ("Zeros among the weights", percent(cost["sparsity"], digits=1)),
        ("MACs" + (f", {uncounted} not counted" if uncounted else ""), whole(cost["macs"])),
        ("Arena", f"{cost['arena_bytes']:,} B"),
        ("Run by XNNPACK", delegated),
    ]
    return Table(("figure", "value"), tuple(rows))


def operators(cost: Metrics) -> Table:
    """Tabulate the operators in the order in which they run; those on constants in one row."""
    rows = [_operator_row(row) for row in cost["operators"] if not row["on_constants"]]
    folded = [row for row in cost["operators"] if row["on_constants"]]
    if folded:
        names = ", ".join(sorted({row["name"] for row in folded}))
        note = (f"{names} of constants, ×{len(folded)}", *[""] * 7, _tick(folded))
        rows.insert(0, ("–", *note))
    head = ("#", "operator", "input", "output", "types", "parameters", "weights", "MACs", "zeros",
            "XNNPACK")  # fmt: skip
    return Table(head, tuple(rows), text=(0, 1))


def operators_short(cost: Metrics) -> Table:
    """Tabulate the operators in few columns, for a terminal; those on constants are counted."""
    rows = [
        (layer_name(row), shape(row["output_shape"]), *_operator_row(row)[6:])
        for row in cost["operators"]
        if not row["on_constants"]
    ]
    folded = [row for row in cost["operators"] if row["on_constants"]]
    if folded:
        rows.append((f"{len(folded)} on constants", "", "", "", "", _tick(folded)))
    return Table(("operator", "output", "weights", "MACs", "zeros", "XNNPACK"), tuple(rows))


def _operator_row(row: Metrics) -> tuple[str, ...]:
    types = [row["input_dtype"], row["weight_dtype"], row["output_dtype"]]
    return (
        str(row["index"]),
        row["name"] + (f" {shape(row['kernel'])}" if row["kernel"] else ""),
        shape(row["input_shape"]),
        shape(row["output_shape"]),
        " ".join(dict.fromkeys(kind for kind in types if kind)),
        whole(row["parameters"]) if row["parameters"] else "",
        f"{row['weight_bytes']:,} B" if row["weight_bytes"] else "",
        whole(row["macs"]) if row["macs"] else "",
        percent(row["sparsity"], digits=1) if row["sparsity"] is not None else "",
        _tick([row]),
    )


def _tick(rows: Sequence[Metrics]) -> str:
    answers = {row["delegated"] for row in rows}
    return {True: "yes", False: "no", None: "?"}[answers.pop()] if len(answers) == 1 else "some"


def phases(history: Sequence[Metrics]) -> Table:
    """Tabulate the phases of training: epochs, time, last figures."""
    rows = []
    for phase in dict.fromkeys(str(row.get("phase", "")) for row in history):
        part = [row for row in history if str(row.get("phase", "")) == phase]
        seconds = sum(row.get("seconds") or 0 for row in part)
        accuracy = part[-1].get("val_accuracy")
        loss = part[-1].get("val_loss")
        rows.append(
            (
                phase,
                str(len(part)),
                duration(seconds),
                "–" if loss is None else f"{loss:.4f}",
                percent(accuracy),
            )
        )
    return Table(("phase", "epochs", "time", "val. loss", "val. accuracy"), tuple(rows))


def _equals(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
