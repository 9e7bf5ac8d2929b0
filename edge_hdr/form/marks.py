"""The numbers that a sheet's marks carry: where each mark lies, and which page it belongs to.

A page has eight marks around its boxes. Mark number = 8 · piece + position. The four pieces of a
page's code stand on two opposite marks each, and the fourth is the sum of the other three, so any
one piece may be hidden altogether, and a number that was misread is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POSITIONS = 8  # clockwise from the upper left corner; p and p + 4 are opposite
PIECES = 4
BASE = 125  # values of a piece: the dictionary of marks has 1,000 numbers
PAPERS = ("a4", "letter")
_PAPER_KINDS = 4  # room for two more
ROWS = range(10, 17)  # of boxes on a page
_ROW_KINDS = 16
MAX_PAGES = 25
MAX_SEED = 999


@dataclass(frozen=True)
class PageCode:
    """What a page's marks say of it.

    Attributes:
        paper: one of `PAPERS`.
        rows: of boxes, in `ROWS`.
        page: its number from 1, at most `MAX_PAGES`.
        seed: of the sheet, at most `MAX_SEED`.
    """

    paper: str
    rows: int
    page: int
    seed: int

    @property
    def name(self) -> str:
        """Name the page for a person and for files, as "sheet 7 page 1"."""
        return f"sheet {self.seed} page {self.page}"


def numbers_of(code: PageCode) -> tuple[int, ...]:
    """Give the numbers of a page's marks, clockwise from the upper left corner."""
    whole = code.seed * MAX_PAGES + code.page - 1
    whole = (whole * _ROW_KINDS + code.rows - ROWS.start) * _PAPER_KINDS
    whole += PAPERS.index(code.paper)
    first, rest = divmod(whole, BASE * BASE)
    pieces = [first, *divmod(rest, BASE)]
    pieces.append(sum(pieces) % BASE)
    return tuple(POSITIONS * pieces[position % PIECES] + position for position in range(POSITIONS))


def code_of(numbers: Mapping[int, int]) -> PageCode | None:
    """Read a page's code from some of its marks.

    Args:
        numbers: of the marks that were found, by position.

    Returns:
        None where too few are there, or where they contradict each other.
    """
    pieces: dict[int, int] = {}
    for position, number in numbers.items():
        piece = number // POSITIONS
        if pieces.setdefault(position % PIECES, piece) != piece:
            return None
    missing = [index for index in range(PIECES) if index not in pieces]
    if len(missing) > 1:
        return None
    for index in missing:
        known = sum(pieces[other] for other in range(PIECES - 1) if other != index)
        pieces[index] = (known if index == PIECES - 1 else pieces[PIECES - 1] - known) % BASE
    if sum(pieces[index] for index in range(PIECES - 1)) % BASE != pieces[PIECES - 1]:
        return None
    return _unpacked((pieces[0] * BASE + pieces[1]) * BASE + pieces[2])


def _unpacked(whole: int) -> PageCode | None:
    whole, paper = divmod(whole, _PAPER_KINDS)
    whole, rows = divmod(whole, _ROW_KINDS)
    seed, page = divmod(whole, MAX_PAGES)
    if paper >= len(PAPERS) or rows >= len(ROWS) or seed > MAX_SEED:
        return None
    return PageCode(PAPERS[paper], ROWS[rows], page + 1, seed)
