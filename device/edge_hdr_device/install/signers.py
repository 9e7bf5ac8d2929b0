"""Who may sign what this board takes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.install import archive as archives
from edge_hdr_device.install import trust
from edge_hdr_device.install.index import PayloadError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.storage import write_atomic


def find_signer(
    archive: archives.Archive,
    layout: Layout,
    added: Path | None,
    *,
    system: Layout | None = None,
) -> tuple[trust.PublicKey | None, bool]:
    """Find out who signed a payload, and whether keys come with it that are new to this board.

    The first keys of a board must have signed the payload that they come with; later ones are only
    taken along with a payload that a key of the board has signed.

    Args:
        archive: the payload.
        layout: where it is installed.
        added: file of keys that come with it.
        system: root's places.

    Raises:
        PayloadError: the board has keys, and the payload is not signed by one of them.
    """
    known = known_keys(layout, system=system)
    new = trust.load(added) if added else ()
    if added and not new:
        raise ConfigError(f"there are no keys in {added}", hint="give a .pub of edge-hdr keygen")
    signer = trust.check(archive.index_bytes, archive.signature, known or new)
    have = {key.fingerprint for key in known}
    return signer, any(key.fingerprint not in have for key in new)


def known_keys(layout: Layout, *, system: Layout | None = None) -> tuple[trust.PublicKey, ...]:
    """Give the keys that the board trusts: those of the installation, and for a user root's, too.

    Raises:
        ConfigError: a file of keys is damaged.
    """
    keys = trust.load(layout.trusted)
    roots = (system or Layout.system()).trusted
    if layout.mode == "user" and os.access(roots, os.R_OK):
        have = {key.key for key in keys}
        keys += tuple(key for key in trust.load(roots) if key.key not in have)
    return keys


def told_of(signature: str | None, signer: trust.PublicKey | None) -> str:
    """Say who signed a payload, and whether that was checked.

    Args:
        signature: the payload's; None for none.
        signer: the key that it was checked with; None where the board has no keys.
    """
    if signer:
        return f"signed by {signer.fingerprint}"
    if signature is None:
        return "not signed"
    try:
        said = f"signed by {trust.signer_of(signature).fingerprint}"
    except PayloadError:
        said = "its signature cannot be read"
    return f"{said}, no key here to check it with"


def add_keys(layout: Layout, added: Path) -> tuple[trust.PublicKey, ...]:
    """Trust further keys from now on; gives those that the installation did not have."""
    have = {key.key for key in trust.load(layout.trusted)}
    new = tuple(key for key in trust.load(added) if key.key not in have)
    before = ""
    with contextlib.suppress(FileNotFoundError):
        before = layout.trusted.read_text(encoding="utf-8").rstrip() + "\n"
    write_atomic(layout.trusted, before.lstrip() + added.read_text(encoding="utf-8"))
    return new
