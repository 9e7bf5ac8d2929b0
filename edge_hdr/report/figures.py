"""Figures of a report: inline SVG in the page's own colours, and digits as PNG data URIs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.report.canvas import (
    FIRST,
    FONT_PT,
    INK,
    SECOND,
    WIDTH_IN,
    hide_spines,
    new_figure,
    to_svg,
)
from edge_hdr.report.numbers import layer_name, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PHASES = {"float": "float", "prune": "pruning", "qat": "QAT"}


def training_curves(history: Sequence[dict[str, Any]]) -> str:
    """Draw loss, error (1 − accuracy) and learning rate over the epochs, phases marked.

    Loss and error are on a logarithmic axis, where the last epochs can be told apart.

    Args:
        history: one entry an epoch: phase, epoch, loss, val_loss, accuracy, val_accuracy,
            learning_rate; a missing figure leaves a gap.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    figure, (loss, error, rate) = new_figure(4.8, rows=3, heights=(3, 3, 1.5))
    phases = [str(entry.get("phase", "")) for entry in history]
    for prefix, colour, label in (("", FIRST, "training"), ("val_", SECOND, "validation")):
        _curve(loss, _column(history, prefix + "loss"), colour, label)
        _curve(error, 100 * (1 - _column(history, prefix + "accuracy")), colour, "")
    _curve(rate, _column(history, "learning_rate"), INK, "")
    for axes, name in ((loss, "loss"), (error, "error, %")):
        axes.set_ylabel(name)
        if any(np.nanmax(line.get_ydata()) > 0 for line in axes.lines):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_locator(NullLocator())
    rate.set(ylabel="rate", xlabel="epoch", ylim=(0, None))
    for axes in (loss, error, rate):
        _mark_phases(axes, phases)
    _label_phases(loss, phases)
    if loss.lines:
        figure.legend(frameon=False, labelcolor=INK, loc="outside upper right", ncols=2)
    return to_svg(figure, "training", "Loss, error and learning rate over the epochs.")


def confusion_matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """Draw the confusion matrix into a page."""
    alt = "Confusion matrix: how often each class, a row, was read as each, a column."
    return to_svg(confusion_figure(confusion, classes), "confusion", alt)


def confusion_figure(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Figure:
    """Draw the confusion matrix; the shade of a mistake is its share of the worst one."""
    from matplotlib.patches import Rectangle

    counts = np.asarray(confusion)
    side = len(classes)
    wrong = counts - np.diag(np.diag(counts))
    worst = max(int(wrong.max()), 1)
    figure, (axes,) = new_figure(WIDTH_IN * 0.95)
    for true, predicted in np.ndindex(side, side):
        count = int(counts[true, predicted])
        colour, alpha = (FIRST, 0.16) if true == predicted else (SECOND, 0.55 * count / worst)
        if count:
            spot = (predicted - 0.47, true - 0.47)
            axes.add_patch(Rectangle(spot, 0.94, 0.94, color=colour, alpha=alpha, linewidth=0))
            if side <= 20:
                size = 8.5 if side <= 12 else 5.5
                axes.text(
                    predicted, true, str(count), ha="center", va="center", color=INK, size=size
                )
    axes.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5), aspect="equal")
    turn = 0 if max(map(len, classes)) <= 2 else 90
    axes.set_xticks(range(side), classes, rotation=turn, parse_math=False)
    axes.set_yticks(range(side), classes, parse_math=False)
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    hide_spines(axes, ("left", "bottom"))
    return figure


def reliability_diagram(bins: dict[str, Sequence[float]]) -> str:
    """Draw the reliability diagram into a page."""
    alt = "Accuracy over confidence, and how many digits each confidence holds."
    return to_svg(reliability_figure(bins), "reliability", alt)


def reliability_figure(bins: dict[str, Sequence[float]]) -> Figure:
    """Draw accuracy against confidence, and under it how many predictions each bin holds.

    Args:
        bins: `Reliability.to_dict()`.
    """
    figure, (upper, lower) = new_figure(4.4, rows=2, heights=(3.2, 1))
    edges, counts = np.asarray(bins["edges"]), np.asarray(bins["counts"])
    filled = counts > 0
    middles, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    accuracy, confidence = np.asarray(bins["accuracy"]), np.asarray(bins["confidence"])
    upper.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)), alpha=0.6)
    width *= 0.92
    upper.bar(middles[filled], accuracy[filled], width, color=FIRST, alpha=0.3, linewidth=0)
    upper.plot(
        confidence[filled], accuracy[filled], color=SECOND, marker="o", markersize=3.5, linewidth=0
    )
    upper.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(0, 1))
    lower.bar(middles[filled], counts[filled], width, color=FIRST, linewidth=0)
    lower.set_yscale("log")
    lower.set(ylabel="digits", xlabel="confidence", ylim=(0.7, None))
    return figure


def rejection_curve(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], threshold: float
) -> str:
    """Draw the errors among accepted digits over the share accepted, and the model's own point.

    Args:
        probabilities: float32 (N, classes), at the temperature in use.
        labels: int64 (N,), true class.
        threshold: confidence under which the model rejects; 0 marks no point.
    """
    figure, (axes,) = new_figure(2.7)
    confidences = probabilities.max(axis=1)
    order = np.argsort(-confidences, kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[order]
    accepted = np.arange(1, len(order) + 1)
    errors = 100 * np.cumsum(wrong) / accepted
    places = np.unique(np.linspace(0, len(order) - 1, 400).astype(int))
    axes.plot(100 * accepted[places] / len(order), errors[places], color=FIRST)
    count = int((confidences >= threshold).sum())
    if threshold > 0 and count:
        axes.plot(100 * count / len(order), errors[count - 1], "o", color=SECOND, markersize=6)
    share = 100 * accepted / len(order)
    axes.set(xlabel="accepted, %", ylabel="wrong among them, %", ylim=(0, None))
    axes.set_xlim(min(80.0, float(share[np.argmax(wrong)]) if wrong.any() else 80.0), 100.5)
    return to_svg(
        figure,
        "rejection",
        "Share of wrong digits among the accepted ones, over the share accepted.",
    )


def class_errors(per_class: Sequence[dict[str, Any]]) -> str:
    """Draw for each class the share that was missed and the share of its calls that was wrong."""
    figure, (axes,) = new_figure(0.9 + 0.34 * len(per_class))
    places = np.arange(len(per_class))
    missed, false = (
        np.array([100 * (1 - (1 if row[key] is None else row[key])) for row in per_class])
        for key in ("recall", "precision")
    )
    axes.barh(places - 0.19, missed, 0.34, color=FIRST, label="missed (1 − recall)")
    axes.barh(places + 0.19, false, 0.34, color=SECOND, label="false calls (1 − precision)")
    axes.set_yticks(places, [row["label"] for row in per_class], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("%")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    figure.legend(
        frameon=False, labelcolor=INK, loc="outside upper left", ncols=2, handlelength=1.2
    )
    return to_svg(figure, "classes", "Share missed and share of false calls of each class.")


def layer_sizes(operators: Sequence[dict[str, Any]]) -> str:
    """Draw bytes of weights and multiply-accumulates by operator, in the order in which they run.

    Args:
        operators: of a footprint; those computed once from constants are left out.
    """
    rows = [row for row in operators if not row["on_constants"]]
    figure, panels = new_figure(0.9 + 0.27 * max(len(rows), 1), columns=2)
    names = [layer_name(row) for row in rows]
    places = range(len(rows))
    for panel, key, title, colour in zip(
        panels,
        ("weight_bytes", "macs"),
        ("bytes of weights", "multiply-accumulates"),
        (FIRST, SECOND),
        strict=True,
    ):
        values = [row[key] for row in rows]
        panel.barh(places, values, 0.66, color=colour)
        for place, value in zip(places, values, strict=True):
            if value:
                panel.text(value, place, f" {short(value)}", va="center", size=8, color=INK)
        panel.set_title(title, size=FONT_PT, color=INK, loc="left")
        panel.set_xlim(0, 1.28 * max([*values, 1]))
        panel.set_xticks([])
        panel.tick_params(length=0)
        panel.grid(visible=False)
        hide_spines(panel, ("bottom",))
    panels[0].set_yticks(places, names)
    panels[1].set_yticks(places, [""] * len(rows))
    for panel in panels:
        panel.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    return to_svg(figure, "layers", "Bytes of weights and multiply-accumulates of each layer.")


def digit_uri(image: NDArray[np.uint8]) -> str:
    """Encode a digit as a PNG data URI.

    Args:
        image: uint8 (28, 28), ink 255 on background 0.
    """
    import cv2

    _, content = cv2.imencode(".png", image)
    return "data:image/png;base64," + base64.b64encode(content.tobytes()).decode()


def _column(history: Sequence[dict[str, Any]], key: str) -> NDArray[np.float64]:
    return np.array([_number(entry.get(key)) for entry in history])


def _curve(axes: Axes, values: NDArray[np.float64], colour: str, label: str) -> None:
    """Draw values over the epochs; nothing where there are none."""
    if np.isfinite(values).any():
        epochs = np.arange(1, len(values) + 1)
        marker = "o" if len(values) < 4 else None
        axes.plot(epochs, values, color=colour, label=label, marker=marker, markersize=3)


def _phase_starts(phases: Sequence[str]) -> list[tuple[int, str]]:
    return [(at, phase) for at, phase in enumerate(phases) if at == 0 or phases[at - 1] != phase]


def _mark_phases(axes: Axes, phases: Sequence[str]) -> None:
    for at, _ in _phase_starts(phases)[1:]:
        axes.axvline(at + 0.5, color=INK, linewidth=0.8, linestyle=(0, (2, 3)), alpha=0.7)


def _label_phases(axes: Axes, phases: Sequence[str]) -> None:
    starts = _phase_starts(phases)
    ends = [at for at, _ in starts[1:]] + [len(phases)]
    for (at, phase), end in zip(starts, ends, strict=True):
        axes.annotate(
            _PHASES.get(phase, phase),
            ((at + end + 1) / 2, 1.03),
            xycoords=("data", "axes fraction"),
            ha="center",
            color=INK,
            size=FONT_PT - 1,
        )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
