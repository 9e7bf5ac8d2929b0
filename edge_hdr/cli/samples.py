"""`edge-hdr samples`: what a board kept for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, TARGET, connect_to

if TYPE_CHECKING:
    from edge_hdr.connection import Connection
    from edge_hdr.remote import Installed
    from edge_hdr.samples_pull import Pulled

app = typer.Typer(help="What a board kept for training.", no_args_is_help=True)


@app.command()
def pull(
    target: str = TARGET,
    out: Path = typer.Option(
        None, "--out", metavar="DIR", help="Where to; by default samples/ and the board's name."
    ),
    folder: str = typer.Option(
        None, "--folder", metavar="PATH", help="On the board; by default what its settings say."
    ),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Bring the digits that a board kept here: only what is missing, never over anything.

    A pull that was cut goes on when it is run again. Files that you have moved to another class
    count as here.
    """
    from edge_hdr import remote, samples_pull
    from edge_hdr.cli.progress import BuildProgress

    with connect_to(target, accept_new_host_key=accept_new_host_key) as connection:
        there = folder or samples_pull.board_folder(connection, _installed(connection))
        as_root = bool(remote.becomes_root(connection))
        name = (connection.target.host or "local").replace(":", "-").replace("%", "-")
        with BuildProgress(Path()) as progress:
            pulled = samples_pull.pull(
                connection,
                there,
                out or Path("samples") / name,
                as_root=as_root,
                progress=progress.bytes_done,
            )
    for conflict in pulled.conflicts:
        render.note(f"warning: {pulled.out / conflict} differs from the board's; it stays as it is")
    data = pulled.to_dict()
    render.emit(command="samples pull", data=data, human=lambda: _show(pulled), as_json=json)


def _installed(connection: Connection) -> Installed:
    from edge_hdr import remote

    try:
        return remote.find(connection)
    except remote.NotInstalledError as error:
        kept = "--folder /var/lib/edge-hdr-device/samples"
        raise remote.NotInstalledError(
            error.message, hint=f"name the folder that an earlier one left: {kept}"
        ) from error


def _show(pulled: Pulled) -> None:
    counts = [
        f"{pulled.fetched:,} new ({pulled.fetched_bytes:,} bytes)",
        f"{pulled.present:,} were here",
    ]
    if pulled.conflicts:
        counts.append(f"{len(pulled.conflicts):,} differ")
    if pulled.gone:
        counts.append(f"{pulled.gone:,} went meanwhile")
    console = render.console()
    console.print(f"samples of {pulled.folder}: {', '.join(counts)}", markup=False)
    console.print(f"they are in {pulled.out}", markup=False)
