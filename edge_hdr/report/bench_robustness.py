"""Figures and tables of a bench run about what is not clean: corruption, attack, no digit."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_hdr.report.bench_facts import Document, Model, best, short_name
from edge_hdr.report.canvas import (
    FIRST,
    FONT_PT,
    INK,
    SECOND,
    WIDE_IN,
    hide_spines,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

FORMS = {"plain": "as they are", "normalized": "through the normalizer first"}
MOST_SHADE = 0.5  # stronger, and the numbers cannot be read on a dark page
_ROW_IN, _HEAD_IN = 0.24, 1.15


def tried(doc: Document) -> list[Model]:
    """Give the models whose robustness was measured."""
    return [model for model in doc["models"] if model.get("robustness")]


def robustness_heatmap(doc: Document) -> Figure | None:
    """Draw the error by kind of corruption, a row a model, plain above normalized.

    Cells are the mean over the severities, in percent.

    Returns:
        The figure; None where nothing was corrupted.
    """
    models = tried(doc)
    kinds = [kind for model in models[:1] for kind in model["robustness"]["corruptions"]]
    if not kinds:
        return None
    panel_in = _HEAD_IN + _ROW_IN * len(models)
    figure, panels = new_figure(2 * panel_in, width_in=WIDE_IN, rows=2)
    for axes, (form, words) in zip(panels, FORMS.items(), strict=True):
        found = [model["robustness"] for model in models]
        errors = [
            [row["clean"][form], row["mean"][form]]
            + [float(np.mean(row["corruptions"][kind][form])) for kind in kinds]
            for row in found
        ]
        heads = ["clean", "mean", *(kind.replace("_", " ") for kind in kinds)]
        names = [short_name(model["name"]) for model in models]
        _draw_cells(axes, 100 * np.array(errors), names, heads)
        axes.axvline(1.5, color=INK, linewidth=0.8)
        title = f"wrong, %: digits {words}"
        axes.set_title(title, size=FONT_PT, color=INK, loc="left", pad=8)
    return figure


def adversarial_curves(doc: Document) -> Figure | None:
    """Draw the error over the strength of an attack, FGSM and PGD side by side.

    Returns:
        The figure; None where nothing was attacked.
    """
    models = [model for model in tried(doc) if model["robustness"].get("adversarial")]
    if not models:
        return None
    chosen = best(doc)
    figure, panels = new_figure(3.2, width_in=WIDE_IN, columns=2)
    marked = {model["name"]: FIRST for model in (chosen,) if model in models and model}
    marked.setdefault(models[0]["name"], SECOND)
    for axes, attack in zip(panels, ("fgsm", "pgd"), strict=True):
        for model in models:
            _draw_attack(axes, model, attack, marked)
        axes.set(xlabel="ε, largest change of a pixel", ylim=(0, 102), xlim=(0, None))
        axes.set_title(attack.upper(), size=FONT_PT, color=INK, loc="left")
    panels[0].set_ylabel("wrong, %")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        frameon=False,
        labelcolor=INK,
        fontsize=FONT_PT - 1,
        loc="outside upper left",
        ncols=3,
    )
    return figure


def _draw_attack(axes: Axes, model: Model, attack: str, marked: dict[str, str]) -> None:
    found = model["robustness"]
    errors = {0.0: found["clean"]["plain"]}
    errors |= {float(eps): error for eps, error in found["adversarial"][attack].items()}
    eps = sorted(errors)
    colour = marked.get(model["name"])
    axes.plot(
        eps,
        [100 * errors[each] for each in eps],
        color=colour or INK,
        alpha=1 if colour else 0.3,
        linewidth=2 if colour else 0.9,
        marker="o",
        markersize=4 if colour else 2,
        zorder=3 if colour else 2,
        label=short_name(model["name"]) if colour else "_",
    )


def _draw_cells(axes: Axes, values: Array, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Draw percentages as a table of shaded cells; the shade follows the root."""
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    cells = list(np.ndenumerate(values))
    boxes = [Rectangle((across - 0.48, down - 0.46), 0.96, 0.92) for (down, across), _ in cells]
    shades = [to_rgba(SECOND, MOST_SHADE * sqrt(min(value, 100) / 100)) for _, value in cells]
    axes.add_collection(PatchCollection(boxes, facecolors=shades, linewidths=0), autolim=False)
    for (down, across), value in cells:
        text = axes.text(across, down, cell(value), ha="center", va="center", color=INK)
        text.set(size=FONT_PT - 2, in_layout=False)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(
        range(len(columns)), columns, rotation=45, ha="left", rotation_mode="anchor",
        parse_math=False,
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    hide_spines(axes, ("left", "bottom"))


def cell(percent: float) -> str:
    """Write a percentage into little room: 0.5, 8.3, 62."""
    return f"{percent:.1f}" if percent < 9.95 else f"{percent:.0f}"
