"""The figures of LITERATURE.md; each gives None where the results hold nothing to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from literature_facts import (
    Document,
    axis,
    best_of_sweep,
    few_shot,
    label_counts,
    mean,
    of_group,
    sweep,
)

from edge_hdr.bench.front import pareto as front
from edge_hdr.report import bench_pareto
from edge_hdr.report.canvas import FIRST, FONT_PT, INK, SECOND, hide_spines, log_ticks, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = ("literature", "classical", "ours")
WIDTH_IN = 7.0  # at 900 px a point of type is then 1.8 px
STYLES = ((FIRST, "o", "-"), (SECOND, "s", "-"), (INK, "^", "--"), (INK, "D", ":"))


def pareto(doc: Document) -> Figure | None:
    """Draw errors over bytes of the file, of one run a system: that of the first seed."""
    rows = [row for group in DRAWN for row in of_group(doc, group) if row["file_bytes"]]
    points = {
        row["system"]: (float(row["file_bytes"]), float(row["runs"][0]["errors"])) for row in rows
    }
    models = [
        {
            "name": row["system"],
            "kind": "sklearn" if row["group"] == "classical" else "network",
            "file_bytes": row["file_bytes"],
            "test": {
                "errors": row["runs"][0]["errors"],
                "n": row["n_test"],
                "interval": row["interval"],
            },
        }
        for row in rows
    ]
    data = {"test_name": "MNIST test"}
    return bench_pareto.pareto(
        {"data": data, "models": models, "front": {"bytes": front(points), "latency": []}}
    )


def hidden_by_epochs(doc: Document) -> Figure | None:
    """Draw validation accuracy over hidden layers and epochs; a frame marks what it chooses."""
    import numpy as np
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    cells, chosen = sweep(doc), best_of_sweep(doc)
    if chosen is None:
        return None
    layers, epochs = axis(cells, 0), axis(cells, 1)
    found = {key: mean(row, "validation_accuracy") for key, row in cells.items()}
    known = [value for value in found.values() if value is not None]
    low, span = min(known), max(np.ptp(known), 1e-9)
    figure, (axes,) = new_figure(1.0 + 0.62 * len(layers), width_in=WIDTH_IN)
    for (hidden, count), value in found.items():
        if value is None:
            continue
        at = (epochs.index(count), layers.index(hidden))
        shade = to_rgba(FIRST, 0.1 + 0.6 * (value - low) / span)
        edge = SECOND if cells[hidden, count] is chosen else "none"
        corner = (at[0] - 0.47, at[1] - 0.44)
        axes.add_patch(Rectangle(corner, 0.94, 0.88, facecolor=shade, edgecolor=edge, linewidth=2))
        text = f"{100 * value:.2f} %"
        axes.text(*at, text, ha="center", va="center", color=INK, size=FONT_PT + 1)
    axes.set(xlim=(-0.5, len(epochs) - 0.5), ylim=(len(layers) - 0.5, -0.5))
    axes.set_xticks(range(len(epochs)), map(str, epochs))
    axes.set_yticks(range(len(layers)), map(str, layers))
    axes.set(xlabel="epochs", ylabel="hidden layers")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    hide_spines(axes, ("left", "bottom"))
    return figure


def few_labels(doc: Document) -> Figure | None:
    """Draw the error over labelled digits a class; bars are one sd over the draws."""
    found = few_shot(doc)
    if not found:
        return None
    figure, (axes,) = new_figure(3.6, width_in=WIDTH_IN)
    for (name, rows), (colour, marker, dashes) in zip(found.items(), STYLES, strict=False):
        counts = sorted(rows)
        errors = [100 * (1 - rows[count]["accuracy"]) for count in counts]
        spreads = [100 * (rows[count]["sd"] or 0) for count in counts]
        lower = [min(spread, 0.9 * error) for spread, error in zip(spreads, errors, strict=True)]
        axes.errorbar(
            counts, errors, yerr=(lower, spreads), color=colour, marker=marker, linestyle=dashes,
            capsize=3, markersize=5, linewidth=1.5, label=name,
        )  # fmt: skip
    counts = list(label_counts(found))
    axes.set(xscale="log", yscale="log", xlabel="labelled digits a class")
    axes.set_ylabel("wrong on MNIST test, %")
    log_ticks(axes.yaxis)
    axes.set_xticks(counts, map(str, counts))
    axes.minorticks_off()
    figure.legend(frameon=False, labelcolor=INK, loc="outside upper left", ncols=4)
    return figure


FIGURES = {
    "literature-pareto": (pareto, "Errors against the bytes of the file, and the Pareto front"),
    "literature-sweep": (hidden_by_epochs, "Validation accuracy by hidden layers and epochs"),
    "literature-few-shot": (few_labels, "Test error against labelled digits a class"),
}
