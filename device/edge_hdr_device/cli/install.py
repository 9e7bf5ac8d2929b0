"""`edge-hdr-device install`: make a payload the release that runs here."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr_device.cli import render
from edge_hdr_device.cli.telling import telling
from edge_hdr_device.errors import UsageError

if TYPE_CHECKING:
    from edge_hdr_device.install.installer import Outcome
    from edge_hdr_device.install.layout import Layout, Mode

HELP = "install a payload on this board"
DESCRIPTION = (
    "Verify a payload, unpack it beside what runs, try its model on this board, switch to it, "
    "watch it, and go back by itself if it does not do well."
)
WINDOW_S, KEEP, BUDGET_MS = 10.0, 3, 50.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument(
        "payloads", nargs="+", type=Path, metavar="PAYLOAD", help="an archive of edge-hdr bundle"
    )
    parser.add_argument("--no-service", action="store_true", help="install, but start nothing")
    parser.add_argument(
        "--keep", type=int, default=KEEP, metavar="N", help=f"releases that stay (default: {KEEP})"
    )
    parser.add_argument(
        "--budget-ms", type=float, default=BUDGET_MS, metavar="MS",
        help=f"most that ten digits may take; 0 is any time (default: {BUDGET_MS:g})",
    )  # fmt: skip
    parser.add_argument(
        "--trust", type=Path, metavar="FILE", help="public keys that payloads must be signed with"
    )
    parser.add_argument(
        "--force", action="store_true", help="even if nothing would change; put aside a unit there"
    )
    parser.add_argument("--dry-run", action="store_true", help="verify, and say what would be done")
    add_watching(parser)


def add_watching(parser: argparse.ArgumentParser) -> None:
    """Add what all commands have that start the service and watch it."""
    add_mode(parser)
    parser.add_argument(
        "--window", type=float, default=WINDOW_S, metavar="S",
        help=f"seconds that the service must stay up (default: {WINDOW_S:g})",
    )  # fmt: skip
    parser.add_argument("--by", default="", metavar="NAME", help="who does it, for the history")
    parser.add_argument(
        "--attended", action="store_true", help="stop when standard input ends, and undo"
    )
    parser.add_argument("--events", action="store_true", help="print each step as a line of JSON")


def add_mode(parser: argparse.ArgumentParser) -> None:
    """Add whose deployment is meant."""
    parser.add_argument(
        "--user", action="store_true", help="this user's own, even for root (default: root's)"
    )


def execute(options: argparse.Namespace) -> int:
    """Install the payload.

    Raises:
        EdgeHdrError: it failed; what ran before runs as before.
    """
    from edge_hdr_device.install.installer import install
    from edge_hdr_device.install.placing import layout_of
    from edge_hdr_device.install.request import Request

    if options.keep < 1:
        raise UsageError("--keep must be 1 or more", hint="the current release always stays")
    request = Request(
        payloads=tuple(options.payloads),
        mode=mode(options),
        service=not options.no_service,
        window_s=options.window,
        keep=options.keep,
        budget_ms=options.budget_ms,
        by=options.by or by_default(),
        force=options.force,
        trust=options.trust,
    )
    layout = layout_of(request.mode, request.payloads[0])
    if options.dry_run:
        return _rehearse(options, layout, request)
    with_json(options)
    with telling(options) as (tell, life):
        outcome = install(request, tell, layout=layout, life=life)
    data = outcome.to_dict()
    render.emit(command="install", data=data, human=lambda: show(outcome), as_json=options.json)
    return 0


def _rehearse(options: argparse.Namespace, layout: Layout, request: Any) -> int:
    from edge_hdr_device.install.rehearsal import rehearse

    data = rehearse(request, layout)
    lines = [f"{data['id']} ({data['model']}) on {data['base']}; running: {data['running']}"]
    lines += [f"  {step:<12}{text}" for step, text in data["steps"].items()]
    render.emit(command="install", data=data, human="\n".join(lines), as_json=with_json(options))
    return 0


def with_json(options: argparse.Namespace) -> bool:
    """Let --events end in the document, too."""
    options.json = options.json or options.events
    return bool(options.json)


def mode(options: argparse.Namespace) -> Mode | None:
    """Give the mode that the flags say."""
    return "user" if options.user else None


def by_default() -> str:
    """Name who does it: the person behind sudo, else this user."""
    from edge_hdr_device.install.systemd import user_name

    return os.environ.get("SUDO_USER") or user_name()


def show(outcome: Outcome) -> None:
    """Tell a person what an installation came to."""
    state = "runs" if outcome.service else "is installed"
    lines = [f"{outcome.id} ({outcome.model}) {state}, {outcome.mode} mode, in {outcome.base}"]
    if outcome.started:
        lines[0] = f"{outcome.id} ({outcome.model}) was stopped; it runs again"
    elif not outcome.changed:
        lines[0] = f"nothing to do: {outcome.id} ({outcome.model}) {state} already"
    elif outcome.previous:
        lines.append(f"before: {outcome.previous}")
    if outcome.removed:
        lines.append(f"removed: {', '.join(outcome.removed)}")
    if outcome.token:
        lines.append(f"the page asks for this token, shown only now: {outcome.token}")
    render.emit(command="install", data={}, human="\n".join(lines), as_json=False)
