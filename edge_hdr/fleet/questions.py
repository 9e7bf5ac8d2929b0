"""Ask every board of an inventory at the same time: what runs there, or what it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_hdr.fleet.engine import Engine
from edge_hdr.fleet.inventory import Board, boards
from edge_hdr.fleet.outcome import BoardError, BoardStatus
from edge_hdr.fleet.unreachable import explained


def status(
    inventory: Path,
    *,
    limit: str | None = None,
    forks: int = 10,
    accept_new_host_key: bool = False,
) -> list[BoardStatus]:
    """Ask the boards of an inventory what runs there; nothing on them changes.

    Raises:
        DependencyError: Ansible is not installed.
        ConfigError: the inventory cannot be read or is empty.
        UsageError: the limit names no board.
        DeviceStepError: Ansible ended early.
    """
    with Engine(forks=forks, accept_new_host_key=accept_new_host_key) as engine:
        known = boards(inventory, limit, engine=engine)
        found = _ask(engine, "status", inventory, known, {})
    return [found[board.name] for board in known]


def facts(engine: Engine, inventory: Path, known: Sequence[Board]) -> dict[str, dict[str, Any]]:
    """Look at boards as `edge-hdr doctor` does; those that give no answer are left out."""
    from edge_hdr.inspection import script

    path = engine.folder / "probe.py"
    path.write_bytes(script())
    found = _ask(engine, "probe", inventory, known, {"edge_hdr_probe": str(path)})
    return {name: answer.data for name, answer in found.items() if answer.data}


def _ask(
    engine: Engine,
    playbook: str,
    inventory: Path,
    known: Sequence[Board],
    variables: dict[str, Any],
) -> dict[str, BoardStatus]:
    targets = {board.name: board.target for board in known}
    found = {name: BoardStatus(name, "failed", error=_NONE) for name in targets}

    def hear(event: dict[str, Any]) -> None:
        if event["event"] != "end":
            return
        name, told = event["board"], event.get("error")
        error = BoardError(**{key: told[key] for key in _KEPT if told.get(key)}) if told else None
        if event["result"] == "unreachable" and error:
            error = explained(error, targets[name])
        found[name] = BoardStatus(name, event["result"], event.get("data"), error)

    engine.play(playbook, inventory, {name: {} for name in targets}, hear, orders=variables)
    return found


_KEPT = ("message", "hint", "code", "step")
_NONE = BoardError("it was not asked", hint="try again")
