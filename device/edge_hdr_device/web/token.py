"""The token that opens the page: made once, shown once, kept only as a hash."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import shlex
from pathlib import Path

from edge_hdr_device.errors import ConfigError, StorageError
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.storage import write_atomic

FILE = "web-token"  # in the state folder
# for visitors, who are not told where files are
MAKE_HINT = "make a token: edge-hdr-device token --token-file FILE"
REMAKE_HINT = "who has lost it makes another: edge-hdr-device token --force --token-file FILE"
_RANDOM_BYTES = 24
_STORED = re.compile(r"sha256:([0-9a-f]{64})")


def make_token(file: Path, *, force: bool = False) -> str:
    """Make a token and keep its hash in a file that only its owner can read.

    Args:
        file: where the hash goes; its folder is made when missing.
        force: replace an earlier token, which then opens nothing any more.

    Returns:
        The token, 32 characters of A–Z a–z 0–9 - _; it cannot be had again.

    Raises:
        StorageError: there is a token already, or the file cannot be written.
    """
    if _is_there(file) and not force:
        raise StorageError(
            f"there is a token already: {file}",
            hint=f"{make_hint(file, force=True)}; the old one then opens nothing any more",
        )
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    write_atomic(file, f"sha256:{hash_of(token)}\n", mode=0o600)
    return token


def make_hint(file: Path, *, force: bool = False) -> str:
    """Phrase the command that makes the token of a file; by force, where there is one."""
    start, flag = ("make a new token", " --force") if force else ("make a token", "")
    return f"{start}: edge-hdr-device token{flag} --token-file {shlex.quote(str(file))}"


def load_hash(file: Path) -> str:
    """Read what `make_token` kept.

    Raises:
        ConfigError: the file is missing, cannot be read or holds something else.
    """
    try:
        stored = _STORED.fullmatch(file.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise ConfigError(f"there is no token: {file}", hint=make_hint(file)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"cannot read the token's hash in {file}: {reason}",
            hint=f"give it to the user that runs this, or {make_hint(file, force=True)}",
        ) from error
    if not stored:
        raise ConfigError(f"{file} holds no token's hash", hint=make_hint(file, force=True))
    return stored[1]


def find_hash(config: WebConfig, state: Path) -> str | None:
    """Give the hash of the token that the page asks for, None where it asks for none.

    Args:
        config: names the file, or takes the usual one.
        state: folder of the usual one.

    Raises:
        ConfigError: see `load_hash` and `check_exposure`; a file that is named must be there.
    """
    file = Path(config.token_file).expanduser() if config.token_file else state / FILE
    token_hash = load_hash(file) if config.token_file or _is_there(file) else None
    check_exposure(config, token_hash, file)
    return token_hash


def check_exposure(config: WebConfig, token_hash: str | None, file: Path) -> None:
    """Refuse to serve other machines without a token.

    Args:
        config: its host is the address.
        token_hash: None without a token.
        file: where a token was looked for.

    Raises:
        ConfigError: the address is not this machine's own and there is no token.
    """
    if token_hash is None and not is_loopback(config.host):
        raise ConfigError(
            f"the page on {config.host} could be opened by anyone in the network",
            hint=f"{make_hint(file)}; or serve only 127.0.0.1",
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address reaches this machine from itself alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name could mean any address
        return False


def session_of(token: str) -> str:
    """Derive what the browser keeps in place of the token."""
    return hashlib.sha256(b"edge-hdr session\0" + token.encode(errors="replace")).hexdigest()


def hash_of(token: str) -> str:
    """Derive what the device keeps: from it neither the token nor the session can be had."""
    return hashlib.sha256(session_of(token).encode()).hexdigest()


def opens(session: str, token_hash: str) -> bool:
    """Tell in constant time whether a session is that of the token."""
    found = hashlib.sha256(session.encode(errors="replace")).hexdigest()
    return hmac.compare_digest(found, token_hash)


def _is_there(file: Path) -> bool:
    """Tell whether a file exists; one that we may not look at does."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
