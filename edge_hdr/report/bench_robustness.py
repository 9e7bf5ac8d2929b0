"""Figures and tables of a bench run about what is not clean: corruption, attack, no digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
Point = tuple[float, float]  # strength of an attack and the share of errors
Named = tuple[str, list[Point]]

FORMS = {"plain": "as they are", "normalized": "through the normalizer first"}
MOST_SHADE = 0.5  # stronger, and the numbers cannot be read on a dark page
_ROW_IN, _HEAD_IN, _LINE_IN = 0.24, 1.15, 0.17


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
        means = {"clean": "clean", "mean": "mean", "mnist_c": "as in MNIST-C"}
        means = {key: head for key, head in means.items() if key in found[0]}
        errors = [
            [row[key][form] for key in means]
            + [float(np.mean(row["corruptions"][kind][form])) for kind in kinds]
            for row in found
        ]
        heads = [*means.values(), *(kind.replace("_", " ") for kind in kinds)]
        names = [short_name(model["name"]) for model in models]
        _draw_cells(axes, 100 * np.array(errors), names, heads)
        axes.axvline(len(means) - 0.5, color=INK, linewidth=0.8)
        title = f"wrong, %: digits {words}"
        axes.set_title(title, size=FONT_PT, color=INK, loc="left", pad=8)
    return figure


def attacked(source: str) -> str:
    """Name the model that the attacks were made on, where it is shown beside the others."""
    return f"{source}, attacked itself"


def adversarial_curves(doc: Document) -> Figure | None:
    """Draw the error over the strength of an attack, FGSM above PGD, each line with its name.

    The attacked model itself is dashed, the model with the fewest errors is thick.

    Returns:
        The figure; None where nothing was attacked.
    """
    models = [model for model in tried(doc) if model["robustness"].get("adversarial")]
    if not models:
        return None
    found = models[0]["robustness"]["adversarial"]
    panel_in = max(2.6, 0.9 + _LINE_IN * (len(models) + 1))
    figure, panels = new_figure(2 * panel_in, width_in=WIDE_IN, rows=2)
    for axes, attack in zip(panels, ("fgsm", "pgd"), strict=True):
        lines = [_line(model, attack) for model in models]
        chosen = [at for at, model in enumerate(models) if model is best(doc)]
        if found.get("on_source"):
            name = attacked(found["source"])
            lines.append((name, _points(found["on_source"][attack])))
        _draw_lines(axes, lines, chosen, source=len(models))
        _name_lines(axes, lines, 102 * _LINE_IN / (panel_in - 0.8))
        axes.set(ylabel="wrong, %", ylim=(0, 102), xlim=(0, None))
        axes.set_title(attack.upper(), size=FONT_PT, color=INK, loc="left")
    panels[-1].set_xlabel("ε, largest change of a pixel")
    return figure


def _line(model: Model, attack: str) -> Named:
    """Give a model's name and its errors, those on clean digits first."""
    found = model["robustness"]
    clean = (0.0, float(found["clean"]["plain"]))
    return short_name(model["name"]), [clean, *_points(found["adversarial"][attack])]


def _points(errors: Mapping[str, float]) -> list[Point]:
    return sorted((float(eps), error) for eps, error in errors.items())


def _draw_lines(axes: Axes, lines: Sequence[Named], chosen: Sequence[int], *, source: int) -> None:
    """Draw a line a model, that of the attacked model dashed."""
    for at, (_, points) in enumerate(lines):
        marked = at in chosen or at == source
        axes.plot(
            [eps for eps, _ in points],
            [100 * error for _, error in points],
            color=SECOND if at == source else FIRST if marked else INK,
            alpha=1 if marked else 0.4,
            linestyle="--" if at == source else "-",
            linewidth=2 if marked else 0.9,
            marker="o",
            markersize=4 if marked else 2,
            zorder=3 if marked else 2,
        )


def _name_lines(axes: Axes, lines: Sequence[Named], gap: float) -> None:
    """Write each line's name beside its end, at least `gap` from another, and tie them."""
    leader = {"arrowstyle": "-", "color": INK, "alpha": 0.4, "linewidth": 0.6}
    leader |= {"relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3}
    ends = np.array([100 * points[-1][1] for _, points in lines])
    for (name, points), height in zip(lines, spread(ends, gap, 100.0), strict=True):
        axes.annotate(
            name,
            (points[-1][0], 100 * points[-1][1]),
            xytext=(1.05, height),
            textcoords=("axes fraction", "data"),
            va="center",
            size=FONT_PT - 1,
            color=INK,
            parse_math=False,
            annotation_clip=False,
            arrowprops=leader,
        )


def spread(values: Array, gap: float, high: float) -> Array:
    """Move values apart so that none is nearer than `gap` to another, in their order.

    Args:
        values: float64 (N,).
        gap: least distance.
        high: above which none goes; below it there must be room for all.

    Returns:
        float64 (N,), of the values in their places.
    """
    order = np.argsort(values, kind="stable")
    placed = values[order].astype(np.float64)
    for at in range(1, len(placed)):
        placed[at] = max(placed[at], placed[at - 1] + gap)
    placed[-1:] = np.minimum(placed[-1:], high)
    for at in range(len(placed) - 2, -1, -1):
        placed[at] = min(placed[at], placed[at + 1] - gap)
    found = np.empty_like(placed)
    found[order] = placed
    return found


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
