"""Judge a board by its facts: what a deployment would be there, and what is in its way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from edge_hdr.doctor_case import Case, Finding, Mode
from edge_hdr.doctor_findings import diagnose
from edge_hdr.errors import CheckFailedError
from edge_hdr_device.install.requirements import EnvironmentPlan, Platform, plan

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["ok", "warn", "bad", ""]
VERDICTS: dict[str, Verdict] = {"forbids": "bad", "warns": "warn"}


@dataclass(frozen=True)
class Row:
    """A line of the doctor's table.

    Attributes:
        what: was looked at.
        found: there.
        verdict: "ok", "warn", "bad"; empty where there is nothing to judge.
    """

    what: str
    found: str
    verdict: Verdict

    def to_dict(self) -> dict[str, str]:
        """Give it as JSON-ready values."""
        return {"what": self.what, "found": self.found, "verdict": self.verdict}


@dataclass(frozen=True)
class Report:
    """What the doctor says of a board.

    Attributes:
        facts: of `edge_hdr_device.install.probe`.
        rows: of the table.
        findings: what is not as it should be, what forbids a deployment first.
        interpreter: that would run the models, as "ai-edge-litert 2.3.0"; None for none.
        mode: of a deployment: "system", or "user" where root's rights are not to be had.
    """

    facts: dict[str, Any]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    interpreter: str | None
    mode: Mode

    @property
    def forbids(self) -> bool:
        """Tell whether something forbids a deployment."""
        return any(finding.severity == "forbids" for finding in self.findings)

    @property
    def conclusion(self) -> str:
        """Say in one line whether a deployment can go ahead, and as what."""
        if self.forbids:
            return "forbidden: " + "; ".join(
                f"{finding.subject}: {finding.what}"
                for finding in self.findings
                if finding.severity == "forbids"
            )
        service = "system service" if self.mode == "system" else "user service"
        service = service if self.facts["systemd"]["running"] else "no service"
        return f"a deployment can go ahead: {self.interpreter}, {service}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "facts": self.facts,
            "rows": [row.to_dict() for row in self.rows],
            "findings": [finding.to_dict() for finding in self.findings],
            "interpreter": self.interpreter,
            "mode": self.mode,
            "forbids": self.forbids,
            "conclusion": self.conclusion,
        }


def examine(
    facts: Mapping[str, Any],
    *,
    mode: Mode | None = None,
    now_s: float | None = None,
    target: str = "",
) -> Report:
    """Judge a board.

    Args:
        facts: what its probe told.
        mode: of the deployment; None is root's where root's rights are free.
        now_s: the time, which its clock is compared with; None is now.
        target: how the board is called here, for commands that name it.
    """
    known = dict(facts)
    mode = mode or ("system" if known["sudo"] in {"root", "free"} else "user")
    environment, refusals = _plan(known)
    case = Case(known, environment, mode, time.time() if now_s is None else now_s, target)
    findings = (*refusals, *diagnose(case))
    worst = {finding.subject: VERDICTS[finding.severity] for finding in reversed(findings)}
    interpreter = _interpreter(environment, known) if environment else None
    rows = tuple(
        Row(what, found, worst.get(what, "ok" if judged else ""))
        for what, found, judged in _rows(case, interpreter)
        if found
    )
    return Report(known, rows, findings, interpreter, mode)


def _plan(facts: dict[str, Any]) -> tuple[EnvironmentPlan | None, tuple[Finding, ...]]:
    try:
        return plan(Platform.of(facts)), ()
    except CheckFailedError as error:
        return None, (Finding("forbids", "interpreter", error.message, error.hint),)


def _interpreter(environment: EnvironmentPlan, facts: dict[str, Any]) -> str:
    name = environment.interpreter
    pinned = dict(requirement.partition("==")[::2] for requirement in environment.requirements)
    version = pinned.get(name) or facts["packages"].get(name.replace("-", "_")) or ""
    return f"{name} {version}".strip()


def _rows(case: Case, interpreter: str | None) -> Iterator[tuple[str, str, bool]]:
    """Give what, found, and whether no finding about it means that it is well."""
    yield from _system_rows(case, interpreter)
    yield from _board_rows(case.facts)
    yield from _service_rows(case.facts, case.mode)


def _system_rows(case: Case, interpreter: str | None) -> Iterator[tuple[str, str, bool]]:
    facts = case.facts
    system, userland, python = facts["system"], facts["userland"], facts["python"]
    kernel = f"Linux {system['kernel']} on {system['kernel_machine']}"
    yield "board", facts["board"]["model"] or f"{userland['machine']} machine", False
    yield "system", f"{system['name'] or 'unknown'}, {kernel}", False
    yield "userland", f"{userland['machine']}, {userland['bits']} bits", False
    yield "C library", f"{userland['libc'] or 'unknown'} {userland['libc_version'] or ''}", False
    pip = "with pip" if python["venv"] or python["pip"] else "without pip"
    yield "Python", f"{python['version']}, {pip}", True
    yield "interpreter", interpreter or "none for this system", True
    own = [f"{name} {version}" for name, version in facts["packages"].items() if version]
    yield "packages", ", ".join(own) or "none of those that matter", False
    network = facts["network"]
    brought = network["index"] is False and case.packages_to_get
    along = "; a deployment brings the packages along" if brought else ""
    yield "network", network["detail"] + along, network["index"] is True


def _board_rows(facts: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    board, memory, cameras = facts["board"], facts["memory"], facts["cameras"]
    for name, place in facts["disk"].items():
        if name == "system" or place["total_bytes"] != facts["disk"]["system"]["total_bytes"]:
            what = "disk" if name == "system" else f"disk ({name})"
            yield what, f"{_size(place['free_bytes'])} free in {place['path']}", name == "system"
    free, total = _size(memory["available_bytes"]), _size(memory["total_bytes"])
    yield "memory", f"{free} of {total} available", True
    yield "CMA", _size(facts["cma_bytes"]), facts["cma_bytes"] is not None
    named = [f"{camera['name']} ({camera['device']})" for camera in cameras]
    yield "cameras", ", ".join(named) or "none", True
    degrees = board["temperature_c"]
    yield "temperature", "" if degrees is None else f"{degrees:.0f} °C", degrees is not None
    power = board["throttled"]
    complaints = ", ".join(power or ()) or "no complaints now"
    yield "power", "" if power is None else complaints, power is not None
    coral = facts["coral"]
    plugged = [kind for kind in ("usb", "pci") if coral[kind]]
    yield "Coral", ", ".join(plugged).upper() or "none", bool(plugged)


def _service_rows(facts: dict[str, Any], mode: Mode) -> Iterator[tuple[str, str, bool]]:
    clock, systemd, there = facts["clock"], facts["systemd"], facts["edge_hdr"]
    kept = {True: "synchronized", False: "not synchronized", None: "unknown whether it is right"}
    is_kept = kept[clock["synchronized"]]
    yield "clock", f"{is_kept}, {clock['zone'] or 'UTC'}", clock["synchronized"] is not None
    runs = "runs" if systemd["running"] else "does not run"
    lingers = ", the user lingers" if systemd["linger"] else ", the user does not linger yet"
    lingers = lingers if mode == "user" and systemd["running"] else ""
    yield "systemd", f"{systemd['version'] or 'none'}, {runs}{lingers}", True
    yield "user", f"{facts['user']} in {', '.join(facts['groups'])}", mode == "user"
    sudo = {"free": "sudo without a password", "password": "sudo with a password"}
    yield "rights", sudo.get(facts["sudo"], facts["sudo"]), True
    if there is None:
        yield "edge-hdr", "none", False
        return
    running = f"{there['version']} with {there['model']}, release {there['current']}"
    state = f", service {there['service']}" if there["service"] else ""
    keys = f", trusts {there['trusted']} keys" if there["trusted"] else ""
    yield "edge-hdr", (running if there["current"] else "no release") + state + keys, True


def _size(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
