"""Check a payload whole before anything of it runs: who signed it, and what Python would start.

    python3 -P -m edge_hdr_device.install.vouching --keys FILE PAYLOAD…

The signature covers the members, not the program that starts the payload. So that program must be
the one in the signed device package, to the byte, and the archive must have nothing else that
Python would take for it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.install import trust
from edge_hdr_device.install.archive import Archive
from edge_hdr_device.install.index import INDEX, MEMBERS, RUNTIME, SIGNATURE, PayloadError

PROGRAM = "__main__.py"
_BOOTSTRAP = "edge_hdr_device/install/bootstrap.py"


def vouch(payloads: Sequence[Path], keys: Sequence[trust.PublicKey]) -> trust.PublicKey | None:
    """Find out whether running a payload runs only what a trusted key has signed.

    Args:
        payloads: the archives; the first is the one to run.
        keys: that the board trusts.

    Returns:
        The key that signed it; None for a board that trusts everyone.

    Raises:
        PayloadError: it does not, or it is damaged.
    """
    with Archive(payloads) as archive:
        signer = trust.check(archive.index_bytes, archive.signature, keys)
        if signer is not None:
            for path in payloads:
                _check_names(path, archive)
            _check_program(payloads[0], _signed_program(archive))
    return signer


def _check_names(path: Path, archive: Archive) -> None:
    """Refuse what a payload has no need of, and what is there twice."""
    known = {PROGRAM, INDEX, SIGNATURE, *(MEMBERS + name for name in archive.index.members)}
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
    for name in names:
        if name not in known or names.count(name) > 1:
            raise PayloadError(
                f"{path} has an entry {name!r} that no payload has", hint="do not run it"
            )


def _signed_program(archive: Archive) -> bytes:
    if not archive.has(RUNTIME):  # a thin payload is started by the package that is here
        return resources.files(__package__).joinpath("bootstrap.py").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / RUNTIME
        archive.extract(RUNTIME, package)
        try:
            with zipfile.ZipFile(package) as file:
                return file.read(_BOOTSTRAP)
        except (zipfile.BadZipFile, KeyError) as error:
            raise PayloadError(
                f"the device package in the payload cannot be read: {error}", hint="bundle it again"
            ) from error


def _check_program(path: Path, expected: bytes) -> None:
    with zipfile.ZipFile(path) as file:
        found = file.read(PROGRAM) if PROGRAM in file.namelist() else b""
    if found != expected:
        raise PayloadError(
            f"{path} starts with a program that was not signed",
            hint=f"do not run it; edge-hdr-device install {path} runs nothing of it unchecked",
        )


def main(words: Sequence[str]) -> int:
    """Check as the arguments say; give the exit code."""
    from edge_hdr_device.cli import render

    parser = argparse.ArgumentParser(prog="vouching", description="Check a payload.")
    parser.add_argument("--keys", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("payloads", type=Path, nargs="+", metavar="PAYLOAD")
    options = parser.parse_args(words)
    try:
        vouch(options.payloads, trust.load(options.keys))
    except EdgeHdrError as error:
        render.emit_error(error, command="install", as_json=options.json)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
