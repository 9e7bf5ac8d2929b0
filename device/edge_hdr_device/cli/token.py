"""`edge-hdr-device token`: make the token that opens the live page from other machines."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_hdr_device.cli import render

HELP = "make the token for the live page"
DESCRIPTION = "Make a new token for the live page and show it, once; an earlier one ends with it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="where its hash is kept")
    parser.add_argument("--force", action="store_true", help="replace an earlier token")


def execute(options: argparse.Namespace) -> int:
    """Make a token, keep its hash, show it.

    Raises:
        StorageError: there is one already, or the file cannot be written.
    """
    from edge_hdr_device.config import state_folder
    from edge_hdr_device.web.token import FILE, make_token

    file = options.token_file or state_folder() / FILE
    token = make_token(file, force=options.force)
    render.note(f"the page asks for this token; only its hash is kept, in {file}:")
    render.emit(
        command="token",
        data={"token": token, "file": str(file)},
        human=token,
        as_json=options.json,
    )
    return 0
