"""`edge-hdr undeploy`: leave a board as it was, but for what was collected on it."""

from __future__ import annotations

from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, TARGET, connect_to

LIMIT_S = 300.0


def undeploy(
    target: str = TARGET,
    purge: bool = typer.Option(
        False, "--purge", help="Remove samples, readings, settings and tokens as well."
    ),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Stop the service and remove everything that a deployment brought.

    Samples, readings and settings that were edited on the board stay, unless --purge is given.
    """
    from edge_hdr import remote
    from edge_hdr.deploy import uninstall_leftovers

    words = ("uninstall", *(("--purge",) if purge else ()), "--json")
    with connect_to(target, accept_new_host_key=accept_new_host_key) as connection:
        try:
            installed = remote.find(connection)
        except remote.NotInstalledError:
            data = uninstall_leftovers(connection, words)
        else:
            argv = installed.as_owner(installed.command(*words))
            data = remote.ask(connection, argv, timeout_s=LIMIT_S)
    render.emit(command="undeploy", data=data, human=lambda: _show(target, data), as_json=json)


def _show(target: str, data: dict[str, Any]) -> None:
    done = "edge-hdr is removed" if data["removed"] else "there was nothing to remove"
    lines = [f"{target.rstrip(':')}: {done}"]
    lines += [f"  kept: {path}" for path in data["kept"]]
    render.console().print("\n".join(lines), markup=False)
