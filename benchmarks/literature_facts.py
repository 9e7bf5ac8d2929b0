"""Take out of results/literature.json what its tables and figures show."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]
Row = dict[str, Any]

GROUPS = {
    "literature": "systems of the literature",
    "transfer": "transfer",
    "classical": "classical methods",
    "ours": "ours",
}
NEIGHBOUR = "nearest neighbour"


def of_group(doc: Document, group: str) -> list[Row]:
    """Give the rows of a group, in the order in which they were written."""
    return [row for row in doc.get("systems", []) if row["group"] == group]


def values(row: Row, key: str) -> list[float]:
    """Give a figure of each run that has it."""
    return [run[key] for run in row["runs"] if run.get(key) is not None]


def mean(row: Row, key: str) -> float | None:
    """Give a figure's mean over the runs; None where no run has it."""
    found = values(row, key)
    return statistics.fmean(found) if found else None


def epochs(row: Row) -> int:
    """Give the epochs of the float phase, of "8" or "8 + 2 qat"."""
    return int(str(row["epochs"]).split()[0])


def sweep(doc: Document) -> dict[tuple[int, int], Row]:
    """Give the rows of the sweep by hidden layers and epochs."""
    return {(row["hidden_layers"], epochs(row)): row for row in of_group(doc, "sweep")}


def axis(cells: dict[tuple[int, int], Row], which: int) -> list[int]:
    """Give the hidden layers (0) or epochs (1) of a sweep, rising."""
    return sorted({key[which] for key in cells})


def best_of_sweep(doc: Document) -> Row | None:
    """Give the cell that validation chooses, of equals the one with fewer epochs and layers."""
    cells = sweep(doc)
    known = [key for key in cells if mean(cells[key], "validation_accuracy") is not None]
    if not known:
        return None
    return cells[
        min(known, key=lambda key: (-(mean(cells[key], "validation_accuracy") or 0), *key[::-1]))
    ]


def series(row: Row) -> str:
    """Name the line of the few-shot figure that a row belongs to."""
    if row["architecture"] == "scikit-learn":
        return NEIGHBOUR
    return f"from {row['start']}" if row["start"] else "from scratch"


def few_shot(doc: Document) -> dict[str, dict[int, Row]]:
    """Give the few-shot rows by series and labelled digits a class, both in the written order."""
    found: dict[str, dict[int, Row]] = {}
    for row in of_group(doc, "few-shot"):
        found.setdefault(series(row), {})[row["labels_per_class"]] = row
    return found


def label_counts(found: dict[str, dict[int, Row]]) -> Sequence[int]:
    """Give the numbers of labelled digits a class, rising."""
    return sorted({count for rows in found.values() for count in rows})
