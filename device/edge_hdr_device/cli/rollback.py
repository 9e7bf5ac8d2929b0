"""`edge-hdr-device rollback`: go back to an earlier release."""

from __future__ import annotations

import argparse

from edge_hdr_device.cli import render
from edge_hdr_device.cli.install import (
    add_watching,
    by_default,
    mode,
    show,
    with_json,
)
from edge_hdr_device.cli.telling import telling

HELP = "go back to an earlier release"
DESCRIPTION = "Switch to the release that ran before, or a named one; it is watched like a new one."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="of the release, or how it begins; see status"
    )
    parser.add_argument("--no-service", action="store_true", help="switch, but start nothing")
    add_watching(parser)


def execute(options: argparse.Namespace) -> int:
    """Go back.

    Raises:
        EdgeHdrError: it failed; what ran before runs as before.
    """
    from edge_hdr_device.install.rollback import Wanted, rollback
    from edge_hdr_device.install.status import find_layout

    by = options.by or by_default()
    wanted = Wanted(options.window, by, not options.no_service)
    with_json(options)
    layout = find_layout(mode(options))
    with telling(options) as (tell, life):
        outcome = rollback(layout, options.id, wanted, tell, life=life)
    data = outcome.to_dict()
    render.emit(command="rollback", data=data, human=lambda: show(outcome), as_json=options.json)
    return 0
