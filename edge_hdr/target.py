"""Where a board is: what a person writes, taken apart without asking anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from edge_hdr.errors import UsageError

LOCAL = "local:"
SCHEME = "ssh://"
FORMS = (
    "pi@host, pi@host:2222, ssh://pi@host:2222, pi@[fe80::1%eth0]:2222, a name from the ssh "
    "configuration, or local: for this machine"
)
_USER = re.compile(r"[^\W_][\w.+-]*\$?|_[\w.+-]*")
_HOST = re.compile(r"\w[\w.+-]*")
_PORT = re.compile(r"[0-9]{1,5}")
_ZONE = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Target:
    """A board, or this machine.

    Attributes:
        user: to log in as; empty leaves it to the ssh configuration.
        host: a name, an address, or a name from the ssh configuration; empty is this machine.
        port: None leaves it to the ssh configuration.
    """

    user: str = ""
    host: str = ""
    port: int | None = None

    @property
    def is_local(self) -> bool:
        """Tell whether it is this machine, without any connection."""
        return not self.host

    @classmethod
    def parse(cls, text: str) -> Target:
        """Take apart what a person writes.

        An IPv6 address stands in brackets, so that its last colon is no port's. Nothing that
        begins with "-" passes: the ssh client would take it for an option.

        Raises:
            UsageError: none of the accepted forms.
        """
        if text == LOCAL:
            return cls()
        rest = text.removeprefix(SCHEME)
        is_address = rest != text
        if is_address:
            rest = rest.removesuffix("/").replace("%25", "%")
        user, at, place = rest.rpartition("@")
        if ":" in user:  # it may be a password, which nothing may repeat
            raise UsageError("the target's user has a colon in it", hint=_hint("no password"))
        if at and not _USER.fullmatch(user):
            raise _unusable(text, f"{user!r} is no user" if user else "there is no user before @")
        host, port = _split_port(text, place)
        return cls(user, host, port)

    def __str__(self) -> str:
        if self.is_local:
            return LOCAL
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.user}@{host}{port}" if self.user else f"{host}{port}"


def _split_port(text: str, place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        address, closed, after = place[1:].partition("]")
        if not closed or (after and not after.startswith(":")) or not _is_ipv6(address):
            raise _unusable(text, f"{place!r} is no IPv6 address in brackets")
        return address, _port(text, after[1:]) if after else None
    if place.count(":") > 1:
        raise _unusable(text, f"write the IPv6 address in brackets, as [{place}]")
    host, colon, port = place.partition(":")
    if not host:
        raise _unusable(text, "there is no host")
    if not _HOST.fullmatch(host):
        raise _unusable(text, f"{host!r} is no host")
    return host, _port(text, port) if colon else None


def _is_ipv6(address: str) -> bool:
    bare, percent, zone = address.partition("%")
    try:
        IPv6Address(bare)
    except AddressValueError:
        return False
    return not percent or bool(_ZONE.fullmatch(zone))


def _port(text: str, digits: str) -> int:
    if not _PORT.fullmatch(digits) or not 1 <= int(digits) <= 65535:
        raise _unusable(text, f"{digits!r} is no port" if digits else "there is no port after ':'")
    return int(digits)


def _unusable(text: str, why: str) -> UsageError:
    return UsageError(f"the target {text!r} cannot be used: {why}", hint=_hint())


def _hint(besides: str = "") -> str:
    return f"{besides + '; ' if besides else ''}write {FORMS}"
