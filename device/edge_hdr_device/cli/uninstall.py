"""`edge-hdr-device uninstall`: remove the deployment from this board."""

from __future__ import annotations

import argparse

from edge_hdr_device.cli import render
from edge_hdr_device.cli.install import add_mode, by_default, mode

HELP = "remove the deployment"
DESCRIPTION = (
    "Stop the service and remove all that was deployed; samples, readings and settings that were "
    "written by hand stay unless --purge is given."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_mode(parser)
    parser.add_argument("--purge", action="store_true", help="also what was collected")
    parser.add_argument("--by", default="", metavar="NAME", help="who does it, for the lock")


def execute(options: argparse.Namespace) -> int:
    """Remove it.

    Raises:
        EdgeHdrError: a deployment is at work, or something cannot be removed.
    """
    from edge_hdr_device.install.removal import uninstall
    from edge_hdr_device.install.status import find_layout

    layout = find_layout(mode(options))
    found = uninstall(layout, purge=options.purge, by=options.by or by_default())
    lines = [f"removed  {text}" for text in found.removed]
    lines += [f"kept     {text}" for text in found.kept]
    human = "\n".join(lines or ["nothing is deployed here"])
    render.emit(command="uninstall", data=found.to_dict(), human=human, as_json=options.json)
    return 0
