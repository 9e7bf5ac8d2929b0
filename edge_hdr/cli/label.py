"""`edge-hdr label`: say what samples are, on a page, a key each."""

from __future__ import annotations

import os
import shlex
import sys
import threading
import webbrowser
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from edge_hdr.cli import render
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr.labelling.session import Session

LISTED = 10  # so many warnings are shown, the others counted


def label(
    folder: Path = typer.Argument(
        ..., metavar="DIR", help="Crops of one digit each, as `edge-hdr samples pull` fetches them."
    ),
    model: str = typer.Option(
        None,
        "--model",
        "-m",
        help="What guesses: a .tflite file, a build's folder or a released model; "
        "by default ds-cnn-small-int8.",
    ),
    port: int = typer.Option(
        0, "--port", min=0, max=65535, help="Of the page; by default any that is free."
    ),
    no_browser: bool = typer.Option(False, "--no-browser", help="Only show the page's address."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document at the end."),
) -> None:
    """Label samples on a page of this computer: the most doubtful first, a key a digit.

    Each key is kept at once, and the same command goes on where you stopped. The pictures stay as
    they are; labels.csv beside them makes DIR a folder that `build --data` and `adapt --samples`
    take. What you said is no digit stands in non-digits.csv.
    """
    from edge_hdr.cli.progress import BuildProgress
    from edge_hdr.labelling.session import serving

    path = released.find(model)
    with ExitStack() as stack:
        with BuildProgress(Path()) as progress:
            session = stack.enter_context(
                serving(folder, path, port=port, progress=progress.bytes_done)
            )
        _announce(session)
        with suppress(KeyboardInterrupt):  # the usual end
            if not no_browser:
                _open(session.address_once)
            session.desk.finished.wait()
    result = session.result()
    render.emit(command="label", data=result, human=lambda: _show(result), as_json=json)


def _announce(session: Session) -> None:
    for warning in session.warnings[:LISTED]:
        render.note(f"warning: {warning}")
    if len(session.warnings) > LISTED:
        render.note(f"warning: {len(session.warnings) - LISTED} more were left out")
    render.note(f"label page on {session.address}")
    if "SSH_CONNECTION" in os.environ:
        port = urlsplit(session.address).port
        render.note(f"from your own computer: ssh -L {port}:127.0.0.1:{port} and this host's name")
    render.note("every key is kept at once; Ctrl-C or the page's Finish ends it")


def _open(address: str) -> None:
    """Show the page, where there is a screen; a browser for terminals would take this one."""
    if sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        # some browsers come back only when they are closed
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()


def _show(result: dict[str, Any]) -> None:
    counts = [
        f"{result['labelled']:,} of {result['samples']:,} labelled",
        f"{result['non_digits']:,} no digits",
        f"{result['skipped']:,} skipped",
        f"{result['open']:,} open",
    ]
    console = render.console()
    console.print(", ".join(counts), markup=False)
    for table in result["tables"]:
        console.print(f"written: {table}", markup=False)
    if result["labelled"]:
        folder = shlex.quote(result["folder"])
        console.print(f"next: edge-hdr adapt --samples {folder}", markup=False)
