"""`edge-hdr deploy`: from a trained model to a board that reads digits, or a fleet of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, connect_to
from edge_hdr.errors import ConfigError, UsageError
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr.deploy_plan import Plan, Wish
    from edge_hdr.signing import SigningKey

FLEET = "Fleet"
SAFETY = "Safety"


def deploy(
    target: str | None = typer.Argument(
        None,
        metavar="[TARGET]",
        help="The board: user@host[:port], ssh://…, a name of your ssh configuration, or local:",
    ),
    model: str = typer.Option(
        None, "--model", help="A .tflite file, a build's folder or a released model."
    ),
    config: Path = typer.Option(
        None, "--config", help="Settings of the service; without it the board's own stay."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Look and print the plan only."),
    no_service: bool = typer.Option(
        False, "--no-service", help="Install without a service that runs it."
    ),
    user: bool = typer.Option(
        False, "--user", help="Install for the user alone, even where sudo is free."
    ),
    offline: bool = typer.Option(
        None,
        "--offline/--online",
        help="Bring the packages along; by default where the board does not reach the index.",
    ),
    window_s: float = typer.Option(
        10.0, "--window", min=0.5, max=3600, help="Seconds that the service must do well."
    ),
    budget_ms: float = typer.Option(
        50.0, "--budget-ms", min=0.01, help="Most time that ten digits may take there."
    ),
    keep: int = typer.Option(3, "--keep", min=1, max=100, help="Releases that stay there."),
    force: bool = typer.Option(False, "--force", help="Install again what is there already."),
    ask_sudo_password: bool = typer.Option(
        False, "--ask-sudo-password", help="Ask for it here, where sudo there wants one."
    ),
    sign: Path = typer.Option(
        None,
        "--sign",
        envvar="EDGE_HDR_SIGN",
        help="Private key that signs the payload.",
        rich_help_panel=SAFETY,
    ),
    trust: Path = typer.Option(
        None,
        "--trust",
        help="Public key that the board shall ask for from now on.",
        rich_help_panel=SAFETY,
    ),
    accept_new_host_key: bool = ACCEPT,
    inventory: Path | None = typer.Option(
        None, "--inventory", help="Boards by Ansible's inventory.", rich_help_panel=FLEET
    ),
    limit: str = typer.Option(
        None, "--limit", help="Group or boards of the inventory.", rich_help_panel=FLEET
    ),
    waves: str = typer.Option(
        "1,10%,100%", "--waves", help="Sizes of the waves.", rich_help_panel=FLEET
    ),
    max_fail: str = typer.Option(
        "20%", "--max-fail", help="Stop when more of those so far fail.", rich_help_panel=FLEET
    ),
    forks: int = typer.Option(
        10, "--forks", min=1, max=500, help="Boards at a time.", rich_help_panel=FLEET
    ),
    again: bool = typer.Option(
        False, "--all", help="Ask those again that have it already.", rich_help_panel=FLEET
    ),
    check: bool = typer.Option(
        False,
        "--check",
        help="Say what would change; the same as --dry-run.",
        rich_help_panel=FLEET,
    ),
    json: bool = JSON,
) -> None:
    """Install model and runtime on a board, and keep them only if they do well there.

    Looks at the board, sends what it lacks, tries the model on it, switches, and watches the
    service. Whatever fails, what ran before runs. The same again does nothing.
    """
    from edge_hdr.deploy_plan import Wish

    if (target is None) == (inventory is None):
        both = "not both" if target else "for example: edge-hdr deploy pi@raspberrypi.local"
        raise UsageError("name one board, or --inventory FILE for many", hint=both)
    wish = Wish(
        model=released.find(model),
        config=_readable(config, "--config"),
        service=not no_service,
        user=user,
        offline=offline,
        key=load_key(sign),
        trust_text=_trust_text(trust, sign),
        window_s=window_s,
        keep=keep,
        budget_ms=budget_ms,
        force=force,
        sudo_password=_ask_password() if ask_sudo_password else None,
    )
    dry_run = dry_run or check
    if target is not None:
        _deploy_one(
            target, wish, dry_run=dry_run, accept_new_host_key=accept_new_host_key, json=json
        )
    if inventory is not None:
        _deploy_fleet(
            inventory,
            wish,
            limit=limit,
            waves=waves,
            max_fail=max_fail,
            forks=forks,
            again=again,
            check=dry_run,
            accept_new_host_key=accept_new_host_key,
            json=json,
        )


def load_key(path: Path | None) -> SigningKey | None:
    """Load the key that signs, asking for its passphrase where it has one."""
    if path is None:
        return None
    from edge_hdr import signing

    return signing.load(path, passphrase=lambda: _prompt(f"passphrase of {path}"))


def _deploy_one(
    target: str, wish: Wish, *, dry_run: bool, accept_new_host_key: bool, json: bool
) -> None:
    from edge_hdr.cli.board_progress import BoardProgress
    from edge_hdr.deploy import carry_out
    from edge_hdr.deploy_plan import make_plan

    with (
        connect_to(target, accept_new_host_key=accept_new_host_key) as connection,
        BoardProgress() as progress,
    ):
        plan = make_plan(connection, wish, progress.tell)
        if dry_run:
            data = plan.to_dict()
        else:
            data = carry_out(connection, plan, wish, progress.tell, progress.sent)
    human = (lambda: _show_plan(plan, wish)) if dry_run else (lambda: _show_outcome(data))
    render.emit(command="deploy", data=data, human=human, as_json=json)


def _deploy_fleet(inventory: Path, wish: Wish, **options: Any) -> None:
    from edge_hdr.cli import fleet_view

    fleet_view.deploy(inventory, wish, **options)


def _show_plan(plan: Plan, wish: Wish) -> None:
    before = plan.before.get("current")
    size = plan.payload.size(plan.have)
    where = "reused" if plan.environment_is_there else f"made from {plan.packages_from}"
    whose = "root's" if plan.mode == "system" else "the user's"
    lines = [
        f"would install release {plan.payload.index.id} ({plan.payload.index.model})",
        f"  in place of    {before or 'nothing'}",
        f"  installation   {whose}, {'with a service' if wish.service else 'without a service'}",
        f"  interpreter    {plan.environment.interpreter}",
        f"  packages       {len(plan.environment.requirements)}, {where}",
        f"  to send        {size / 1e3:.0f} kB",
        f"  then           the canary (ten digits within {wish.budget_ms:g} ms), the switch"
        + (f", {wish.window_s:g} s of watching" if wish.service else ""),
    ]
    render.console().print("\n".join(lines), markup=False)


def _show_outcome(data: dict[str, Any]) -> None:
    lines, name = [], data["target"].rstrip(":")
    if data.get("started"):
        lines.append(f"{name}: release {data['id']} was there, and stopped; it runs again")
    elif not data["changed"]:
        lines.append(f"{name}: release {data['id']} is there already; nothing to do")
    else:
        runs = "runs" if data["service"] else "is installed"
        other = data.get("previous") not in {None, data["id"]}
        before = f", before it {data['previous']}" if other else ""
        lines.append(f"{name}: release {data['id']} {runs}{before} ({data['took_s']} s)")
    if data.get("token"):
        lines.append(f"the page's token, shown once: {data['token']}")
    if data.get("page"):
        lines.append(f"its page: {data['page']} on the board")
    render.console().print("\n".join(lines), markup=False)


def _readable(path: Path | None, flag: str) -> Path | None:
    if path is not None and not path.is_file():
        raise ConfigError(f"{flag}: there is no file {path}", hint="check the path")
    return path


def _trust_text(trust: Path | None, sign: Path | None) -> str:
    """Give the public keys of a file; a private one must never leave this computer."""
    if trust is None:
        return ""
    _readable(trust, "--trust")
    text = trust.read_text(encoding="utf-8", errors="replace")
    if "PRIVATE KEY" in text:
        raise ConfigError(
            f"--trust: {trust} is a private key", hint=f"give the public one: {trust}.pub"
        )
    if sign is None:
        raise UsageError(
            "--trust needs a payload that is signed", hint="give --sign KEY along with it"
        )
    return text


def _ask_password() -> str:
    return _prompt("sudo password on the board")


def _prompt(what: str) -> str:
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for the {what}", hint="run it in a terminal")
    return getpass.getpass(f"{what}: ", stream=sys.stderr)
