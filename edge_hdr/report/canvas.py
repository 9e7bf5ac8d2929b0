"""What all figures share: a matplotlib figure without a window, and its way into the page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that stand for the page's, put in when the SVG is written, so that a figure follows
# the light or dark scheme of the reader.
INK, FAINT, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206"
_PAGE_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
}
WIDTH_IN = 5.0
FONT_PT = 9.5


def new_figure(
    height_in: float,
    *,
    rows: int = 1,
    columns: int = 1,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Make a figure without a window: transparent, spare, in the page's colours.

    Args:
        height_in: in inches; the width is the same for all.
        rows: of panels.
        columns: of panels; a single column shares its x axis.
        heights: of the rows, relative.

    Returns:
        The figure and its panels, row by row.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=columns == 1, height_ratios=heights)
    panels: list[Axes] = list(grid.flat)
    for axes in panels:
        axes.patch.set_alpha(0)
        axes.tick_params(colors=INK, labelsize=FONT_PT - 1, width=0.6, length=3)
        axes.xaxis.label.set(color=INK, size=FONT_PT)
        axes.yaxis.label.set(color=INK, size=FONT_PT)
        axes.grid(visible=True, color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        hide_spines(axes, ("top", "right"))
        for spine in axes.spines.values():
            spine.set(color=INK, linewidth=0.6)
    return figure, panels


def to_svg(figure: Figure, name: str) -> str:
    """Write a figure as an SVG element: no size of its own, colours and font of the page."""
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)  # several figures share one page
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for placeholder, colour in _PAGE_COLOURS.items():
        text = text.replace(placeholder, colour)
    return text.replace("<svg ", '<svg role="img" ', 1)


def hide_spines(axes: Axes, sides: Sequence[str]) -> None:
    """Leave out sides of a panel's frame."""
    for side in sides:
        axes.spines[side].set_visible(False)
