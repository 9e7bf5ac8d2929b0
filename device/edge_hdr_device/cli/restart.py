"""`edge-hdr-device restart`: start the service anew and watch it."""

from __future__ import annotations

import argparse

from edge_hdr_device.cli import render
from edge_hdr_device.cli.install import (
    add_watching,
    by_default,
    mode,
    with_json,
)
from edge_hdr_device.cli.telling import telling

HELP = "start the service anew"
DESCRIPTION = "Start the deployed service anew and watch whether it stays up."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_watching(parser)


def execute(options: argparse.Namespace) -> int:
    """Start it anew.

    Raises:
        EdgeHdrError: there is no service, or it does not stay up.
    """
    from edge_hdr_device.install.rollback import Wanted, restart
    from edge_hdr_device.install.status import find_layout

    wanted = Wanted(options.window, options.by or by_default())
    with_json(options)
    layout = find_layout(mode(options))
    with telling(options) as (tell, life):
        outcome = restart(layout, wanted, tell, life=life)
    human = f"{outcome.id} ({outcome.model}) runs"
    render.emit(command="restart", data=outcome.to_dict(), human=human, as_json=options.json)
    return 0
