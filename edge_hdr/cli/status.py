"""`edge-hdr status`: what runs on a board, or on every board of an inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, connect_to
from edge_hdr.errors import UsageError


def status(
    target: str | None = typer.Argument(
        None,
        metavar="[TARGET]",
        help="The board: user@host[:port], ssh://…, a name of your ssh configuration, or local:",
    ),
    inventory: Path | None = typer.Option(
        None, "--inventory", help="Boards by Ansible's inventory."
    ),
    limit: str = typer.Option(None, "--limit", help="Group or boards of the inventory."),
    forks: int = typer.Option(10, "--forks", min=1, max=500, help="Boards at a time."),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Show release, model, service and health of a board, and the releases it can go back to."""
    if (target is None) == (inventory is None):
        both = "not both" if target else "for example: edge-hdr status pi@raspberrypi.local"
        raise UsageError("name one board, or --inventory FILE for many", hint=both)
    if inventory is not None:
        from edge_hdr.cli import fleet_view

        fleet_view.status(
            inventory,
            limit=limit,
            forks=forks,
            accept_new_host_key=accept_new_host_key,
            json=json,
        )
    if target is not None:
        data = _ask(target, accept_new_host_key=accept_new_host_key)
        render.emit(command="status", data=data, human=lambda: _show(target, data), as_json=json)


def _ask(target: str, *, accept_new_host_key: bool) -> dict[str, Any]:
    from edge_hdr import remote

    with connect_to(target, accept_new_host_key=accept_new_host_key) as connection:
        installed = remote.find(connection)
        argv = installed.command("status", "--json")
        if installed.may_be_root:  # settings may be for root and the service alone to read
            argv = installed.as_owner(argv)
        return remote.ask(connection, argv)


def _show(target: str, data: dict[str, Any]) -> None:
    rows = [["installation", f"{data['mode']}, in {data['base']}"]]
    current = data["current"]
    if current:
        rows += [
            ["release", f"{current['id']}, version {current['version']}"],
            ["model", current["model"]],
            ["installed", f"{current['installed_at']} by {current['by'] or 'unknown'}"],
        ]
    service = data["service"]
    if service:
        since = f" since {_time(service['since'])}" if service.get("since") else ""
        rows.append(["service", f"{service['state']}{since}, restarts {service['restarts']}"])
        if service.get("text"):
            rows.append(["it says", service["text"]])
    rows += [
        ["health", _health(data)],
        ["page", data["page"] or "off"],
        ["settings", data["config"]],
        ["trusted keys", ", ".join(data["trusted"]) or "none: unsigned payloads are taken"],
    ]
    if data["trial"]:
        rows.append(["trial", "a switch is on trial right now"])
    console = render.console()
    table = render.table(target, ["", ""], rows)
    table.columns[1].justify = "left"
    console.print(table)
    others = [
        [release["id"], release["model"], release["version"], str(release["installed_at"])]
        for release in data["releases"]
    ]
    console.print(render.table("Releases", ["id", "model", "version", "installed"], others))


def _time(seconds: float) -> str:
    """Write a time as this computer's clock shows it."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")


def _health(data: dict[str, Any]) -> str:
    if data["alive"] is None:
        return "unknown"
    if not data["alive"]:
        return "the reader does not answer"
    return "reading" if data["ready"] else "alive, no frames"
