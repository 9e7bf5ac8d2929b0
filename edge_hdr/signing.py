"""Sign payloads: Ed25519 keys in OpenSSH's own files, made here or by OpenSSH."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr.errors import DependencyError, InputError, StorageError
from edge_hdr_device.install import trust
from edge_hdr_device.storage import storage_error

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

COMMENT = "edge-hdr"
_BEGIN, _END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"
_MAX_BYTES = 1 << 16
_MAKE = "make a key: edge-hdr keygen FILE"
_KINDS = {
    "ssh-rsa": "an RSA key",
    "ssh-dss": "a DSA key",
    "sk-ssh-ed25519@openssh.com": "a key of a hardware token",
    "sk-ecdsa-sha2-nistp256@openssh.com": "a key of a hardware token",
}


class SigningKeyError(InputError):
    """A file is no key that can sign payloads, or its passphrase is missing or wrong."""

    code = "signing-key"


@dataclass(frozen=True)
class SigningKey:
    """A key that signs payloads; its private part is never shown.

    Attributes:
        public: its line for a board's trusted keys.
    """

    public: str
    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Give the public key's hash as OpenSSH shows it."""
        return trust.PublicKey.parse(self.public).fingerprint

    def sign(self, message: bytes) -> str:
        """Give the line that goes with a message: kind, public key and signature."""
        kind, blob, *_ = self.public.split()
        return f"{kind} {blob} {base64.b64encode(self._private.sign(message)).decode()}"


def create(path: Path, *, passphrase: str = "", comment: str = COMMENT) -> SigningKey:
    """Make a key and write it, the private one for its owner's eyes alone.

    Args:
        path: of the private key; `path` with `.pub` added is the public one.
        passphrase: protects the private key; none when empty.
        comment: one line that tells keys apart.

    Raises:
        StorageError: one of the files exists, or cannot be written; then neither is there.
        DependencyError: the extra `deploy` is not installed.
    """
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    check_free(path)
    private = Ed25519PrivateKey.generate()
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    try:
        content = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection
        )
    except UnsupportedAlgorithm as error:
        raise _lacks_bcrypt() from error
    key = SigningKey(_public_line(private, " ".join(comment.split())), private)
    _write_new(path, content, 0o600)
    try:
        _write_new(public_path(path), f"{key.public}\n".encode(), 0o644)
    except BaseException:
        path.unlink()  # nobody has it yet, and half a pair would bar the way
        raise
    return key


def load(path: Path, passphrase: Callable[[], str] | None = None) -> SigningKey:
    """Read a private key.

    Args:
        path: an Ed25519 key in OpenSSH's format.
        passphrase: asked once, and only for a key that has one.

    Raises:
        SigningKeyError: no such file, another kind of key, or its passphrase is missing or wrong.
        DependencyError: the extra `deploy` is not installed.
    """
    content = _read(path)
    kind, encrypted = _described(path, content)
    if kind != trust.KIND:
        raise SigningKeyError(
            f"{path} is {_KINDS.get(kind, f'a key of the kind {kind}')}, "
            "and payloads are signed by Ed25519 keys",
            hint=_MAKE,
        )
    if encrypted and passphrase is None:
        raise SigningKeyError(
            f"{path} is protected by a passphrase",
            hint="run it in a terminal, where the passphrase is asked for",
        )
    secret = passphrase() if encrypted and passphrase else ""
    private = _opened(path, content, secret.encode() if encrypted else None)
    return SigningKey(_public_line(private, COMMENT), private)


def public_path(path: Path) -> Path:
    """Give the place of a private key's public part."""
    return path.with_name(f"{path.name}.pub")


def check_free(path: Path) -> None:
    """Make sure that a new key overwrites nothing.

    Raises:
        StorageError: the file of the private or of the public key exists.
    """
    for taken in (path, public_path(path)):
        if os.path.lexists(taken):
            raise StorageError(f"{taken} exists", hint="name another file; keys stay as they are")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise SigningKeyError(
            f"cannot read the key {path}: {error.strerror}", hint=f"check the path, or {_MAKE}"
        ) from error


def _described(path: Path, content: bytes) -> tuple[str, bool]:
    """Give the kind of a private key and whether it has a passphrase, both without opening it."""
    text = content.decode("ascii", errors="replace").strip()
    if text.startswith(("ssh-", "ecdsa-", "sk-")):
        raise SigningKeyError(
            f"{path} is a public key; the private one signs",
            hint=f"name {path.with_suffix('')}" if path.suffix == ".pub" else _MAKE,
        )
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        raise SigningKeyError(f"{path} is no private key in OpenSSH's format", hint=_MAKE)
    try:
        body = base64.b64decode("".join(text.split("\n")[1:-1]), validate=False)
        if not body.startswith(_MAGIC):
            raise ValueError("no magic")
        cipher, public = _outside(body[len(_MAGIC) :])
        kind = next(_strings(public)).decode("ascii")
    except (ValueError, binascii.Error, StopIteration) as error:
        raise SigningKeyError(f"{path} is damaged", hint="restore it from a copy") from error
    return kind, cipher != b"none"


def _outside(body: bytes) -> tuple[bytes, bytes]:
    """Give what a key file tells without a passphrase: its cipher and the first public key.

    Source: OpenSSH's PROTOCOL.key: cipher, derivation and its options, a count, public keys.
    """
    strings = _strings(body)
    head = [next(strings) for _ in range(3)]
    keys = body[sum(4 + len(item) for item in head) + 4 :]
    return head[0], next(_strings(keys))


def _strings(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 4 + length > len(data):
            raise ValueError("truncated")
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def _opened(path: Path, content: bytes, passphrase: bytes | None) -> Ed25519PrivateKey:
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        private = load_ssh_private_key(content, passphrase)
    except UnsupportedAlgorithm as error:
        if "bcrypt" in str(error):
            raise _lacks_bcrypt() from error
        raise SigningKeyError(f"{path}: {error}", hint=_MAKE) from error
    except (ValueError, TypeError) as error:
        if passphrase is not None:
            raise SigningKeyError(
                f"the passphrase does not open {path}", hint="run the same command again"
            ) from error
        raise SigningKeyError(f"{path} is damaged", hint="restore it from a copy") from error
    if not isinstance(private, Ed25519PrivateKey):  # its outside says otherwise
        raise SigningKeyError(f"{path} is damaged", hint="restore it from a copy")
    return private


def _public_line(private: Ed25519PrivateKey, comment: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return f"{public.decode()} {comment}".rstrip()


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.chmod(mode)
            os.link(part, path)  # unlike a rename it overwrites nothing
        finally:
            part.unlink()
    except FileExistsError as error:
        raise StorageError(
            f"{path} exists", hint="name another file; keys stay as they are"
        ) from error
    except OSError as error:
        raise storage_error(path, error) from error


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "signing needs the package cryptography", hint="pip install 'edge-hdr[deploy]'"
        ) from error


def _lacks_bcrypt() -> DependencyError:
    return DependencyError(
        "keys with a passphrase need the package bcrypt", hint="pip install 'edge-hdr[deploy]'"
    )
