"""Tables that fit the terminal, no name or number broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edge_hdr.cli import render

if TYPE_CHECKING:
    from rich.console import Console

Cells = Sequence[Sequence[str]]  # of a table, its head first


def show(console: Console, title: str, cells: Cells, spare: Sequence[str]) -> list[str]:
    """Print a table as wide as there is room for; gives the heads of the columns that are shown.

    Where it is too wide, the first of the spare columns is left out, else the names in the first
    column stand on lines of their own, then the spare columns are left out one by one.

    Args:
        console: where to.
        title: stands above it.
        cells: the head and the rows; a head may have several lines.
        spare: columns that can be left out, by the words of their heads, the first one first.
    """
    from rich.cells import cell_len

    console.print(f"\n{title}", markup=False)
    for apart, kept in _choices(cells, spare):
        lines = _lines(kept) if apart else _table(console, kept)
        if max(map(cell_len, lines)) <= console.width:
            break
    for line in lines:
        console.print(line, markup=False, no_wrap=True, crop=False, overflow="ignore")
    return [words(head) for head in kept[0]]


def words(head: str) -> str:
    """Write a head of several lines in one."""
    return " ".join(head.split())


def _choices(cells: Cells, spare: Sequence[str]) -> Iterator[tuple[bool, Cells]]:
    """Give what to try, and whether the names stand apart."""
    known = [head for head in spare if head in map(words, cells[0])]
    for count in range(min(2, len(known) + 1)):
        yield False, _without(cells, known[:count])
    for count in range(len(known) + 1):
        yield True, _without(cells, known[:count])


def _without(cells: Cells, heads: Sequence[str]) -> Cells:
    kept = [at for at, head in enumerate(cells[0]) if words(head) not in heads]
    return [[row[at] for at in kept] for row in cells]


def _table(console: Console, cells: Cells) -> list[str]:
    """Draw a table in its own width, whatever there is room for."""
    head, *rows = (list(row) for row in cells)
    options = console.options.update(width=1000)
    lines = console.render_lines(render.table("", head, rows), options, pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def _lines(cells: Cells) -> list[str]:
    """Write a table with the names on lines of their own."""
    tall = max(head.count("\n") + 1 for head in cells[0])
    head = [["", *head.split("\n")][-tall:] for head in cells[0][1:]]
    head = [[""] * (tall - len(words)) + words for words in head]
    columns = list(zip(*(row[1:] for row in cells[1:]), strict=True))
    widths = [max(map(len, [*above, *below])) for above, below in zip(head, columns, strict=True)]

    def line(values: Sequence[str]) -> str:
        cells = (f"  {value:>{width}}" for value, width in zip(values, widths, strict=True))
        return "".join(cells).rstrip()

    rule = f"  {'─' * (sum(widths) + 2 * len(widths) - 2)}"
    above = [line([words[at] for words in head]) for at in range(tall)]
    below = [text for row in cells[1:] for text in (f"  {row[0]}", line(row[1:]))]
    return ["", *above, rule, *below, ""]
