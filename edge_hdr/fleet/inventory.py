"""The boards of an inventory, as Ansible reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.errors import ConfigError, EdgeHdrError, UsageError
from edge_hdr.fleet.engine import Engine
from edge_hdr.target import Target

CONFIG_VARIABLE, USER_VARIABLE = "edge_hdr_config", "edge_hdr_user_mode"


@dataclass(frozen=True)
class Board:
    """A board of an inventory.

    Attributes:
        name: as the inventory calls it.
        target: how ssh connects to it.
        config: file with its settings, from its variable `edge_hdr_config`; None takes those of
            the command. A relative path counts from the inventory's folder.
        user: whether its variable `edge_hdr_user_mode` asks for an installation of the user's own.
    """

    name: str
    target: Target
    config: Path | None = None
    user: bool = False


def boards(inventory: Path, limit: str | None = None, *, engine: Engine) -> list[Board]:
    """List the boards that an inventory and a limit name, in the inventory's order.

    Args:
        inventory: any that Ansible reads: a YAML or INI file, a folder of them, a program.
        limit: a pattern of Ansible's: groups and boards, `*`, `!` and `&`.
        engine: Ansible.

    Raises:
        ConfigError: it cannot be read, or there is no board in it.
        UsageError: the limit names none.
    """
    if not inventory.exists():
        raise ConfigError(f"there is no inventory {inventory}", hint="check --inventory")
    found, said = engine.inventory(inventory, limit)
    names = _names(found)
    if not names:
        raise _no_boards(inventory, limit, engine, said)
    variables = found.get("_meta", {}).get("hostvars", {})
    return [_board(name, variables.get(name, {}), inventory) for name in names]


def _no_boards(inventory: Path, limit: str | None, engine: Engine, said: str) -> EdgeHdrError:
    """Say why a listing has no boards: the limit, the inventory, or both."""
    whole, said = engine.inventory(inventory, None) if limit else ({}, said)
    if _names(whole):
        groups = ", ".join(sorted(set(whole) - {"_meta", "all", "ungrouped"}))
        return UsageError(
            f"--limit {limit} names no board of {inventory}",
            hint=f"its groups: {groups}" if groups else "give the name of one of its boards",
        )
    reason = f": {said}" if said else ""
    return ConfigError(
        f"the inventory {inventory} has no boards, or cannot be read{reason}",
        hint=f"see what Ansible makes of it: ansible-inventory --list -i {inventory}",
    )


def _names(found: dict[str, Any]) -> list[str]:
    """Walk the groups from "all"; each board counts where it comes first."""
    names: dict[str, None] = {}
    waiting = ["all"]
    seen = set()
    while waiting:
        group = waiting.pop(0)
        if group in seen:
            continue
        seen.add(group)
        entry = found.get(group, {})
        names |= dict.fromkeys(entry.get("hosts", []))
        waiting[:0] = entry.get("children", [])
    return list(names)


def _board(name: str, variables: dict[str, Any], inventory: Path) -> Board:
    user, port = variables.get("ansible_user"), str(variables.get("ansible_port", ""))
    target = Target(
        user=str(user or ""),
        host=str(variables.get("ansible_host") or name),
        port=int(port) if port.isdigit() else None,
    )
    is_user = str(variables.get(USER_VARIABLE, "")).lower() in {"true", "yes", "on", "1"}
    return Board(name, target, _config(variables, inventory), user=is_user)


def _config(variables: dict[str, Any], inventory: Path) -> Path | None:
    value = variables.get(CONFIG_VARIABLE)
    if not value:
        return None
    folder = inventory if inventory.is_dir() else inventory.parent
    return (folder / str(value)).expanduser()
