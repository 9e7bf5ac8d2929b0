"""Write the figures of LITERATURE.md for people, and lines of Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from literature_facts import Row, mean

from edge_hdr.report.numbers import interval, percent


def reported(row: Row, *, where: bool = True) -> str:
    """Write what the source gives."""
    if row["reported"] is None:
        return "–"
    source = f" ({row['where']})" if where and row["where"] else ""
    return percent(row["reported"]) + source


def reached(row: Row) -> str:
    """Write the mean ± sd over the runs; of a single run with its 95 % interval."""
    if len(row["runs"]) > 1:
        return f"{100 * row['accuracy']:.2f} ± {100 * (row['sd'] or 0):.2f} %"
    ends = f" ({interval(row['interval'], row['n_test'])})" if row["interval"] else ""
    return percent(row["accuracy"]) + ends


def training(row: Row) -> str:
    """Write the processor minutes of a run, and what else went before."""
    spent_s = mean(row, "cpu_s")
    if spent_s is None:
        return "–"
    before = [f"the float phase of {row['shares']}"] if row.get("shares") else []
    before += [row["start"]] if row["start"] else []
    return " + ".join([f"{spent_s / 60:.1f}", *before])


def table_head(names: Sequence[str], *, text: int) -> list[str]:
    """Give a Markdown table's first two lines; all but the first `text` columns are right."""
    return [line(names), "|" + "---|" * text + "--:|" * (len(names) - text)]


def line(cells: Sequence[str]) -> str:
    """Give a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def size(count: int | None) -> str:
    """Write bytes whole, so that they can be compared."""
    return "–" if count is None else f"{count:,} B"


def micro(time_us: float | None) -> str:
    """Write a time in microseconds."""
    return (
        "–" if time_us is None else f"{time_us:,.1f} µs" if time_us < 1e3 else f"{time_us:,.0f} µs"
    )
