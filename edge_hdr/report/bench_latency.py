"""Figures of a bench run about time: distributions, stages of a frame, and the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_hdr.report.bench_facts import (
    US_OF_MS,
    Document,
    Model,
    best,
    percentile_ms,
    short_name,
    three,
    timed,
    times,
)
from edge_hdr.report.canvas import (
    FIRST,
    FONT_PT,
    INK,
    SECOND,
    WIDE_IN,
    log_ticks,
    name_rows,
    new_figure,
)
from edge_hdr.report.numbers import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SWEEP_PANELS = 6
TAIL = 1.6  # how far beyond the largest p99 the axis goes
_STAGES = (("locate", INK, 0.35), ("normalize", FIRST, 0.9), ("classify", SECOND, 1.0))
_DELEGATES = (FIRST, SECOND, INK)
_THREADS = {1: "-", 2: (0, (5, 2)), 3: (0, (3, 1, 1, 1)), 4: (0, (1, 1.5))}


def latency_distributions(doc: Document) -> Figure | None:
    """Draw how long a call took as a ridge a model on one logarithmic axis, fastest first.

    A ridge is the histogram of all calls, as high as its fullest bin; under it a line from the
    median (dot) over p90 to p99 (ticks).

    Returns:
        The figure; None where nothing was timed.
    """
    models = sorted(timed(doc), key=lambda model: percentile_ms(model) or 0.0)
    if not models:
        return None
    figure, (axes,) = new_figure(0.8 + 0.34 * len(models), width_in=WIDE_IN)
    axes.set(xscale="log", xlabel="kernels of one call, µs")
    for at, model in enumerate(models):
        found = times(model) or {}
        _draw_ridge(axes, -at, found.get("histogram"))
        _draw_percentiles(axes, -at - 0.12, found)
        _note(axes, -at, three(US_OF_MS * found["p50_ms"]))
    _note(axes, 0.8, "median, µs")
    low = min((times(model) or {})["min_ms"] for model in models)
    high = max(percentile_ms(model, which="p99") or 0.0 for model in models)
    axes.set(xlim=(US_OF_MS * low / 1.1, US_OF_MS * high * TAIL), ylim=(0.4 - len(models), 1.1))
    log_ticks(axes.xaxis)
    name_rows(axes, [short_name(model["name"]) for model in models])
    return figure


def stage_bars(doc: Document) -> Figure | None:
    """Draw the stages of a frame, locate, normalize and classify, stacked, and the whole.

    Returns:
        The figure; None where no frame was timed.
    """
    models = [model for model in timed(doc, "frame") if model["latency"].get("stages")]
    if not models:
        return None
    figure, (axes,) = new_figure(1.0 + 0.29 * len(models), width_in=WIDE_IN)
    places, starts = -np.arange(len(models)), np.zeros(len(models))
    for stage, colour, alpha in _STAGES:
        found = [model["latency"]["stages"].get(stage) or {} for model in models]
        widths = np.array([each.get("p50_ms", 0.0) for each in found])
        axes.barh(places, widths, 0.62, starts, color=colour, alpha=alpha, label=stage, linewidth=0)
        starts += widths
    whole = np.array([percentile_ms(model, "frame") or 0.0 for model in models])
    axes.plot(whole, places, "|", color=INK, markersize=11, label="whole frame")
    for at, frame_ms in zip(places, whole, strict=True):
        _note(axes, float(at), three(frame_ms))
    _note(axes, 0.65, "median, ms")
    axes.set(xlabel="median, ms", xlim=(0, 1.02 * max(whole.max(), starts.max())))
    name_rows(axes, [short_name(model["name"]) for model in models])
    axes.set_ylim(0.4 - len(models), 1.0)
    figure.legend(
        frameon=False, labelcolor=INK, fontsize=FONT_PT - 1, loc="outside upper left", ncols=4
    )
    return figure


def sweep(doc: Document) -> Figure | None:
    """Draw images a second over the batch, a line for each delegate and number of threads.

    Returns:
        The figure, with at most six models; None where nothing was swept.
    """
    models = sweep_models(doc)
    if not models:
        return None
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    figure, panels = new_figure(0.6 + 2.5 * rows, width_in=WIDE_IN, rows=rows, columns=columns)
    lines: dict[str, Any] = {}
    colours = _colours(models)
    rates = [row["images_per_second"] for model in models for row in model["latency"]["sweep"]]
    limits = (min(rates) / 1.15, max(rates) * 1.15)
    for axes, model in zip(panels, models, strict=False):
        lines |= _draw_sweep(axes, model["latency"]["sweep"], colours)
        title = short_name(model["name"])
        axes.set_title(title, size=FONT_PT, color=INK, loc="left", parse_math=False)
        axes.set(xlabel="digits in a batch", ylabel="images a second", ylim=limits)
        log_ticks(axes.yaxis, short)
        axes.label_outer()
    for axes in panels[len(models) :]:
        axes.set_visible(False)
    figure.legend(
        lines.values(),
        lines,
        frameon=False,
        labelcolor=INK,
        fontsize=FONT_PT - 1,
        loc="outside upper left",
        ncols=4,
    )
    return figure


def sweep_models(doc: Document) -> list[Model]:
    """Choose whose sweep is drawn: the first model, the best, then in the order of the run."""
    swept = [model for model in doc["models"] if (model.get("latency") or {}).get("sweep")]
    leading = [model for model in (*doc["models"][:1], best(doc)) if model in swept]
    chosen = {model["name"]: model for model in (*leading, *swept) if model}
    return list(chosen.values())[:SWEEP_PANELS]


def _draw_ridge(axes: Axes, base: float, histogram: dict[str, Any] | None) -> None:
    if not histogram or not max(histogram["counts"], default=0):
        return
    counts = np.array(histogram["counts"], float)
    edges = US_OF_MS * np.array(histogram["edges_ms"])
    heights = base + 0.85 * counts / counts.max()
    axes.stairs(heights, edges, baseline=base, fill=True, color=FIRST, alpha=0.35, linewidth=0)
    axes.stairs(heights, edges, baseline=base, color=FIRST, linewidth=0.8)


def _draw_percentiles(axes: Axes, at: float, found: dict[str, Any]) -> None:
    p50, p90, p99 = (US_OF_MS * found[key] for key in ("p50_ms", "p90_ms", "p99_ms"))
    axes.plot([p50, p99], [at, at], color=INK, linewidth=0.9)
    axes.plot([p90, p99], [at, at], "|", color=INK, markersize=5)
    axes.plot([p50], [at], "o", color=INK, markersize=3.5)


def _note(axes: Axes, at: float, text: str) -> None:
    """Write a figure beside a row, right of the panel."""
    axes.annotate(
        text,
        (1.01, at),
        xycoords=("axes fraction", "data"),
        va="center",
        color=INK,
        size=FONT_PT - 1,
        annotation_clip=False,
    )


def _colours(models: Sequence[Model]) -> dict[str, str]:
    """Give each delegate a colour."""
    rows = [row for model in models for row in model["latency"]["sweep"]]
    names = dict.fromkeys(row["delegate"] for row in rows)
    return {name: _DELEGATES[at % len(_DELEGATES)] for at, name in enumerate(names)}


def _draw_sweep(
    axes: Axes, rows: Sequence[dict[str, Any]], colours: dict[str, str]
) -> dict[str, Any]:
    """Draw the lines of one model; gives them by what they stand for."""
    drawn = {}
    for delegate, threads in dict.fromkeys((row["delegate"], row["threads"]) for row in rows):
        part = [row for row in rows if (row["delegate"], row["threads"]) == (delegate, threads)]
        part.sort(key=lambda row: row["batch"])
        name = f"{delegate}, {threads} thread{'s' if threads != 1 else ''}"
        (drawn[name],) = axes.plot(
            [row["batch"] for row in part],
            [row["images_per_second"] for row in part],
            color=colours[delegate],
            linestyle=_THREADS.get(threads, "-"),
            marker="o",
            markersize=3,
            linewidth=1.3,
        )
    axes.set(xscale="log", yscale="log")
    batches = sorted({row["batch"] for row in rows})
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.minorticks_off()
    return drawn
