"""`edge-hdr-device status`: what is deployed on this board, and how it does."""

from __future__ import annotations

import argparse
from typing import Any

from edge_hdr_device.cli import render
from edge_hdr_device.cli.install import add_mode, mode

HELP = "tell what is deployed here, and how it does"
DESCRIPTION = "Tell which release runs, which others are here, and how the service does."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_mode(parser)


def execute(options: argparse.Namespace) -> int:
    """Look at the deployment; nothing is changed."""
    from edge_hdr_device.install.status import find_layout, status

    found = status(find_layout(mode(options)))
    render.emit(command="status", data=found, human="\n".join(_lines(found)), as_json=options.json)
    return 0


def _lines(found: dict[str, Any]) -> list[str]:
    current = found["current"]
    if current is None:
        return [f"nothing was released in {found['base']}", *_history(found)]
    since = f", since {current['installed_at']}" if current["installed_at"] else ""
    lines = [f"release   {current['id']} ({current['model']}, version {current['version']}){since}"]
    if found["trial"]:
        lines.append("trial     it is being tried right now")
    lines.append(f"service   {_service(found)}")
    if found["page"]:
        lines.append(f"page      {found['page']}")
    lines.append(f"settings  {found['config']}")
    others = [one for one in found["releases"] if one["id"] != current["id"]]
    lines += [f"earlier   {one['id']} ({one['model']})" for one in others]
    lines += [f"trusts    {fingerprint}" for fingerprint in found["trusted"]]
    return lines + _history(found)


def _history(found: dict[str, Any]) -> list[str]:
    """Say what was done here."""
    lines = []
    for entry in found["history"]:
        words = (entry.get(name) or "" for name in ("time", "action", "id", "outcome", "detail"))
        lines.append(f"history   {' '.join(word for word in words if word)}")
    return lines


def _service(found: dict[str, Any]) -> str:
    service = found["service"]
    if service is None:
        return "none"
    words = [service["state"]]
    words += [f"pid {service['pid']}"] if service["pid"] else []
    words += [service["text"]] if service["text"] else []
    words += [] if found["ready"] else ["no frames"]
    words += [f"started again {service['restarts']} times"] if service["restarts"] else []
    return ", ".join(words)
