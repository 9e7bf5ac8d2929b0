"""`edge-hdr keygen`: the key that signs payloads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.errors import UsageError


def keygen(
    file: Path = typer.Argument(..., metavar="FILE", help="Where the private key goes."),
    comment: str = typer.Option("edge-hdr", "--comment", help="Tells the key apart from others."),
    no_passphrase: bool = typer.Option(
        False, "--no-passphrase", help="Ask for none; without a terminal none is asked for."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Make an Ed25519 key that signs payloads: FILE for you alone, FILE.pub for the boards.

    A board that was given FILE.pub installs nothing that this key has not signed. An Ed25519 key of
    OpenSSH's serves as well.
    """
    from edge_hdr import signing

    signing.check_free(file)
    passphrase = "" if no_passphrase or not sys.stdin.isatty() else _new_passphrase()
    key = signing.create(file, passphrase=passphrase, comment=comment)
    data = {
        "file": str(file),
        "public_file": str(signing.public_path(file)),
        "public": key.public,
        "fingerprint": key.fingerprint,
        "protected": bool(passphrase),
    }
    render.emit(command="keygen", data=data, human=lambda: _show(data), as_json=json)


def _new_passphrase() -> str:
    from getpass import getpass

    first = getpass("passphrase for the key (empty for none): ", stream=sys.stderr)
    if first != getpass("the same again: ", stream=sys.stderr):
        raise UsageError("the two passphrases differ", hint="run the same command again")
    return first


def _show(data: dict[str, Any]) -> None:
    import shlex

    file, public = shlex.quote(data["file"]), shlex.quote(data["public_file"])
    protection = "protected by its passphrase" if data["protected"] else "without a passphrase"
    lines = [
        f"private key  {data['file']}  ({protection}; it stays here)",
        f"public key   {data['public_file']}  {data['fingerprint']}",
        f"a board that shall trust it: edge-hdr deploy TARGET --sign {file} --trust {public}",
    ]
    render.console().print("\n".join(lines), markup=False)
