"""Who may sign what this board takes."""

from __future__ import annotations

import contextlib
from pathlib import Path

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.install import archive as archives
from edge_hdr_device.install import trust
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.storage import write_atomic


def find_signer(
    archive: archives.Archive, layout: Layout, added: Path | None
) -> tuple[trust.PublicKey | None, bool]:
    """Find out who signed a payload, and whether keys come with it that are new to this board.

    The first keys of a board must have signed the payload that they come with; later ones are only
    taken along with a payload that a key of the board has signed.

    Raises:
        PayloadError: the board has keys, and the payload is not signed by one of them.
    """
    known = trust.load(layout.trusted)
    new = trust.load(added) if added else ()
    if added and not new:
        raise ConfigError(f"there are no keys in {added}", hint="give a .pub of edge-hdr keygen")
    signer = trust.check(archive.index_bytes, archive.signature, known or new)
    have = {key.fingerprint for key in known}
    return signer, any(key.fingerprint not in have for key in new)


def add_keys(layout: Layout, added: Path) -> None:
    """Trust further keys from now on."""
    before = ""
    with contextlib.suppress(FileNotFoundError):
        before = layout.trusted.read_text(encoding="utf-8").rstrip() + "\n"
    write_atomic(layout.trusted, before.lstrip() + added.read_text(encoding="utf-8"))
