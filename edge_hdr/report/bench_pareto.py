"""The figure of a bench run that a choice is made by: errors against cost, and the front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from edge_hdr.report.bench_facts import (
    US_OF_MS,
    Document,
    Model,
    comparable,
    percentile_ms,
    scored,
    short_name,
    test_name,
)
from edge_hdr.report.canvas import FIRST, FONT_PT, INK, WIDE_IN, log_ticks, new_figure
from edge_hdr.report.labels import distance_px, place
from edge_hdr.report.numbers import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Cost = Literal["bytes", "latency"]
Line = tuple[tuple[float, float], tuple[float, float]]

_MARKERS = {"tflite": "o", "onnx": "s", "keras": "D", "sklearn": "^"}
_LABEL_PT = FONT_PT - 1
_SPOTS_PX = 5.0
_LEADER_PX = 14.0  # a label farther from its point, or closer to another, is tied to its own


def pareto(doc: Document, x: Cost = "bytes") -> Figure | None:
    """Draw the errors over what a model costs, both logarithmic, and the front.

    No model left of and below the front's line is in the run; times of a disturbed run have none.
    A model without an error stands at half an error; bars are 95 % intervals; the marker tells the
    kind of the model.

    Args:
        doc: a bench document.
        x: "bytes" of the file, or "latency", the median of a call of the kernels.

    Returns:
        The figure; None where fewer than two models have both.
    """
    costly = percentile_ms if x == "latency" else itemgetter("file_bytes")
    models = [model for model in scored(doc) if costly(model)]
    if len(models) < 2:
        return None
    costs, label = _costs(models, x)
    points = np.stack([costs, [_error_percent(model["test"]) for model in models]], axis=1)
    front = doc["front"][x] if x == "bytes" or comparable(doc) else []
    leads = np.array([model["name"] in front for model in models])
    figure, (axes,) = new_figure(3.2 + 0.12 * len(models), width_in=WIDE_IN)
    axes.set(xscale="log", yscale="log", xlabel=label)
    axes.set_ylabel(f"wrong on {test_name(doc)}, %", parse_math=False)
    lines = _draw_points(axes, points, leads, models)
    _give_room(axes, points)
    log_ticks(axes.xaxis, _bytes if x == "bytes" else "{:,g}".format)
    log_ticks(axes.yaxis)
    if leads.any():
        lines += _draw_front(axes, points[leads])
    if len({_kind(model) for model in models}) > 1:
        figure.legend(
            frameon=False, labelcolor=INK, fontsize=_LABEL_PT, loc="outside upper left", ncols=4
        )
    _draw_labels(figure, axes, points, [short_name(model["name"]) for model in models], lines)
    return figure


def _costs(models: Sequence[Model], x: Cost) -> tuple[list[float], str]:
    if x == "bytes":
        return [float(model["file_bytes"]) for model in models], "bytes of the file"
    taken_us = [US_OF_MS * (percentile_ms(model) or 0.0) for model in models]
    return taken_us, "kernels of one call, median, µs"


def _error_percent(test: dict[str, float]) -> float:
    return 100 * max(test["errors"], 0.5) / test["n"]


def _kind(model: Model) -> str:
    return str(model.get("kind") or "model")


def _bytes(value: float) -> str:
    return f"{short(value)}B".replace("k", " k").replace("M", " M").replace("G", " G")


def _draw_points(
    axes: Axes, points: Array, leads: NDArray[np.bool_], models: list[Model]
) -> list[Line]:
    """Draw a marker a model, filled on the front, and its interval; gives the intervals."""
    lines = []
    kinds = dict.fromkeys(map(_kind, models))
    for kind in kinds:
        axes.plot([], [], _MARKERS.get(kind, "o"), label=kind, color=INK, markerfacecolor="none")
    for (cost, error), lead, model in zip(points, leads, models, strict=True):
        low, high = (100 * (1 - end) for end in reversed(model["test"]["interval"]))
        lines.append(((cost, max(low, error / 10)), (cost, high)))
        axes.plot(*zip(*lines[-1], strict=True), color=INK, alpha=0.22, linewidth=1)
        axes.plot(
            [cost],
            [error],
            _MARKERS.get(_kind(model), "o"),
            color=FIRST,
            markerfacecolor=FIRST if lead else "none",
            markersize=6.5 if lead else 5,
        )
    return lines


def _give_room(axes: Axes, points: Array) -> None:
    """Leave a margin for labels; intervals may be cut."""
    span = np.log10(points.max(axis=0) / points.min(axis=0))
    margin = 10 ** np.maximum(0.09 * span, (0.13, 0.2))
    axes.set_xlim(points[:, 0].min() / margin[0] ** 1.5, points[:, 0].max() * margin[0])
    axes.set_ylim(points[:, 1].min() / margin[1], points[:, 1].max() * margin[1])


def _draw_front(axes: Axes, points: Array) -> list[Line]:
    """Draw the front as a stair; gives its lines."""
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    corners: list[tuple[float, float]] = []
    for cost, error in sorted(map(tuple, points)):
        corners += [(cost, corners[-1][1] if corners else top), (cost, error)]
    corners.append((right, corners[-1][1]))
    axes.plot(*np.array(corners).T, color=FIRST, linewidth=1.4, alpha=0.7, zorder=1)
    return list(pairwise(corners))


def _draw_labels(
    figure: Figure, axes: Axes, points: Array, names: Sequence[str], lines: Sequence[Line]
) -> None:
    """Name each point at a free place, tied to it by a line where that is far."""
    leader = {"arrowstyle": "-", "color": INK, "alpha": 0.5, "linewidth": 0.7, "shrinkB": 3}
    texts = [
        axes.annotate(
            name,
            point,
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            size=_LABEL_PT,
            color=INK,
            parse_math=False,
            in_layout=False,
            arrowprops=leader,
        )
        for name, point in zip(names, points, strict=True)
    ]
    figure.draw_without_rendering()  # what has a place has it from here on
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([(box.width, box.height) for box in boxes])
    spots = axes.transData.transform(points)
    centres = place(spots, sizes, np.array(axes.bbox.extents), _along(axes, lines))
    for at, text in enumerate(texts):
        text.set_position(tuple((centres[at] - spots[at]) * 72 / figure.dpi))
        gaps = distance_px(spots, sizes[at], centres[at])
        if text.arrow_patch:
            text.arrow_patch.set_visible(gaps[at] > min(gaps.min() + 1, _LEADER_PX))


def _along(axes: Axes, stretches: Sequence[Line]) -> Array:
    """Give spots every few px along lines between two points: float64 (M, 2), in px."""
    found = [np.zeros((0, 2))]
    for start, end in stretches:
        first, last = axes.transData.transform([start, end])
        steps = np.linspace(0, 1, 2 + int(np.linalg.norm(last - first) / _SPOTS_PX))[:, None]
        found.append((1 - steps) * first + steps * last)
    return np.concatenate(found)
