"""Figures of a bench run.

Each takes a bench document and gives a matplotlib figure, or None where the document holds
nothing to draw. `canvas.to_svg` brings it into a page in the page's colours, `save` into a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_hdr.report.bench_facts import Document, best
from edge_hdr.report.bench_latency import latency_distributions, stage_bars, sweep
from edge_hdr.report.bench_pareto import pareto
from edge_hdr.report.bench_robustness import adversarial_curves, robustness_heatmap
from edge_hdr.report.canvas import save
from edge_hdr.report.figures import confusion_figure, reliability_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "adversarial_curves",
    "confusion",
    "latency_distributions",
    "pareto",
    "reliability",
    "robustness_heatmap",
    "save",
    "stage_bars",
    "sweep",
]


def confusion(doc: Document, name: str | None = None) -> Figure | None:
    """Draw the confusion matrix of a model; of the one with the fewest errors without a name."""
    test = _test(doc, name)
    return confusion_figure(test["confusion"], test["classes"]) if test else None


def reliability(doc: Document, name: str | None = None) -> Figure | None:
    """Draw accuracy against confidence of a model, chosen as for `confusion`."""
    test = _test(doc, name)
    return reliability_figure(test["calibration"]["bins"]) if test else None


def _test(doc: Document, name: str | None) -> dict[str, Any] | None:
    chosen = best(doc)
    if name is not None:
        chosen = next((model for model in doc["models"] if model["name"] == name), None)
    return chosen.get("test") if chosen else None
