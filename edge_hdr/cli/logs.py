"""`edge-hdr logs`: what a board's service wrote to its journal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, TARGET, connect_to
from edge_hdr.errors import UsageError

if TYPE_CHECKING:
    from edge_hdr.remote import Installed


def logs(
    target: str = TARGET,
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on until Ctrl-C."),
    lines: int = typer.Option(100, "--lines", "-n", min=0, help="How many of the last lines."),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Show the journal of a board's service."""
    from edge_hdr import remote

    if follow and json:
        raise UsageError("--follow has no end, so --json has no document", hint="leave one away")
    with connect_to(target, accept_new_host_key=accept_new_host_key) as connection:
        installed = remote.find(connection)
        argv = command(installed, lines)
        if follow:
            connection.follow((*argv, "--follow"), _print)
            return
        done = connection.run(argv)
    found = done.stdout.decode(errors="replace").splitlines()
    for complaint in done.stderr.splitlines():
        render.note(complaint)
    render.emit(
        command="logs",
        data={"target": target, "lines": found},
        human=lambda: _print(*found),
        as_json=json,
    )


def command(installed: Installed, lines: int) -> tuple[str, ...]:
    """Give the argv that shows the journal, with what rights we have there."""
    from edge_hdr_device.system.systemd_unit import NAME

    unit = f"--unit={NAME}" if installed.mode == "system" else f"--user-unit={NAME}"
    show = ("journalctl", "--no-pager", "--quiet", "--output=short-iso", unit, f"--lines={lines}")
    argv = ("env", "SYSTEMD_COLORS=0", *show)
    # without root's rights those of the group adm or systemd-journal may do
    return installed.as_owner(argv) if installed.may_be_root else argv


def _print(*lines: str) -> None:
    """Write lines; what could command a terminal is made visible."""
    for line in lines:
        sys.stdout.write("".join(map(_shown, line)) + "\n")
    sys.stdout.flush()


def _shown(letter: str) -> str:
    return letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}"
