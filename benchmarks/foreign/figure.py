"""The pictures of `benchmarks/peers.py`: how long others take, and how well they read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_hdr.report.canvas import FIRST, FONT_PT, INK, SECOND, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = ("a frame of ten digits", "one digit", "the model alone, one digit")


def draw_ratios(document: dict[str, Any]) -> Figure:
    """Draw how many times as long others took in the run that `peers.py` wrote down."""
    rows = [ratio for ratio in document["ratios"] if ratio["what"] in SHOWN]
    figure, (axes,) = new_figure(0.8 + 0.22 * len(rows), width_in=7.0)
    _ratios(axes, rows)
    return figure


def draw_reading(document: dict[str, Any]) -> Figure:
    """Draw the share of digits that each reader read wrong or not at all, by set of pages."""
    sets = document["reading"]["sets"]
    readers = max(len(part["readers"]) for part in sets.values())
    height = 0.8 + len(sets) * (0.4 + 0.2 * readers)
    figure, panels = new_figure(height, rows=len(sets), width_in=7.0)
    for axes, (name, part) in zip(panels, sets.items(), strict=True):
        _errors(axes, name, part)
    panels[-1].set_xlabel("digits, %")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        frameon=False,
        labelcolor=INK,
        loc="outside upper right",
        ncols=2,
    )
    return figure


def _ratios(axes: Axes, rows: list[dict[str, Any]]) -> None:
    places = np.arange(len(rows))[::-1]
    values = np.array([row["ratio"] for row in rows])
    axes.set(xscale="log", xlabel="time of theirs / time of ours, same run")
    axes.barh(places, values - 1, left=1, height=0.7, color=FIRST)
    axes.axvline(1, color=INK, linewidth=0.8)
    axes.set_yticks(places, [f"{row['theirs']} ({row['what']})" for row in rows])
    for place, value in zip(places, values, strict=True):
        number = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
        axes.text(
            value,
            place,
            f" {number} × ",
            va="center",
            ha="left" if value >= 1 else "right",
            color=INK,
            size=8,
        )
    axes.set_xlim(min([1.0, *values]) / 15, max([1.0, *values]) * 60)  # room for the numbers


def _errors(axes: Axes, name: str, part: dict[str, Any]) -> None:
    scores = part["readers"].values()
    wrong = [100 * (score["confused"] + score["invented"]) / part["digits"] for score in scores]
    missed = [100 * score["missed"] / part["digits"] for score in scores]
    places = np.arange(len(wrong))[::-1]
    axes.barh(places, wrong, height=0.7, color=SECOND, label="read wrong")
    axes.barh(places, missed, left=wrong, height=0.7, color=FIRST, alpha=0.5, label="not read")
    axes.set_yticks(places, list(part["readers"]))
    axes.set_title(f"{name}, {part['digits']:,} digits", loc="left", size=FONT_PT, color=INK)
