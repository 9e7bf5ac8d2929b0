"""Decide what a deployment would do on a board; nothing there is changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edge_hdr import remote
from edge_hdr.errors import CheckFailedError, UsageError
from edge_hdr_device.install.steps import Progress, Tell

if TYPE_CHECKING:
    from edge_hdr.doctor import Report
    from edge_hdr.payload import Payload
    from edge_hdr.signing import SigningKey
    from edge_hdr.transport import Connection
    from edge_hdr_device.install.requirements import EnvironmentPlan

HOST_STEPS = {
    "ask": "look at the board",
    "wheels": "fetch the packages that the board needs",
    "bundle": "make the payload",
    "send": "send what the board lacks",
}


@dataclass(frozen=True)
class Wish:
    """What a deployment should bring about.

    Attributes:
        model: a `.tflite` file.
        config: settings of the service; None leaves those of the board.
        service: whether a service runs it, or it is only installed.
        user: install for the user that we log in as, even where we could be root.
        offline: bring the packages along; None where the board does not reach the index.
        key: signs the payload; None leaves it unsigned.
        trust_text: public keys that the board shall trust from now on, a line each.
        window_s: how long the service must do well before the release is kept.
        keep: releases that stay on the board.
        budget_ms: most time that ten digits may take there.
        force: install again what is there already.
        sudo_password: for a board whose sudo asks; None where it does not.
    """

    model: Path
    config: Path | None = None
    service: bool = True
    user: bool = False
    offline: bool | None = None
    key: SigningKey | None = None
    trust_text: str = ""
    window_s: float = 10.0
    keep: int = 3
    budget_ms: float = 50.0
    force: bool = False
    sudo_password: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a deployment would do.

    Attributes:
        target: the board.
        report: what the doctor says of it.
        environment: the Python packages that it takes.
        environment_is_there: so that nothing is installed.
        wheels: folder of packages that are sent along; None where none are.
        payload: what is installed.
        have: sha256 of what the board has of it.
        mode: "system" or "user".
        becomes_root: words that make a command root's there.
    """

    target: str
    report: Report
    environment: EnvironmentPlan
    environment_is_there: bool
    wheels: Path | None
    payload: Payload
    have: frozenset[str]
    mode: str
    becomes_root: tuple[str, ...]

    @property
    def before(self) -> dict[str, Any]:
        """Tell what edge-hdr runs there now; empty when there is none."""
        found: dict[str, Any] = self.report.facts["edge_hdr"] or {}
        return found if found.get("mode") == self.mode else {}

    @property
    def warnings(self) -> list[str]:
        """Tell what is not as it should be on the board, and what repairs it, a line each."""
        return _warnings(self.report)

    @property
    def packages_from(self) -> str:
        """Tell where the environment's packages come from."""
        if self.environment_is_there:
            return "the board"
        return "the payload" if self.wheels else "the package index"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "target": self.target,
            "id": self.payload.index.id,
            "model": self.payload.index.model,
            "version": self.payload.index.version,
            "current": self.before.get("current"),
            "mode": self.mode,
            "interpreter": self.environment.interpreter,
            "environment": {
                "key": self.environment.key,
                "reused": self.environment_is_there,
                "requirements": list(self.environment.requirements),
                "from": self.packages_from,
            },
            "send_bytes": self.payload.size(self.have),
            "findings": [finding.to_dict() for finding in self.report.findings],
        }


def make_plan(connection: Connection, wish: Wish, tell: Tell) -> Plan:
    """Look at a board and decide on everything; nothing there is changed.

    Args:
        connection: to the board.
        wish: what is asked for.
        tell: hears of the steps of `HOST_STEPS`.

    Raises:
        UnreachableError: the board, or the package index, does not answer.
        CheckFailedError: the board cannot run it; the hint repairs that.
        UsageError: the board trusts a key, and the payload is to be unsigned.
        ModelError, ConfigError: the model or the settings cannot be used.
    """
    from edge_hdr import payload
    from edge_hdr_device.install.requirements import Platform, plan

    report = _look(connection, wish, tell)
    _check(report, wish, str(connection.target))
    facts = report.facts
    environment = plan(Platform.of(facts))
    mode = report.mode
    there: dict[str, Any] = facts["edge_hdr"] or {}
    there = there if there.get("mode") == mode else {}
    is_there = environment.key in there.get("environments", ())
    wheels = None
    if not is_there and _is_offline(connection, wish):
        wheels = _fetch(facts, environment, tell)
    tell(Progress("bundle", "begin"))
    made = payload.build(wish.model, config=wish.config, wheels=wheels, key=wish.key)
    tell(Progress("bundle", "end", f"release {made.index.id}, {made.index.model}"))
    return Plan(
        target=str(connection.target),
        report=report,
        environment=environment,
        environment_is_there=is_there,
        wheels=wheels,
        payload=made,
        have=frozenset(there.get("members", ())),
        mode=mode,
        becomes_root=remote.AS_ROOT if mode == "system" and facts["uid"] else (),
    )


def _look(connection: Connection, wish: Wish, tell: Tell) -> Report:
    from edge_hdr.doctor import examine
    from edge_hdr.inspection import ask

    tell(Progress("ask", "begin"))
    facts = ask(connection, network=False)
    mode: Literal["system", "user"] = "system" if _may_be_root(facts, wish) else "user"
    report = examine(facts, mode=mode, target=str(connection.target))
    board = facts["board"]["model"] or facts["userland"]["machine"]
    tell(Progress("ask", "end", f"{board}, {facts['system']['name']}"))
    for warning in _warnings(report):
        tell(Progress("ask", "warn", warning))
    return report


def _warnings(report: Report) -> list[str]:
    return [
        f"{finding.subject}: {finding.what} ({finding.repair})"
        for finding in report.findings
        if finding.severity == "warns"
    ]


def _check(report: Report, wish: Wish, target: str) -> None:
    forbids = [finding for finding in report.findings if finding.severity == "forbids"]
    if forbids:
        first = forbids[0]
        raise CheckFailedError(f"{target}: {first.subject}: {first.what}", hint=first.repair)
    there = report.facts["edge_hdr"] or {}
    if there.get("trusted") and wish.key is None:
        raise UsageError(
            f"{target} takes only payloads that are signed with a key it trusts",
            hint="name the key: --sign FILE",
        )


def _may_be_root(facts: dict[str, Any], wish: Wish) -> bool:
    if wish.user:
        return False
    asked = facts["sudo"] == "password" and wish.sudo_password is not None
    return facts["sudo"] in {"root", "free"} or asked


def _is_offline(connection: Connection, wish: Wish) -> bool:
    if wish.offline is not None:
        return wish.offline
    from edge_hdr.inspection import ask

    return ask(connection)["network"]["index"] is False


def _fetch(facts: dict[str, Any], environment: EnvironmentPlan, tell: Tell) -> Path | None:
    from edge_hdr import wheelhouse
    from edge_hdr_device.install.requirements import Platform

    if not environment.requirements:
        return None
    tell(Progress("wheels", "begin"))
    folder = wheelhouse.fetch(
        Platform.of(facts),
        environment,
        lambda detail: tell(Progress("wheels", "note", detail)),
    )
    found = list(folder.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in found)
    tell(Progress("wheels", "end", f"{len(found)} packages, {size / 1e6:.1f} MB"))
    return folder
