"""What every command that speaks to a board has in common: the target and its host key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from edge_hdr.transport import Connection

TARGET = typer.Argument(
    ...,
    metavar="TARGET",
    help="The board: user@host[:port], ssh://…, a name of your ssh configuration, or local:",
)
ACCEPT = typer.Option(
    False,
    "--accept-new-host-key",
    help="Trust a board that ssh does not know yet; a changed key is refused all the same.",
)
JSON = typer.Option(False, "--json", help="Print one JSON document.")


def connect_to(target: str, *, accept_new_host_key: bool) -> Connection:
    """Make the connection of a command; see `edge_hdr.transport.connect`.

    Raises:
        UsageError: the target is none.
    """
    from edge_hdr.target import Target
    from edge_hdr.transport import connect

    return connect(Target.parse(target), accept_new_host_key=accept_new_host_key)
