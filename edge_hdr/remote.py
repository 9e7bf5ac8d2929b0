"""The edge-hdr that is installed on a board: find it, run its commands, take their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from edge_hdr.errors import (
    CheckFailedError,
    DeviceStepError,
    EdgeHdrError,
    InputError,
    UnreachableError,
    UsageError,
)

if TYPE_CHECKING:
    from edge_hdr.transport import Completed, Connection

ANSWER_S = 60.0
SYSTEM_BASE = "/opt/edge-hdr"
# Root's installation where we may be root; else the user's own; else root's, to look at.
FIND = f"""\
if [ "$(id -u)" = 0 ]; then root=root
elif sudo -n true 2>/dev/null; then root=free
else root=none; fi
own="$HOME/.local/share/edge-hdr"
if [ "$root" = none ]; then set -- "$own" {SYSTEM_BASE}; else set -- {SYSTEM_BASE} "$own"; fi
for base in "$@"; do
  if [ -e "$base/current/bin/edge-hdr-device" ]; then
    echo "$base"
    id -u
    echo "$root"
    exit 0
  fi
done
"""
AS_ROOT = ("sudo", "-n", "--")


class NotInstalledError(DeviceStepError):
    """A board has no edge-hdr that runs."""

    code = "not-installed"


@dataclass(frozen=True)
class Installed:
    """An edge-hdr on a board.

    Attributes:
        base: folder of its releases.
        mode: whose it is: root's ("system") or the user's that we log in as.
        becomes_root: words that make a command root's there; empty where it is that already.
        may_be_root: whether those words work without a password.
    """

    base: str
    mode: Literal["system", "user"]
    becomes_root: tuple[str, ...]
    may_be_root: bool

    def command(self, *words: str) -> tuple[str, ...]:
        """Give the argv of one of its commands, with the rights that we have."""
        return (f"{self.base}/current/bin/edge-hdr-device", *words)

    def as_owner(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Give an argv with the rights of whom the installation belongs to.

        Raises:
            DeviceStepError: it is root's, and we may not become root.
        """
        if self.mode == "user":
            return tuple(argv)
        if not self.may_be_root:
            raise DeviceStepError(
                "the board's installation is root's, and sudo there asks for a password",
                hint="log in as root or as a user with passwordless sudo",
            )
        return (*self.becomes_root, *argv)


def find(connection: Connection) -> Installed:
    """Find edge-hdr on a board, in one round trip.

    Raises:
        UnreachableError: the board does not answer.
        NotInstalledError: there is none.
    """
    lines = connection.run(("sh", "-c", FIND), timeout_s=ANSWER_S).stdout.decode().splitlines()
    if len(lines) != 3:
        raise NotInstalledError(
            f"there is no edge-hdr on {connection.target}",
            hint=f"edge-hdr deploy {connection.target}",
        )
    base, uid, root = lines
    return Installed(
        base=base,
        mode="system" if base == SYSTEM_BASE else "user",
        becomes_root=() if uid == "0" else AS_ROOT,
        may_be_root=root in {"root", "free"},
    )


def becomes_root(connection: Connection) -> tuple[str, ...] | None:
    """Give the words that make a command root's on a board; None where we may not."""
    script = 'if [ "$(id -u)" = 0 ]; then echo is; elif sudo -n true; then echo may; fi'
    said = connection.run(("sh", "-c", script), timeout_s=ANSWER_S, check=False).stdout.strip()
    return {b"is": (), b"may": AS_ROOT}.get(said)


def ask(
    connection: Connection, argv: Sequence[str], *, timeout_s: float = ANSWER_S
) -> dict[str, Any]:
    """Run a command of ours on a board and give the `data` of its JSON document.

    Args:
        connection: to the board.
        argv: a command that was given `--json`.
        timeout_s: it must end within.

    Raises:
        EdgeHdrError: what the command itself raised there, of the same exit code.
        DeviceStepError: it gave no document.
    """
    done = connection.run(tuple(argv), timeout_s=timeout_s, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    return answer(lines[-1] if lines else "", done, str(connection.target))


def stream(
    connection: Connection,
    argv: Sequence[str],
    on_line: Callable[[str], None],
    **options: Any,
) -> dict[str, Any]:
    """Run a command of ours that tells of its progress; see `ask`.

    Args:
        connection: to the board.
        argv: a command that was given `--events`.
        on_line: gets each line but the document's.
        options: of `Connection.stream`.
    """
    last = ""

    def take(line: str) -> None:
        nonlocal last
        if '"schema"' in line and '"ok"' in line:
            last = line
        else:
            on_line(line)

    done = connection.stream(tuple(argv), on_line=take, **options)
    return answer(last, done, str(connection.target))


def answer(line: str, done: Completed, target: str) -> dict[str, Any]:
    """Take a command's JSON document apart.

    Raises:
        EdgeHdrError: see `ask`.
    """
    try:
        document = json.loads(line)
        error = document["error"]
        data = document["data"]
    except (ValueError, KeyError, TypeError) as problem:
        said = (done.stderr.strip() or line).splitlines()[-3:]
        reason = "; ".join(said) or f"exit code {done.returncode}"
        raise DeviceStepError(
            f"{target} gave no answer: {reason}", hint="try again; edge-hdr doctor looks at it"
        ) from problem
    if error is not None:
        raise _raised(error, data, target)
    return dict(data or {})


def _raised(error: dict[str, Any], data: Any, target: str) -> EdgeHdrError:
    """Make the error that a board told of."""
    kinds: dict[int, type[EdgeHdrError]] = {
        kind.exit_code: kind
        for kind in (UsageError, InputError, UnreachableError, DeviceStepError, CheckFailedError)
    }
    kind = kinds.get(error.get("exit_code", 0), DeviceStepError)
    made = kind(f"{target.rstrip(':')}: {error.get('message', '')}", hint=error.get("hint") or "")
    made.code = error.get("code", made.code)
    made.data = data  # type: ignore[attr-defined]
    return made
