"""`edge-hdr rollback` and `edge-hdr restart`: another release, or the same one anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, TARGET, connect_to

WINDOW = typer.Option(
    10.0, "--window", min=0.5, max=3600, help="Seconds that the service must do well."
)
LIMIT_S = 600.0


def rollback(
    target: str = TARGET,
    release: str = typer.Option(
        None, "--to", metavar="ID", help="The release; by default the one before."
    ),
    window_s: float = WINDOW,
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Go back to an earlier release that the board still has.

    It is watched like a new one; if it does not do well, the present one stays.
    """
    words = ["rollback", *([release] if release else []), "--window", f"{window_s:g}"]
    data = act(target, words, accept_new_host_key=accept_new_host_key)
    human = f"{target.rstrip(':')}: release {data['id']} runs again"
    render.emit(command="rollback", data=data, human=human, as_json=json)


def restart(
    target: str = TARGET,
    window_s: float = WINDOW,
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Restart the service and watch it for a while."""
    words = ["restart", "--window", f"{window_s:g}"]
    data = act(target, words, accept_new_host_key=accept_new_host_key)
    human = f"{target.rstrip(':')}: the service runs again"
    render.emit(command="restart", data=data, human=human, as_json=json)


def act(target: str, words: Sequence[str], *, accept_new_host_key: bool) -> dict[str, Any]:
    """Run a command of the board's own installation that changes it, and show its steps.

    Raises:
        EdgeHdrError: what the command raised there.
    """
    from edge_hdr import remote
    from edge_hdr.cli.board_progress import BoardProgress
    from edge_hdr_device.install.steps import Progress

    with (
        connect_to(target, accept_new_host_key=accept_new_host_key) as connection,
        BoardProgress() as progress,
    ):
        installed = remote.find(connection)
        argv = installed.command(*words, "--attended", "--events", "--json")

        def line(text: str) -> None:
            if told := Progress.from_line(text):
                progress.tell(told)

        return remote.stream(
            connection, installed.as_owner(argv), line, idle_s=LIMIT_S, timeout_s=LIMIT_S
        )
