"""Who we are to a broker, and how we know that it is the right one."""

from __future__ import annotations

import os
import shlex
import ssl
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import ConfigError, nearest
from edge_hdr_device.settings import MqttConfig

KEYS = ("username", "password")
EXAMPLE = 'it should hold the lines username = "…" and password = "…"'


@dataclass(frozen=True, repr=False)
class Credentials:
    """A user name and password, which never show in a log.

    Attributes:
        username: as the broker knows it.
        password: empty where the name is all that the broker wants.
    """

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(username='***', password='***')"


def read_credentials(path: Path) -> Credentials:
    """Read the file that `[mqtt] credentials` names.

    Raises:
        ConfigError: it is missing, others than its owner can read it, or it is not as it should be.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except OSError as error:
        raise ConfigError(
            f"the credentials file {path} cannot be read: {error.strerror}",
            hint="[mqtt] credentials names a file that the service's user owns",
        ) from error
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            f"the credentials file {path} can be used by others than its owner",
            hint=f"chmod 600 {shlex.quote(str(path))}",
        )
    return _parse(path, data)


def _parse(path: Path, data: bytes) -> Credentials:
    try:
        values: dict[str, Any] = tomllib.loads(data.decode())
    except ValueError:  # `from None`: the error holds the text, and so the password
        raise ConfigError(f"{path} is no TOML file", hint=EXAMPLE) from None
    for key, value in values.items():
        if key not in KEYS:
            raise ConfigError(f"{path} has an unknown key", hint=nearest(key, KEYS))
        if not isinstance(value, str):
            raise ConfigError(f"{key} in {path} is no text in quotes", hint=EXAMPLE)
    if not values.get("username"):
        raise ConfigError(f"{path} names no user", hint=EXAMPLE)
    return Credentials(values["username"], values.get("password", ""))


def tls_reason(error: ssl.SSLError) -> str:
    """Give OpenSSL's word for what went wrong, as WRONG_VERSION_NUMBER."""
    return str(getattr(error, "reason", None) or error)


class _TlsSocket(ssl.SSLSocket):
    """A socket that does not stay open when the handshake fails."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def tls_context(config: MqttConfig) -> ssl.SSLContext | None:
    """Make what encrypts the connection and checks the broker's certificate and name.

    Returns:
        None without TLS.

    Raises:
        ConfigError: a file of the authority, our certificate or our key cannot be used.
    """
    files = {"ca": config.ca, "cert": config.cert, "key": config.key}
    named = [name for name, path in files.items() if path]
    if not config.tls:
        if named:
            raise ConfigError(f"[mqtt] {named[0]} is given, but tls is off", hint="tls = true")
        return None
    if config.key and not config.cert:
        raise ConfigError("[mqtt] key is given without cert", hint="name our certificate as cert")
    for name in named:
        _check_readable(name, Path(files[name]))
    try:
        context = ssl.create_default_context(cafile=config.ca or None)
    except ssl.SSLError as error:
        raise ConfigError(
            f"[mqtt] ca, {config.ca}, holds no usable certificate: {tls_reason(error)}",
            hint="it should be a PEM file, with BEGIN CERTIFICATE in it",
        ) from error
    context.sslsocket_class = _TlsSocket
    # Python 3.13 is stricter, and refuses authorities that were made as mosquitto's manual says
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.cert:
        _load_own(context, config)
    return context


def _check_readable(name: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(
            f"[mqtt] {name}, {path}, cannot be read: {error.strerror}",
            hint="the service's user needs to be allowed to read it",
        ) from error


def _load_own(context: ssl.SSLContext, config: MqttConfig) -> None:
    try:  # a password is given because a key that wants one would be asked for at the terminal
        context.load_cert_chain(config.cert, config.key or None, password="-")  # noqa: S106
    except ssl.SSLError as error:
        raise ConfigError(
            f"[mqtt] cert and key cannot be used together: {tls_reason(error)}",
            hint="they should be PEM files that belong together, the key without a passphrase",
        ) from error
