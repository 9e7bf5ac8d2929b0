"""What the ssh client says when it cannot connect, what that means, and what to do about it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from edge_hdr.errors import ConfigError, DeviceStepError, EdgeHdrError, UnreachableError
from edge_hdr.target import Target

LOST = "the connection to {target} was lost"
AFTER_LOSS = "look at the board's power and network, then run the same command again"
_NOISE = re.compile(r"@|Warning: Permanently added |no such identity: |\s*$")
_FINGERPRINT = re.compile(r"key sent by the remote host is\s+(\S+?)\.?\s")
_OFFENDING = re.compile(r"Offending \S+ key in (.+):\d+\s*$", re.MULTILINE)
_CHANGED = re.compile(r"Host key for (\S+) has changed")
_METHODS = re.compile(r"Permission denied \(([^)]*)\)")


@dataclass(frozen=True)
class Case:
    """Words of the client and what they mean.

    Attributes:
        words: a pattern, found anywhere in what it said.
        what: begins the message; {target} is where to.
        hint: from the target and all that it said.
        kind: of the error.
    """

    words: str
    what: str
    hint: Callable[[Target, str], str]
    kind: type[EdgeHdrError] = UnreachableError


def translate(said: str, target: Target) -> EdgeHdrError:
    """Make an error of what the client said before it gave up.

    Args:
        said: all of it, several lines.
        target: where it was to connect to.
    """
    last = last_words(said)
    for case in CASES:
        if re.search(case.words, said):
            message = case.what.format(target=target)
            hint = case.hint(target, said)
            return case.kind(f"{message}: {last}" if last else message, hint=hint)
    return UnreachableError(
        f"no connection to {target}: {last or 'it ended without a word'}",
        hint=f"try it by hand: {by_hand(target)}",
    )


def last_words(said: str) -> str:
    """Give the client's own last line; empty where it complains of nothing."""
    lines = [line.strip() for line in said.splitlines() if not _NOISE.match(line)]
    return lines[-1] if lines else ""


def by_hand(target: Target, program: str = "ssh ") -> str:
    """Give the command that a person connects with, or another program that takes the same."""
    port = () if target.port is None else ("-p", str(target.port))
    host = f"{target.user}@{target.host}" if target.user else target.host
    return program + shlex.join([*port, host])


def _key_changed(target: Target, said: str) -> str:
    fingerprint = _FINGERPRINT.search(said)
    offending, named = _OFFENDING.search(said), _CHANGED.search(said)
    host = named[1] if named else target.host
    file = shlex.join(["-f", offending[1]]) + " " if offending else ""
    remove = f"ssh-keygen {file}-R {shlex.quote(host)}"
    shown = f" ({fingerprint[1]})" if fingerprint else ""
    return (
        f"compare this fingerprint{shown} at the board: ssh-keygen -lf "
        f"/etc/ssh/ssh_host_ed25519_key.pub; only if it is the same, remove the old key: {remove}"
    )


def _key_unknown(target: Target, said: str) -> str:
    return (
        f"{by_hand(target)} shows the key's fingerprint: compare it at the board and say yes; "
        "or trust the first contact by --accept-new-host-key"
    )


def _denied(target: Target, said: str) -> str:
    found = _METHODS.search(said)
    methods = found[1] if found else ""
    user = f"is {target.user} the user there?" if target.user else "name the user, as pi@host;"
    copy = f"{user} bring your key there: {by_hand(target, 'ssh-copy-id ')}"
    if "UNPROTECTED PRIVATE KEY" in said:
        return "the key's file is for others to read, so it is not used: chmod 600 that file"
    if "password" in methods or "keyboard-interactive" in methods:
        return f"{copy}; or run this in a terminal, where the password can be asked for"
    return copy


def _agent(target: Target, said: str) -> str:
    return "ssh-add -l shows what the agent has; unlock it or confirm there, touch a hardware key"


def _too_many(target: Target, said: str) -> str:
    return (
        f"the agent offers many keys: in ~/.ssh/config, under Host {target.host}, name one by "
        "IdentityFile and set IdentitiesOnly yes"
    )


def _name(target: Target, said: str) -> str:
    if target.host.endswith(".local"):
        return (
            "names in .local need mDNS here (libnss-mdns) and there (avahi-daemon), in one "
            "network; else give the board's address"
        )
    return "is the name right, and the board on? else try its name with .local, or its address"


def _refused(target: Target, said: str) -> str:
    port = target.port or 22
    return f"is ssh on there (sudo raspi-config, Interface Options), and at port {port}?"


def _silent(target: Target, said: str) -> str:
    return "is the board on, in this network, and the address right? a first boot takes minutes"


def _no_route(target: Target, said: str) -> str:
    return "is this computer in the board's network, and the address right?"


def _banner(target: Target, said: str) -> str:
    port = target.port or 22
    return f"is it ssh that listens at port {port}? it may be starting or busy: try in a minute"


def _algorithms(target: Target, said: str) -> str:
    return "one of both ends is very old: update its OpenSSH"


def _configuration(target: Target, said: str) -> str:
    return "repair the ssh configuration; EDGE_HDR_SSH_CONFIG=FILE names another one"


def _sessions(target: Target, said: str) -> str:
    return "its sshd allows no command here: look at MaxSessions and ForceCommand there"


def _lost(target: Target, said: str) -> str:
    return AFTER_LOSS


# The first that fits counts, so what is exact comes before what follows from it.
CASES = (
    Case(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S+ has changed",
        "THE HOST KEY OF {target} HAS CHANGED, it may be another machine",
        _key_changed,
    ),
    Case(
        r"Host key verification failed|host key is known for|Host key is not trusted",
        "the host key of {target} is not known here",
        _key_unknown,
    ),
    Case(
        r"Bad configuration option|terminating, \d+ bad|Can't open user config|Bad owner or perm"
        r"|[Bb]ad number|unsupported option|keyword .* extra arguments|missing argument",
        "the ssh configuration cannot be used",
        _configuration,
        ConfigError,
    ),
    Case(r"agent refused operation", "the ssh agent did not sign for {target}", _agent),
    Case(r"Too many authentication failures", "{target} took none of the keys", _too_many),
    Case(r"Permission denied", "{target} does not let this user in", _denied),
    Case(r"Could not resolve hostname", "no host of the name {target} was found", _name),
    Case(r"[Cc]onnection refused", "{target} refuses the connection", _refused),
    Case(
        r"Network is unreachable|No route to host|Host is (down|unreachable)",
        "there is no way to {target}",
        _no_route,
    ),
    Case(
        r"[Cc]onnection timed out|Operation timed out|connect to .* port \d+ timed out",
        "{target} does not answer",
        _silent,
    ),
    Case(
        r"kex_exchange_identification|banner|Bad packet length"
        r"|Connection (closed|reset) by \S+ port",
        "{target} broke the connection off before the login",
        _banner,
    ),
    Case(
        r"Unable to negotiate|no matching .* found",
        "this computer and {target} have no cipher in common",
        _algorithms,
    ),
    Case(
        r"Session open refused|administratively prohibited|(shell|exec) request failed",
        "{target} starts no session",
        _sessions,
        DeviceStepError,
    ),
    Case(
        r"Timeout, server|closed by remote host|Broken pipe|Connection reset|mux_client|send "
        r"disconnect|master",
        LOST,
        _lost,
    ),
)
