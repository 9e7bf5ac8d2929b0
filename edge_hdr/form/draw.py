"""Draw the pages of a sheet, and write them as a PDF of exact size."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_hdr.form.layout import MARK_MM, PROMPT_LIFT_MM, PROMPT_MM, Layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM_IN_INCH = 25.4
PT_IN_INCH = 72
LINE_MM = 0.2  # of a box's frame: seen by the camera, and narrow enough to be taken out again
FRAME_GREY, PROMPT_GREY, TEXT_GREY = "0.45", "0.35", "0.2"
CAP_SHARE = 0.73  # height of a digit of the font, in sizes of the font
TEXT_PT = 8.5
GUIDE = (
    "Write the small printed digit into each box, as you always write it, with any dark pen.",
    "A slip: blacken the whole box. Then photograph the page with all eight marks, flat and sharp.",
)


def pdf(pages: Sequence[Layout]) -> bytes:
    """Write pages as one PDF; the same pages give the same bytes with the same matplotlib."""
    from matplotlib.backends.backend_pdf import PdfPages

    content = io.BytesIO()
    about = {"Title": "edge-hdr sheet", "CreationDate": None, "ModDate": None}
    with PdfPages(content, metadata=about) as file:
        for page in pages:
            file.savefig(page_figure(page))
    return content.getvalue()


def page_figure(page: Layout) -> Figure:
    """Draw a page to scale: a figure of the paper's size."""
    from matplotlib.figure import Figure

    width, height = page.size
    figure = Figure(figsize=(width / MM_IN_INCH, height / MM_IN_INCH), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    _draw_marks(axes, page)
    _draw_boxes(axes, page)
    _draw_text(axes, page)
    return figure


def _draw_marks(axes: Axes, page: Layout) -> None:
    from matplotlib.collections import PolyCollection

    from edge_hdr.form.aruco import mark_pattern
    from edge_hdr.form.marks import numbers_of

    cells = []
    for (left, top), number in zip(page.corners, numbers_of(page.code), strict=True):
        pattern = mark_pattern(number)
        step = MARK_MM / len(pattern)
        for row, dark in enumerate(pattern):
            for start, end in _runs(dark):
                x0, x1 = left + start * step, left + end * step
                y0, y1 = top + row * step, top + (row + 1) * step
                cells.append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    # a hair of outline closes the seams that a renderer would leave between the cells
    axes.add_collection(PolyCollection(cells, facecolor="black", edgecolor="black", linewidth=0.1))


def _runs(dark: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give start and end of each run of dark cells in a row bool (N,)."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], dark, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2)]


def _draw_boxes(axes: Axes, page: Layout) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    frames = [Rectangle((box.x, box.y), box.width, box.height) for box in page.boxes]
    width_pt = LINE_MM / MM_IN_INCH * PT_IN_INCH
    axes.add_collection(
        PatchCollection(frames, facecolor="none", edgecolor=FRAME_GREY, linewidth=width_pt)
    )
    size_pt = PROMPT_MM / CAP_SHARE / MM_IN_INCH * PT_IN_INCH
    for box in page.boxes:
        foot = box.y - PROMPT_LIFT_MM
        axes.text(box.x, foot, box.digit, size=size_pt, color=PROMPT_GREY, va="baseline")


def _draw_text(axes: Axes, page: Layout) -> None:
    width, height = page.size
    left = page.corners[0][0] + MARK_MM
    middle = page.corners[1][0]
    for place, lines in (
        ((left + middle) / 2, GUIDE[:1]),
        (width - (left + middle) / 2, GUIDE[1:]),
    ):
        text = "\n".join(_wrapped(line) for line in lines)
        axes.text(place, page.corners[0][1] + MARK_MM / 2, text, size=TEXT_PT, color=TEXT_GREY,
                  ha="center", va="center", linespacing=1.25)  # fmt: skip
    name = f"edge-hdr {page.code.name}"
    axes.text((left + middle) / 2, height - page.corners[0][1] - MARK_MM / 2, name, size=TEXT_PT,
              color=TEXT_GREY, ha="center", va="center")  # fmt: skip


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 36))
