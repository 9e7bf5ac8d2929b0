"""Where everything lies on a page of a sheet, in millimetres from its upper left corner."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from edge_hdr.form.marks import PageCode

SIZES_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
MARGIN_MM = 12.0  # of the paper; no printer needs more
MARK_MM = 15.0
CLEAR_MM = 4.0  # white between the marks and the boxes
COLUMNS = 10
GAP_X_MM, GAP_Y_MM = 3.4, 5.0  # between boxes; the prompt stands in the upper one
PROMPT_MM = 2.3  # height of the small printed digit
PROMPT_LIFT_MM = 1.3  # from the box up to its foot


@dataclass(frozen=True)
class Box:
    """A place to write one digit.

    Attributes:
        row: from the top, from 0.
        column: from the left, from 0.
        digit: what is to be written, "0" to "9".
        x: left edge in mm.
        y: upper edge in mm.
        width: in mm.
        height: in mm.
    """

    row: int
    column: int
    digit: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """A page: its paper, its marks and its boxes.

    Args:
        code: what its marks say.
    """

    code: PageCode

    @property
    def size(self) -> tuple[float, float]:
        """Give width and height of the paper in mm."""
        return SIZES_MM[self.code.paper]

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Give the upper left corner of each mark in mm, clockwise from the page's upper left."""
        width, height = self.size
        left, right = MARGIN_MM, width - MARGIN_MM - MARK_MM
        top, bottom = MARGIN_MM, height - MARGIN_MM - MARK_MM
        across, down = (left + right) / 2, (top + bottom) / 2
        return (
            (left, top), (across, top), (right, top), (right, down),
            (right, bottom), (across, bottom), (left, bottom), (left, down),
        )  # fmt: skip

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """Give the boxes row by row; every digit is asked for once a row on average, shuffled."""
        inset = MARGIN_MM + MARK_MM + CLEAR_MM
        wide, high = (side - 2 * inset for side in self.size)
        rows = self.code.rows
        width = (wide + GAP_X_MM) / COLUMNS - GAP_X_MM
        height = high / rows - GAP_Y_MM
        return tuple(
            Box(
                row=index // COLUMNS,
                column=index % COLUMNS,
                digit=digit,
                x=inset + index % COLUMNS * (width + GAP_X_MM),
                y=inset + GAP_Y_MM + index // COLUMNS * (height + GAP_Y_MM),
                width=width,
                height=height,
            )
            for index, digit in enumerate(prompts(self.code))
        )


def prompts(code: PageCode) -> tuple[str, ...]:
    """Give the digits to write on a page, row by row: each equally often, in random order.

    The order comes from a hash, so that a page printed today is known to any later version.
    """

    def draw(index: int) -> bytes:
        return hashlib.sha256(f"{code.seed} {code.page} {index}".encode()).digest()

    order = sorted(range(COLUMNS * code.rows), key=draw)
    return tuple(str(index % 10) for index in order)
