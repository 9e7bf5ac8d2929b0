"""Deploy to one board: send what it lacks, and let its installer do the rest."""

from __future__ import annotations

import getpass
import platform
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_hdr import remote
from edge_hdr.deploy_plan import Plan, Wish
from edge_hdr.errors import EdgeHdrError
from edge_hdr.private_folder import PRIVATE_FOLDER
from edge_hdr_device.install.steps import Progress, Tell

if TYPE_CHECKING:
    from edge_hdr.transport import Connection

PIECE_BYTES = 1 << 16
INSTALL_S = 3600.0  # an environment on a small board takes long; each wait within has its own limit
UNUSABLE = "payload"  # code of an error about what was sent, or about what the board had of it
IDLE_S = 900.0  # without a word from the installer
RECEIVE = """\
head -c {size} >"$folder/payload.pyz"
{trust}{root}python3 "$folder/payload.pyz" {words}
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
    except KeyboardInterrupt:
        again = f"edge-hdr status {plan.target} shows it"
        tell(Progress("send", "warn", f"the board undoes what was begun, within seconds; {again}"))
        raise
    except EdgeHdrError as error:
        step = (getattr(error, "data", None) or {}).get("step")
        if not (plan.have and error.code == UNUSABLE and step == "unpack"):
            raise
        tell(Progress("send", "note", f"{error.message}: sending all of it"))
        done = _send(connection, replace(plan, have=frozenset()), wish, tell, on_sent)
    done["target"] = plan.target
    done["warnings"] = [*plan.warnings, *done.get("warnings", ())]
    done["took_s"] = round(time.monotonic() - start_s, 2)
    return done


def uninstall_leftovers(connection: Connection, words: Sequence[str]) -> dict[str, Any]:
    """Remove what is left on a board that has no edge-hdr which could do it itself.

    Args:
        connection: to the board.
        words: the uninstall command, with `--json`.

    Raises:
        EdgeHdrError: what the command raised there.
    """
    from edge_hdr import payload
    from edge_hdr.inspection import ask
    from edge_hdr_device import released

    facts = ask(connection)
    free = facts["sudo"] == "free"
    content = payload.build(released.find(None)).thin()
    script = _script(
        len(content),
        shlex.join([*words, *(() if free or not facts["uid"] else ("--user",))]),
        root=remote.AS_ROOT if free else (),
    )
    done = connection.run(("sh", "-c", script), send=content, timeout_s=INSTALL_S, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    return remote.answer(lines[-1] if lines else "", done, str(connection.target))


def _send(
    connection: Connection,
    plan: Plan,
    wish: Wish,
    tell: Tell,
    on_sent: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    content = plan.payload.thin(plan.have)
    size = len(content)
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
    tell(Progress("send", "begin", amount))
    before = connection.sent_bytes
    sending = True

    def sent(count: int) -> None:
        nonlocal sending
        if on_sent:
            on_sent(min(count, size), size)
        if sending and count >= size:
            sending = False
            tell(Progress("send", "end", amount))

    def line(text: str) -> None:
        if progress := Progress.from_line(text):
            tell(progress)

    done = remote.stream(
        connection,
        ("sh", "-c", _install_script(plan, wish, size)),
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


def _install_script(plan: Plan, wish: Wish, size: int) -> str:
    words = ["--attended", "--events", "--json", "--by", f"{getpass.getuser()}@{platform.node()}"]
    words += ["--window", f"{wish.window_s:g}", "--keep", str(wish.keep)]
    words += ["--budget-ms", f"{wish.budget_ms:g}"]
    words += ["--user"] if plan.mode == "user" else []
    words += [] if wish.service else ["--no-service"]
    words += ["--force"] if wish.force else []
    command = f'install "$folder/payload.pyz" {shlex.join(words)}'
    trust = ""
    if wish.trust_text:
        trust = f'printf %s {shlex.quote(wish.trust_text)} >"$folder/trust"\n'
        command += ' --trust "$folder/trust"'
    asks = plan.becomes_root and wish.sudo_password is not None
    root = ("sudo", "-S", "-p", "", "--") if asks else plan.becomes_root
    return _script(size, command, root=root, trust=trust)


def _script(size: int, words: str, *, root: Sequence[str], trust: str = "") -> str:
    prefix = f"{shlex.join(root)} " if root else ""
    return PRIVATE_FOLDER + RECEIVE.format(size=size, root=prefix, trust=trust, words=words)
