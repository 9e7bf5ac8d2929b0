"""What all figures share: a matplotlib figure without a window, and its way into page or file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Names of colours. In a page they follow the light or dark scheme of the reader: they are drawn
# in a stand-in each, which the page's own colour replaces when the SVG is written. In a file of
# their own they are those of the light scheme.
INK, FAINT, FIRST, SECOND = "report:ink", "report:faint", "report:first", "report:second"
_STAND_INS = {INK: "#010203", FAINT: "#010204", FIRST: "#010205", SECOND: "#010206"}
_IN_A_PAGE = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
}
_IN_A_FILE = {INK: "#1b2330", FAINT: "#e2e6eb", FIRST: "#2867b2", SECOND: "#d2691e"}
WIDTH_IN, WIDE_IN = 5.0, 9.5
FONT_PT = 9.5
FILE_PX = 1800  # twice the width at which documents show it


def new_figure(
    height_in: float,
    *,
    width_in: float = WIDTH_IN,
    rows: int = 1,
    columns: int = 1,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Make a figure without a window: transparent, spare, in the page's colours.

    Args:
        height_in: in inches.
        width_in: in inches.
        rows: of panels.
        columns: of panels; a single column shares its x axis.
        heights: of the rows, relative.

    Returns:
        The figure and its panels, row by row.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.colors import get_named_colors_mapping
    from matplotlib.figure import Figure

    if INK not in get_named_colors_mapping():
        _name_colours(_STAND_INS)
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
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


def to_svg(figure: Figure, name: str, alt: str = "") -> str:
    """Write a figure as an SVG element: no size of its own, colours and font of the page.

    Args:
        figure: of `new_figure`.
        name: of the figure; the same name and content give the same bytes.
        alt: what a person who does not see it is told.
    """
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # several figures share one page
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, stand_in in _STAND_INS.items():
        text = text.replace(stand_in, _IN_A_PAGE[colour])
    label = f' aria-label="{escape(alt)}"' if alt else ""
    return text.replace("<svg ", f'<svg role="img"{label} ', 1)


def save(draw: Callable[..., Figure | None], path: Path, *arguments: Any, **options: Any) -> bool:
    """Draw a figure into a file of its own, in fixed light colours on white.

    The same numbers give the same bytes with the same matplotlib.

    Args:
        draw: gives the figure, as `bench_figures.pareto`.
        path: ends in `.png` or `.svg`.
        arguments: of `draw`.
        options: of `draw`.

    Returns:
        Whether there was something to draw; if not, no file is written.

    Raises:
        StorageError: the file cannot be written.
    """
    import matplotlib as mpl

    from edge_hdr_device.storage import write_atomic

    kind = path.suffix.removeprefix(".")
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    content = io.BytesIO()
    with _light_colours(), mpl.rc_context({"svg.hashsalt": f"file {path.stem}"}):
        figure = draw(*arguments, **options)
        if figure is None:
            return False
        figure.patch.set_alpha(1)
        dpi = FILE_PX / figure.get_figwidth()
        figure.savefig(content, format=kind, dpi=dpi, facecolor="white", metadata=metadata)
    write_atomic(path, content.getvalue())
    return True


@contextmanager
def _light_colours() -> Iterator[None]:
    _name_colours(_IN_A_FILE)
    try:
        yield
    finally:
        _name_colours(_STAND_INS)


def _name_colours(values: dict[str, str]) -> None:
    """Say what the names of colours stand for, to matplotlib."""
    from matplotlib.colors import get_named_colors_mapping

    known = get_named_colors_mapping()
    for name, value in values.items():
        known[name] = value  # not update(): an item that is set clears matplotlib's cache


def hide_spines(axes: Axes, sides: Sequence[str]) -> None:
    """Leave out sides of a panel's frame."""
    for side in sides:
        axes.spines[side].set_visible(False)


def log_ticks(axis: Axis, write: Callable[[float], str] = "{:,g}".format) -> None:
    """Give a logarithmic axis few ticks, in plain numbers; to be called when it has its limits.

    Args:
        axis: of a panel.
        write: gives the text of a tick.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    low, high = axis.get_view_interval()
    decades = log10(high / low)
    subs = (1, 1.5, 2, 3, 4, 5, 7) if decades < 0.9 else (1, 2, 5) if decades < 2.6 else (1,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=20))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: write(value))


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel, the first at 0, the second at −1 and so on."""
    axes.set_yticks([-at for at in range(len(names))], names, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    hide_spines(axes, ("left",))
