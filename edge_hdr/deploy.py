"""Deploy to one board: send what it lacks, and let its installer do the rest."""

from __future__ import annotations

import getpass
import platform
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_hdr import remote
from edge_hdr.deploy_plan import Plan, Wish
from edge_hdr.errors import EdgeHdrError
from edge_hdr_device.install.steps import Progress, Tell

if TYPE_CHECKING:
    from edge_hdr.transport import Connection

PIECE_BYTES = 1 << 16
INSTALL_S = 3600.0  # an environment on a small board takes long; each wait within has its own limit
UNUSABLE = "payload"  # code of an error about what was sent, or about what the board had of it
IDLE_S = 900.0  # without a word from the installer
UPLOADS = "/var/tmp/edge-hdr"  # noqa: S108 - mktemp -d makes a private folder; /tmp may be memory
# The folder's name tells whose it is and which shell made it, so that what a cut left is swept.
RECEIVE = """\
set -eu
umask 077
mine={uploads}.$(id -u)
for old in "$mine".*; do
  shell=${{old#"$mine".}}
  [ ! -e "$old" ] || [ -d "/proc/${{shell%%.*}}" ] || rm -rf "$old"
done
folder=$(mktemp -d "$mine.$$.XXXXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP INT TERM
head -c {size} >"$folder/payload.pyz"
{trust}{root}python3 "$folder/payload.pyz" install "$folder/payload.pyz" {words}
"""


def carry_out(
    connection: Connection,
    plan: Plan,
    wish: Wish,
    tell: Tell,
    on_sent: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Send a plan's payload and have it installed.

    Args:
        connection: to the board.
        plan: of `make_plan`.
        wish: that the plan was made for.
        tell: hears of each step, those of the board's installer included.
        on_sent: gets the bytes sent so far and those to send.

    Returns:
        The installer's outcome, with `sent_bytes` and `took_s` as this side saw them.

    Raises:
        UnreachableError: the connection was lost; what ran before runs, or soon does again.
        EdgeHdrError: what the installer raised; what ran before runs.
    """
    start_s = time.monotonic()
    try:
        done = _send(connection, plan, wish, tell, on_sent)
    except EdgeHdrError as error:
        if not (plan.have and error.code == UNUSABLE):
            raise
        tell(Progress("send", "note", f"{error.message}: sending all of it"))
        done = _send(connection, replace(plan, have=frozenset()), wish, tell, on_sent)
    done["target"] = plan.target
    done["took_s"] = round(time.monotonic() - start_s, 2)
    return done


def _send(
    connection: Connection,
    plan: Plan,
    wish: Wish,
    tell: Tell,
    on_sent: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    content = plan.payload.thin(plan.have)
    size = len(content)
    tell(Progress("send", "begin", f"{size / 1e3:.0f} kB"))
    before = connection.sent_bytes
    sending = True

    def sent(count: int) -> None:
        nonlocal sending
        if on_sent:
            on_sent(min(count, size), size)
        if sending and count >= size:
            sending = False
            tell(Progress("send", "end", f"{size / 1e3:.0f} kB"))

    def line(text: str) -> None:
        if progress := Progress.from_line(text):
            tell(progress)

    done = remote.stream(
        connection,
        ("sh", "-c", _script(plan, wish, size)),
        line,
        send=_pieces(content, plan, wish),
        send_bytes=size,
        on_sent=sent,
        idle_s=IDLE_S,
        timeout_s=INSTALL_S,
    )
    return {**done, "sent_bytes": connection.sent_bytes - before}


def _pieces(content: bytes, plan: Plan, wish: Wish) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
    if wish.sudo_password is not None and plan.becomes_root:
        yield wish.sudo_password.encode() + b"\n"


def _script(plan: Plan, wish: Wish, size: int) -> str:
    words = ["--attended", "--events", "--json", "--by", f"{getpass.getuser()}@{platform.node()}"]
    words += ["--window", f"{wish.window_s:g}", "--keep", str(wish.keep)]
    words += ["--budget-ms", f"{wish.budget_ms:g}"]
    words += ["--user"] if plan.mode == "user" else []
    words += [] if wish.service else ["--no-service"]
    words += ["--force"] if wish.force else []
    trust = (
        f'printf %s {shlex.quote(wish.trust_text)} >"$folder/trust"\n' if wish.trust_text else ""
    )
    root = plan.becomes_root
    if root and wish.sudo_password is not None:
        root = ("sudo", "-S", "-p", "", "--")
    return RECEIVE.format(
        uploads=UPLOADS,
        size=size,
        root=f"{shlex.join(root)} " if root else "",
        trust=trust,
        words=shlex.join(words) + (' --trust "$folder/trust"' if trust else ""),
    )
