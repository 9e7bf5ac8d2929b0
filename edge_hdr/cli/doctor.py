"""`edge-hdr doctor`: what a board is, and whether a deployment can go ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, TARGET, connect_to
from edge_hdr.errors import CheckFailedError

if TYPE_CHECKING:
    from edge_hdr.doctor import Report

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


def doctor(
    target: str = TARGET,
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Look at a board, change nothing, and say what repairs what is in the way.

    Ends with 6 when something forbids a deployment.
    """
    from edge_hdr.doctor import examine
    from edge_hdr.inspection import ask

    with connect_to(target, accept_new_host_key=accept_new_host_key) as connection:
        report = examine(ask(connection), target=target)
    if not json:
        _show(target, report)
    if report.forbids:
        raise _ForbiddenError(target, report)
    render.emit(command="doctor", data=report.to_dict(), human="", as_json=json)


class _ForbiddenError(CheckFailedError):
    """Something forbids a deployment; the report is in `data`."""

    def __init__(self, target: str, report: Report) -> None:
        first = report.findings[0]
        super().__init__(f"{target}: {first.subject}: {first.what}", hint=first.repair)
        self.data = report.to_dict()


def _show(target: str, report: Report) -> None:
    from rich.markup import escape

    console = render.console()
    rows = [[row.what, escape(row.found), _verdict(row.verdict)] for row in report.rows]
    summary = render.table(f"{escape(target)}", ["what", "found", ""], rows)
    summary.columns[1].justify = "left"
    console.print(summary)
    for finding in report.findings:
        word = {"forbids": "[red]forbids[/]", "warns": "[yellow]warns[/]"}[finding.severity]
        console.print(f"{word}: {escape(f'{finding.subject}: {finding.what}')}")
        console.print(f"    {finding.repair}", markup=False)
    console.print(report.conclusion, markup=False)


def _verdict(verdict: str) -> str:
    return f"[{COLOURS[verdict]}]{verdict}[/]" if verdict else ""
