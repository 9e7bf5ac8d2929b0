"""Who may say what runs on a board: the public keys that it trusts, and their signatures.

A board without keys takes every payload. One with keys takes only payloads whose index was signed
by one of them; the index has the hash of every member.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.install import ed25519
from edge_hdr_device.install.index import PayloadError

KIND = "ssh-ed25519"
_PREFIX = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"  # of the blob: two lengths and the kind
_SIGN = "edge-hdr bundle --sign KEY"


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key.

    Attributes:
        key: 32 bytes.
        comment: what its owner calls it; may be empty.
    """

    key: bytes
    comment: str = ""

    @classmethod
    def parse(cls, line: str) -> PublicKey:
        """Read a key as `.pub` files and authorized_keys have it: kind, key, comment.

        Raises:
            ConfigError: it is another kind of key, damaged, or has options before it.
        """
        kind, _, rest = line.strip().partition(" ")
        blob, _, comment = rest.strip().partition(" ")
        if kind != KIND:
            raise ConfigError(
                f"{kind[:40]!r} is no key that payloads are signed with",
                hint=f"only {KIND} keys, without options: edge-hdr keygen FILE makes one",
            )
        return cls(_key(blob), comment.strip())

    @property
    def blob(self) -> bytes:
        """Give it as OpenSSH encodes it."""
        return _PREFIX + self.key

    @property
    def fingerprint(self) -> str:
        """Give its hash as OpenSSH shows it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"

    @property
    def named(self) -> str:
        """Give its fingerprint, and what its owner calls it."""
        return f"{self.fingerprint} ({self.comment})" if self.comment else self.fingerprint


def load(path: Path) -> tuple[PublicKey, ...]:
    """Read a board's trusted keys; none where there is no such file.

    Raises:
        ConfigError: a line is no key, or the file has none or cannot be read. Nothing is taken then
            for a board that trusts everyone.
    """
    if not os.path.lexists(path):
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"cannot read the trusted keys in {path}: {error}", hint="repair that file"
        ) from error
    keys = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                keys.append(PublicKey.parse(line))
            except ConfigError as error:
                raise ConfigError(
                    f"{path}, line {number}: {error.message}", hint=error.hint
                ) from error
    if not keys:
        raise ConfigError(
            f"{path} has no key", hint=f"add one, or trust every payload again: rm {path}"
        )
    return tuple(keys)


def check(index: bytes, signature: str | None, keys: Sequence[PublicKey]) -> PublicKey | None:
    """Find out whether a payload may be installed.

    Args:
        index: the payload's index, byte by byte.
        signature: the line that goes with it; None for an unsigned payload.
        keys: that the board trusts.

    Returns:
        The key that signed it; None for a board that trusts everyone.

    Raises:
        PayloadError: it is not signed, or not by one of the keys, or was changed since.
    """
    if not keys:
        return None
    if signature is None:
        raise PayloadError(
            "the payload is not signed, and this board takes only signed ones", hint=_SIGN
        )
    signer, sealed = _parse(signature)
    trusted = next((key for key in keys if key.key == signer.key), None)
    if trusted is None:
        raise PayloadError(
            f"the payload is signed by {signer.fingerprint}, which this board does not trust",
            hint=f"it trusts {', '.join(key.named for key in keys)}",
        )
    if not ed25519.verify(trusted.key, index, sealed):
        raise PayloadError(
            f"the payload's signature by {trusted.fingerprint} is wrong: it was changed since",
            hint=f"bundle it again: {_SIGN}",
        )
    return trusted


def signer_of(signature: str) -> PublicKey:
    """Give the key that a payload says to be signed by; nothing is checked.

    Raises:
        PayloadError: its signature cannot be read.
    """
    return _parse(signature)[0]


def _key(blob: str) -> bytes:
    try:
        decoded = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"a key is damaged: {error}", hint="copy it again") from error
    key = decoded.removeprefix(_PREFIX)
    if len(key) != ed25519.KEY_BYTES or decoded == key:
        raise ConfigError("a key is damaged: it has another length or kind", hint="copy it again")
    return key


def _parse(line: str) -> tuple[PublicKey, bytes]:
    try:
        kind, blob, sealed = line.split()
        key = PublicKey.parse(f"{kind} {blob}")
        return key, base64.b64decode(sealed, validate=True)
    except (ValueError, ConfigError) as error:
        raise PayloadError(
            "the payload's signature cannot be read", hint=f"bundle it again: {_SIGN}"
        ) from error
