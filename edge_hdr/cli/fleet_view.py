"""A fleet on the screen: run its commands, and show a table of what became of its boards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.cli import render
from edge_hdr.cli.fleet_progress import WORDS, FleetProgress
from edge_hdr.errors import DeviceStepError, UnreachableError

if TYPE_CHECKING:
    from rich.table import Table

    from edge_hdr.deploy_plan import Wish
    from edge_hdr.fleet import BoardOutcome, BoardStatus, Delivery, FleetOutcome

STYLES = {"updated": "green", "would-update": "green", "failed": "red", "unreachable": "yellow"}
SHOWN_ERRORS = 20
LOOK = "edge-hdr doctor looks at one board"
NOT_ASKED = "not asked: updated before"


class FleetFailedError(DeviceStepError):
    """Some boards of a fleet were not updated; what became of each is in `data`."""

    code = "fleet"

    def __init__(self, message: str, *, hint: str, data: dict[str, Any]) -> None:
        super().__init__(message, hint=hint)
        self.data = data


class NobodyReachableError(UnreachableError):
    """No board of a fleet answered; what became of each is in `data`."""

    def __init__(self, message: str, *, hint: str, data: dict[str, Any]) -> None:
        super().__init__(message, hint=hint)
        self.data = data


def deploy(
    inventory: Path,
    wish: Wish,
    *,
    limit: str | None,
    waves: str,
    max_fail: str,
    forks: int,
    again: bool,
    check: bool,
    accept_new_host_key: bool,
    json: bool,
) -> None:
    """Deploy to the boards of an inventory and show what became of each.

    Raises:
        FleetFailedError: some were not updated, or the fleet was stopped.
        NobodyReachableError: none answered.
        EdgeHdrError: see `fleet.deploy`.
    """
    from edge_hdr import fleet
    from edge_hdr.fleet.waves import parse, parse_share

    course = fleet.Course(
        waves=parse(waves),
        max_fail=parse_share(max_fail),
        forks=forks,
        check=check,
        again=again or wish.force,
        accept_new_host_key=accept_new_host_key,
    )
    with FleetProgress(check=check) as progress:
        packing = fleet.Packing(
            wish.model,
            config=wish.config,
            key=wish.key,
            offline=bool(wish.offline),
            user=wish.user,
            tell=progress.line,
        )
        outcome = fleet.deploy(
            inventory,
            packing,
            limit=limit,
            course=course,
            delivery=_delivery(wish),
            on_event=progress.hear,
        )
    if not json:
        show_outcome(outcome)
    raise_for(outcome)
    if json:
        render.emit(command="deploy", data=outcome.to_dict(), human="", as_json=True)


def status(
    inventory: Path,
    *,
    limit: str | None,
    forks: int,
    json: bool,
    accept_new_host_key: bool = False,
) -> None:
    """Ask the boards of an inventory what runs there, and show it.

    Raises:
        FleetFailedError: some gave no status.
        NobodyReachableError: none answered.
        EdgeHdrError: see `fleet.status`.
    """
    from edge_hdr import fleet

    found = fleet.status(
        inventory, limit=limit, forks=forks, accept_new_host_key=accept_new_host_key
    )
    data = {"inventory": str(inventory), "boards": [board.to_dict() for board in found]}
    if not json:
        _show_status(inventory, found)
    silent = [board for board in found if board.result == "unreachable"]
    failed = [board for board in found if board.result == "failed"]
    if len(silent) == len(found):
        raise NobodyReachableError("no board answered", hint=_first_hint(silent), data=data)
    if silent or failed:
        raise FleetFailedError(
            f"{len(silent) + len(failed)} of {len(found)} boards gave no status",
            hint=_first_hint(silent + failed),
            data=data,
        )
    if json:
        render.emit(command="status", data=data, human="", as_json=True)


def _delivery(wish: Wish) -> Delivery:
    from edge_hdr.fleet import Delivery

    return Delivery(
        window_s=wish.window_s,
        keep=wish.keep,
        budget_ms=wish.budget_ms,
        service=wish.service,
        user=wish.user,
        force=wish.force,
        trust_text=wish.trust_text,
        sudo_password=wish.sudo_password,
    )


def show_outcome(outcome: FleetOutcome) -> None:
    """Show a table of what became of each board, and below it what a person should know."""
    from rich.text import Text

    earlier = set(outcome.before)
    rows = []
    for board in outcome.boards:
        word = NOT_ASKED if board.board in earlier else WORDS[board.result]
        step = board.error.step if board.error else ""
        rows.append([board.board, str(board.wave or ""), f"{word}{f': {step}' if step else ''}",
                     board.before or "", board.after or "", _seconds(board)])  # fmt: skip
    columns = ["board", "wave", "outcome", "before", "now", "s"]
    table = _table(f"Release {outcome.id}", columns)
    table.columns[-1].justify = "right"
    for row, board in zip(rows, outcome.boards, strict=True):
        table.add_row(*(Text(cell) for cell in row), style=STYLES.get(board.result))
    console = render.console()
    console.print(table)
    lines = [*_errors(outcome), *_warnings(outcome), *_tokens(outcome), *_resumed(outcome)]
    if lines:
        console.print("\n".join(lines), markup=False)


def _table(title: str, columns: list[str]) -> Table:
    """Make a table whose cells are broken where the screen is narrow: none loses text."""
    table = render.table(title, columns, [])
    for column in table.columns:
        column.justify, column.overflow = "left", "fold"
    return table


def _seconds(board: BoardOutcome) -> str:
    return f"{board.seconds:.1f}" if board.seconds else ""


def _errors(outcome: FleetOutcome) -> list[str]:
    lines = []
    wrong = [board for board in outcome.boards if board.error]
    for board in wrong[:SHOWN_ERRORS]:
        if board.error:
            lines.append(f"{board.board}: {board.error.message}")
            lines += [f"  hint: {board.error.hint}"] if board.error.hint else []
    if len(wrong) > SHOWN_ERRORS:
        lines.append(f"… and {len(wrong) - SHOWN_ERRORS} more, all in --json")
    return lines


def _warnings(outcome: FleetOutcome) -> list[str]:
    by_text: dict[str, list[str]] = {}
    for board in outcome.boards:
        for text in board.warnings:
            by_text.setdefault(text, []).append(board.board)
    return [
        f"warning: {text} ({names[0]}{f' and {len(names) - 1} more' if names[1:] else ''})"
        for text, names in by_text.items()
    ]


def _tokens(outcome: FleetOutcome) -> list[str]:
    return [
        f"{board.board}: the page's token, shown once: {board.token}"
        for board in outcome.boards
        if board.token
    ]


def _resumed(outcome: FleetOutcome) -> list[str]:
    lines = []
    if outcome.before:
        lines.append(
            f"{len(outcome.before)} of {len(outcome.boards)} boards got release {outcome.id} "
            "before and were not asked; --all asks them, too"
        )
    return lines


def raise_for(outcome: FleetOutcome) -> None:
    """Raise what a fleet's outcome comes to; nothing when all is well.

    Raises:
        FleetFailedError, NobodyReachableError: see `deploy`.
    """
    if outcome.ok:
        return
    asked = outcome.asked
    left = len([board for board in outcome.boards if not board.good])
    hints = [board.error.hint for board in asked if board.error and board.error.hint]
    if asked and all(board.result == "unreachable" for board in asked):
        raise NobodyReachableError(
            f"none of the {len(asked)} boards that were asked answered",
            hint=hints[0] if hints else "are they on, and in this network?",
            data=outcome.to_dict(),
        )
    would = "would fail or do not answer" if outcome.check else "were not updated"
    message = f"{left} of {len(outcome.boards)} boards {would}"
    hint = f"the same command asks the {left} that are left"
    if outcome.stopped:
        message, hint = f"stopped: {outcome.stopped}", f"mend that, then {hint}"
    if outcome.check:  # nothing is remembered, so the same command asks all of them
        hint = hints[0] if hints else LOOK
    raise FleetFailedError(message, hint=hint, data=outcome.to_dict())


def _show_status(inventory: Path, found: list[BoardStatus]) -> None:
    from rich.text import Text

    columns = ["board", "release", "model", "version", "service", "frames"]
    table = _table(str(inventory), columns)
    for board in found:
        style = {"unreachable": "yellow", "failed": "red"}.get(board.result)
        table.add_row(*(Text(cell) for cell in [board.board, *_status_cells(board)]), style=style)
    console = render.console()
    console.print(table)
    for board in found:
        if board.error:
            console.print(f"{board.board}: {board.error.message}", markup=False)


def _status_cells(board: BoardStatus) -> list[str]:
    if board.data is None:
        return ["no edge-hdr" if board.result == "empty" else board.result, "", "", "", ""]
    current, service = board.data.get("current") or {}, board.data.get("service") or {}
    frames = {True: "yes", False: "no"}.get(board.data.get("ready"), "")  # type: ignore[arg-type]
    names = [str(current.get(key) or "") for key in ("id", "model", "version")]
    return [*names, str(service.get("state") or "none"), frames]


def _first_hint(found: list[BoardStatus]) -> str:
    hints = [board.error.hint for board in found if board.error and board.error.hint]
    return hints[0] if hints else LOOK
