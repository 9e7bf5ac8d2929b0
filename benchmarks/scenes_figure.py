"""The picture of `benchmarks/scenes.py`: the error against each factor's level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_hdr.report.canvas import FIRST, FONT_PT, INK, SECOND, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, TOP = 6, 30.0  # panels a row, and the highest error shown, in %


def draw_curves(document: dict[str, Any]) -> Figure | None:
    """Draw the error against each factor's level; None where there are no curves."""
    curves = document["curves"]
    if not curves:
        return None
    rows = -(-len(curves) // COLUMNS)
    figure, panels = new_figure(1.35 * rows, width_in=9.5, rows=rows, columns=COLUMNS)
    for axes, (name, readers) in zip(panels, curves.items(), strict=False):
        _panel(axes, name, readers)
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    for axes in panels[::COLUMNS]:
        axes.set_ylabel("errors, %")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, frameon=False, labelcolor=INK, loc="outside upper right", ncols=2
    )
    return figure


def _panel(axes: Axes, name: str, readers: dict[str, list[Any]]) -> None:
    for (reader, points), colour in zip(readers.items(), (FIRST, SECOND), strict=False):
        levels = [point["level"] for point in points]
        rates = [100 * point["character_error_rate"] for point in points]
        axes.plot(
            levels, rates, color=colour, linewidth=1.2, marker="o", markersize=2, label=reader
        )
        if colour == FIRST and all(point["interval"] for point in points):
            low, high = ([100 * point["interval"][end] for point in points] for end in (0, 1))
            axes.fill_between(levels, low, high, color=colour, alpha=0.15, linewidth=0)
            if rates[-1] > TOP:  # said where the line has left room
                text = f"{rates[-1]:.0f} %"
                axes.annotate(text, (1, 1), ha="right", va="bottom", color=INK, size=FONT_PT - 2)
    axes.set(xlim=(0, 1), ylim=(0, TOP), xticks=(0, 0.5, 1))
    axes.set_title(name.replace("_", " "), size=FONT_PT, color=INK)
