"""Columns of a bench run's tables: what each shows of a model, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge_hdr.report.bench_facts import US_OF_MS, Model, short_name, three
from edge_hdr.report.tables import Table

Value = Callable[[Model], Any]
Best = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Column:
    """A column of a table with a row a model.

    Attributes:
        head: its name, with the unit.
        value: of a model; None leaves a dash.
        write: gives the cell's text.
        best: `min` or `max` where the best value is to stand out.
        of_time: whether a disturbed run makes a value look better or worse than it is.
    """

    head: str
    value: Value
    write: Callable[[Any], str] = str
    best: Best | None = None
    of_time: bool = False


def tabulate(
    models: Sequence[Model], columns: Sequence[Column], *, comparable: bool = True
) -> Table:
    """Fill in the columns that have a value for any model; the best value of each stands out.

    Args:
        models: a row each, at least one.
        columns: the first must have a value.
        comparable: whether times may be compared; if not, none stands out.
    """
    kept: list[list[str]] = []
    strong: set[tuple[int, int]] = set()
    text = []
    for column in columns:
        values = [column.value(model) for model in models]
        known = [value for value in values if value is not None]
        if not known:
            continue
        if column.best and len(models) > 1 and (comparable or not column.of_time):
            best = column.best(known)
            leading = {(row, len(kept)) for row, value in enumerate(values) if value == best}
            strong |= leading if len(leading) < len(known) else set()
        text += [len(kept)] if isinstance(known[0], str) else []
        cells = ("–" if value is None else column.write(value) for value in values)
        kept.append([column.head, *cells])
    head, *rows = zip(*kept, strict=True)
    return Table(head, tuple(rows), tuple(text), frozenset(strong))


def stacked(table: Table) -> Table:
    """Write each word of the head on a line of its own, for a terminal."""
    head = tuple(text.replace(", ", "\n").replace(" ", "\n") for text in table.head)
    return replace(table, head=head)


def name(limit: int = 200) -> Column:
    """Name the model in at most so many characters."""
    return Column("model", lambda model: short_name(model["name"], limit))


def kilobytes(head: str, value: Value) -> Column:
    """Show bytes in kB, the fewest stand out."""
    return Column(f"{head}, kB", value, lambda count: three(count / 1e3), min)


def megabytes(head: str, value: Value) -> Column:
    """Show bytes in MB, the fewest stand out."""
    return Column(f"{head}, MB", value, lambda count: three(count / 1e6), min)


def milliseconds(head: str, value: Value) -> Column:
    """Show times, given in ms; the shortest stands out."""
    return Column(f"{head}, ms", value, three, min, of_time=True)


def microseconds(head: str, value: Value) -> Column:
    """Show times, given in ms, in µs; the shortest stands out."""
    return Column(
        f"{head}, µs", value, lambda taken_ms: three(US_OF_MS * taken_ms), min, of_time=True
    )


def rate(head: str, value: Value) -> Column:
    """Show a number a second; the most stands out."""
    return Column(head, value, lambda count: f"{count:,.0f}", max, of_time=True)


def percent(head: str, value: Value, *, digits: int = 2, best: Best | None = None) -> Column:
    """Show a share in [0, 1] in percent, without the sign."""
    return Column(f"{head}, %", value, lambda share: f"{100 * share:.{digits}f}", best)
