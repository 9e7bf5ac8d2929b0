"""Run a fleet's deployment: whom to ask, in waves, and what becomes of each board."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edge_hdr.fleet.engine import SUDO_PASSWORD, Engine
from edge_hdr.fleet.inventory import Board, boards
from edge_hdr.fleet.memory import Memory
from edge_hdr.fleet.outcome import BoardEvent, BoardOutcome, FleetOutcome
from edge_hdr.fleet.unreachable import explained
from edge_hdr.fleet.waves import DEFAULT, MAX_FAIL, sizes

Tell = Callable[[BoardEvent], None]


@dataclass(frozen=True)
class Parcel:
    """What is brought to a board.

    Attributes:
        id: of the release.
        payload: archive without wheels.
        wheels: archive of wheels, for a board that has to make its environment from them.
    """

    id: str
    payload: Path
    wheels: Path | None = None


class Packer(Protocol):
    """Makes the parcels; see `packing.Packing`."""

    def plain(self, known: Sequence[Board], folder: Path) -> dict[str, Parcel]:
        """Give each board's parcel without wheels, by its name."""

    def with_wheels(
        self, engine: Engine, inventory: Path, parcels: Mapping[str, Parcel]
    ) -> dict[str, Parcel]:
        """Add wheels to the parcels of boards that need them."""


@dataclass(frozen=True)
class Course:
    """How a fleet is gone through.

    Attributes:
        waves: sizes of the waves, as "1" or "10%".
        max_fail: share of the boards so far that may fail.
        forks: boards at a time.
        check: say what would change, and change nothing.
        again: also ask boards that have the release by what an earlier run remembers.
        accept_new_host_key: trust boards that ssh does not know yet.
    """

    waves: tuple[str, ...] = DEFAULT
    max_fail: float = MAX_FAIL
    forks: int = 10
    check: bool = False
    again: bool = False
    accept_new_host_key: bool = False


@dataclass(frozen=True)
class Delivery:
    """What the installers are told; see the role's variables.

    Attributes:
        window_s: how long the service must do well before the release is kept.
        keep: releases that stay on the board.
        budget_ms: most time that ten digits may take there.
        service: whether a service runs it.
        user: install for the user that we log in as.
        force: install again what is there already.
        trust_text: public keys that the boards shall ask for from now on.
        sudo_password: for boards whose sudo asks; None where it does not.
    """

    window_s: float = 10.0
    keep: int = 3
    budget_ms: float = 50.0
    service: bool = True
    user: bool = False
    force: bool = False
    trust_text: str = ""
    sudo_password: str | None = field(default=None, repr=False)

    def defaults(self) -> dict[str, Any]:
        """Give the role's variables that the inventory may set otherwise, board by board."""
        return {
            "edge_hdr_window_s": self.window_s,
            "edge_hdr_keep": self.keep,
            "edge_hdr_budget_ms": self.budget_ms,
        }

    def orders(self) -> dict[str, Any]:
        """Give the role's variables that hold whatever the inventory says."""
        found: dict[str, Any] = {"edge_hdr_trust": self.trust_text} if self.trust_text else {}
        found |= {"edge_hdr_service": False} if not self.service else {}
        found |= {"edge_hdr_user_mode": True} if self.user else {}
        found |= {"edge_hdr_force": True} if self.force else {}
        if self.sudo_password is not None:
            password = f"{{{{ lookup('env', '{SUDO_PASSWORD}') }}}}"
            found |= {"ansible_become": True, "ansible_become_password": password}
        return found


def deploy(
    inventory: Path,
    packer: Packer,
    *,
    limit: str | None = None,
    course: Course | None = None,
    delivery: Delivery | None = None,
    on_event: Tell = lambda event: None,
) -> FleetOutcome:
    """Update the boards of an inventory in waves, and stop when too many fail.

    Each result is remembered as it comes: after an interruption, a stop or failures, the same
    again asks the boards that are left. Boards that were begun finish, or go back, by themselves.

    Args:
        inventory: any that Ansible reads.
        packer: makes what the boards get.
        limit: a pattern of Ansible's for some of them.
        course: waves and their limits.
        delivery: what the installers are told.
        on_event: hears of waves and boards as they begin and end.

    Raises:
        DependencyError: Ansible is not installed.
        ConfigError: the inventory cannot be read or is empty.
        UsageError: the limit names no board, or a wave is none.
        DeviceStepError: another deployment of this inventory goes on, or Ansible ended early.
        StorageError: what is remembered cannot be written.
    """
    course = course or Course()
    started_s = time.monotonic()
    sizes(course.waves, 1)  # a wrong word is told before anything else
    forks, accept = course.forks, course.accept_new_host_key
    with Engine(forks=forks, accept_new_host_key=accept) as engine:
        known = boards(inventory, limit, engine=engine)
        parcels = packer.plain(known, engine.folder)
        memory = Memory(inventory)
        with contextlib.nullcontext() if course.check else memory.held():
            earlier = {} if course.check or course.again else _remembered(memory, parcels)
            left = _in_order(known, memory, parcels, earlier)
            parcels |= packer.with_wheels(engine, inventory, {name: parcels[name] for name in left})
            run = _Run(known, parcels, None if course.check else memory, course, on_event)
            if left:
                run.go(engine, inventory, left, delivery or Delivery())
    outcomes = earlier | run.outcomes
    return FleetOutcome(
        id=next(iter({parcel.id for parcel in parcels.values()})),
        inventory=str(inventory),
        limit=limit,
        check=course.check,
        boards=tuple(
            outcomes.get(board.name) or BoardOutcome(board.name, "skipped") for board in known
        ),
        before=tuple(earlier),
        stopped=run.stopped,
        seconds=round(time.monotonic() - started_s, 2),
    )


def _remembered(memory: Memory, parcels: Mapping[str, Parcel]) -> dict[str, BoardOutcome]:
    found = {name: memory.has(name, parcel.id) for name, parcel in parcels.items()}
    return {name: outcome for name, outcome in found.items() if outcome}


def _in_order(
    known: Sequence[Board],
    memory: Memory,
    parcels: Mapping[str, Parcel],
    earlier: Mapping[str, BoardOutcome],
) -> list[str]:
    """Put boards that failed before behind the others, so that they do not stop the first wave."""
    left = [board.name for board in known if board.name not in earlier]
    return sorted(left, key=lambda name: memory.tried(name, parcels[name].id))


class _Run:
    """One pass over the boards that are left: hears of events, remembers, tells on."""

    def __init__(
        self,
        known: Sequence[Board],
        parcels: Mapping[str, Parcel],
        memory: Memory | None,
        course: Course,
        on_event: Tell,
    ) -> None:
        self._known = {board.name: board for board in known}
        self._parcels, self._memory = parcels, memory
        self._course, self._on_event = course, on_event
        self._waves: list[int] = []
        self._total = 0
        self.outcomes: dict[str, BoardOutcome] = {}
        self.stopped = ""

    def go(self, engine: Engine, inventory: Path, left: Sequence[str], delivery: Delivery) -> None:
        """Have Ansible ask the boards."""
        self._waves = sizes(self._course.waves, len(left))
        self._total = len(left)
        engine.play(
            "deploy",
            inventory,
            {name: {"edge_hdr_parcel": _told(self._parcels[name])} for name in left},
            self._hear,
            defaults=delivery.defaults(),
            orders=delivery.orders(),
            sudo_password=delivery.sudo_password,
            waves=self._waves,
            max_fail=self._course.max_fail,
            check=self._course.check,
        )

    def _hear(self, event: dict[str, Any]) -> None:
        kind, board = event["event"], event.get("board", "")
        outcome = None
        if kind == "stop":
            self.stopped = event["detail"]
        elif kind == "end":
            outcome = self._outcome(board, event)
            if outcome.result == "skipped":
                return
            self.outcomes[board] = outcome
            if self._memory:
                self._memory.keep(outcome, self._parcels[board].id)
        self._on_event(
            BoardEvent(
                kind=kind,
                wave=event["wave"],
                waves=len(self._waves),
                done=len(self.outcomes),
                total=self._total,
                board=board,
                outcome=outcome,
                detail=event.get("detail", ""),
            )
        )

    def _outcome(self, board: str, event: dict[str, Any]) -> BoardOutcome:
        outcome = BoardOutcome.of(board, event["wave"], event)
        if outcome.result == "unreachable" and outcome.error:
            outcome = replace(outcome, error=explained(outcome.error, self._known[board].target))
        return outcome


def _told(parcel: Parcel) -> dict[str, str]:
    return {"payload": str(parcel.payload), "wheels": str(parcel.wheels or "")}
