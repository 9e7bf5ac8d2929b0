"""The service's manager: root's systemd or a user's own, by its programs alone."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import DeviceStepError
from edge_hdr_device.install import holding
from edge_hdr_device.install.layout import Mode
from edge_hdr_device.system.systemd_unit import NAME

UNIT = f"{NAME}.service"
QUICK_S = 30.0  # for what only talks to the manager
START_S = 180.0  # the unit's own limits for a stop and a start, and some more
USER_MANAGER_S = 5.0  # for a user's manager to come up once lingering is on
JOURNAL_LINES = 15
BROKEN = 124  # code of a program that could not be run, or did not end in time
BOOTED, LINGERING = Path("/run/systemd/system"), Path("/var/lib/systemd/linger")
ASKED = (
    *("ActiveState", "SubState", "MainPID", "NRestarts", "StatusText", "Result", "InvocationID"),
    *("LoadState", "ActiveEnterTimestampMonotonic"),
)


@dataclass(frozen=True)
class UnitState:
    """What systemd says of the service at one moment.

    Attributes:
        active: active, activating, deactivating, inactive, failed, reloading.
        sub: the finer state, as running or auto-restart.
        pid: of the main process; 0 where there is none.
        restarts: how often it was started again by itself.
        text: what the service says of itself.
        result: how it ended last, as success, exit-code, watchdog.
        invocation: this run's id.
        loaded: whether there is such a unit.
        since_s: when it became active, Unix time; None where it is not.
    """

    active: str = "inactive"
    sub: str = "dead"
    pid: int = 0
    restarts: int = 0
    text: str = ""
    result: str = ""
    invocation: str = ""
    loaded: bool = False
    since_s: float | None = None

    @classmethod
    def of(cls, values: dict[str, str]) -> UnitState:
        """Read what `systemctl show` printed."""
        return cls(
            active=values.get("ActiveState", "inactive"),
            sub=values.get("SubState", ""),
            pid=_number(values.get("MainPID", "")),
            restarts=_number(values.get("NRestarts", "")),
            text=values.get("StatusText", ""),
            result=values.get("Result", ""),
            invocation=values.get("InvocationID", ""),
            loaded=values.get("LoadState", "") == "loaded",
            since_s=_unix_time(values.get("ActiveEnterTimestampMonotonic", "")),
        )

    @property
    def runs(self) -> bool:
        """Tell whether it is up."""
        return self.active in {"active", "reloading"}

    @property
    def in_words(self) -> str:
        """Say its state, as "failed (exit-code)"."""
        if self.result not in {"", "success"} and not self.runs:
            return f"failed ({self.result})"
        return f"{self.active} ({self.sub})" if self.sub else self.active

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "state": self.active,
            "pid": self.pid or None,
            "restarts": self.restarts,
            "since": self.since_s,
            "text": self.text if self.runs else None,  # else what an earlier run said
        }


class Systemd:
    """systemctl, loginctl and journalctl for one service.

    Args:
        mode: whose manager.
    """

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._scope = ["--user"] if mode == "user" else []
        self._words = " ".join(["systemctl", *self._scope])

    def is_booted(self) -> bool:
        """Tell whether this system was booted with systemd."""
        return BOOTED.is_dir() and shutil.which("systemctl") is not None

    def is_there(self) -> bool:
        """Tell whether this manager runs and answers."""
        if not self.is_booted():
            return False
        return self._try("systemctl", *self._scope, "show", "--property=Version").returncode == 0

    def daemon_reload(self) -> None:
        """Read the units anew."""
        self._do("daemon-reload")

    def enable(self) -> None:
        """Start the service at each boot."""
        self._do("enable", "--quiet", UNIT)

    def disable(self) -> None:
        """Start it no more at boot; a unit that is not there is fine."""
        self._try("systemctl", *self._scope, "disable", "--quiet", UNIT)

    def restart(self) -> None:
        """Start the service anew and wait until it says that it is ready.

        Raises:
            DeviceStepError: it does not come up.
        """
        self._try("systemctl", *self._scope, "reset-failed", UNIT)  # its limit counts anew
        done = self._try("systemctl", *self._scope, "restart", UNIT, timeout_s=START_S)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [""]
            why = said[0] if done.returncode == BROKEN else self.show().in_words
            raise DeviceStepError(
                f"the service does not come up: {why}", hint=f"{self._words} status {UNIT}"
            )

    def stop(self) -> None:
        """Stop the service; one that is not there is fine."""
        self._try("systemctl", *self._scope, "stop", UNIT, timeout_s=START_S)

    def forget_failure(self) -> None:
        """Leave no failed unit behind that is gone."""
        self._try("systemctl", *self._scope, "reset-failed", UNIT)

    def show(self) -> UnitState:
        """Ask for the service's state; an empty one where nobody answers."""
        wanted = f"--property={','.join(ASKED)}"
        done = self._try("systemctl", *self._scope, "show", wanted, UNIT)
        pairs = (line.partition("=") for line in done.stdout.splitlines())
        return UnitState.of({name: value for name, _, value in pairs})

    def is_enabled(self) -> bool:
        """Tell whether the service starts at boot."""
        asked = self._try("systemctl", *self._scope, "is-enabled", UNIT)
        return asked.returncode == 0

    def journal_lines(
        self, lines: int = JOURNAL_LINES, *, since_s: float = 0.0, but: str = ""
    ) -> list[str]:
        """Give the service's last lines of the journal, oldest first.

        Args:
            lines: at most so many.
            since_s: Unix time; none before it.
            but: an invocation whose lines are left out.
        """
        self._try("journalctl", "--sync")  # root's; without it the very last lines may be missing
        command = ["journalctl", *self._scope, "--unit", UNIT, "--output=json", "--no-pager"]
        command += ["--quiet", "--all", f"--lines={lines * 10}"]
        command += [f"--since=@{since_s:.3f}"] if since_s else []
        found = self._try(*command).stdout.splitlines()
        said = (_message(line, but) for line in found)
        return [message for message in said if message][-lines:]

    def linger(self) -> str:
        """Let the user's manager run without a session.

        Returns:
            "was" (it did), "enabled" (it does now), or "refused".
        """
        if is_lingering():
            return "was"
        self._try("loginctl", "enable-linger")
        if not is_lingering():
            return "refused"
        end_s = time.monotonic() + USER_MANAGER_S
        while not self.is_there() and time.monotonic() < end_s:
            time.sleep(0.1)
        return "enabled"

    def linger_no_more(self) -> None:
        """Let the user's manager end with the user's last session again."""
        self._try("loginctl", "disable-linger")

    def _do(self, *words: str, timeout_s: float = QUICK_S) -> None:
        done = self._try("systemctl", *self._scope, *words, timeout_s=timeout_s)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise DeviceStepError(
                f"systemctl {' '.join(words)} failed: {said[0] if said else done.returncode}",
                hint=f"{self._words} status {UNIT}",
            )

    def _try(self, *argv: str, timeout_s: float = QUICK_S) -> subprocess.CompletedProcess[str]:
        """Run a program; whatever keeps it from running is a code of its own."""
        try:
            return holding.run(list(argv), timeout_s=timeout_s, env=self._environment())
        except DeviceStepError as error:
            return subprocess.CompletedProcess(argv, BROKEN, "", error.message)

    def _environment(self) -> dict[str, str]:
        """Find the user's manager even where no session was opened, as over a plain connection."""
        environment = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
        if self.mode == "user":
            own = f"/run/user/{os.getuid()}"
            runtime = environment.setdefault("XDG_RUNTIME_DIR", own)
            environment.setdefault("DBUS_SESSION_BUS_ADDRESS", f"unix:path={runtime}/bus")
        return environment


def is_lingering() -> bool:
    """Tell whether this user's manager runs without a session."""
    return (LINGERING / user_name()).exists()


def user_name() -> str:
    """Give the name of this process's user; its number where it has none."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid())


def _message(line: str, but: str) -> str:
    """Give what a line of the journal's JSON says; empty for one that is left out."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    names = ("_SYSTEMD_INVOCATION_ID", "INVOCATION_ID", "USER_INVOCATION_ID")
    if but and but in {entry.get(name) for name in names}:
        return ""
    message = entry.get("MESSAGE") or ""
    if isinstance(message, list):  # bytes that are no text
        message = bytes(message).decode(errors="replace")
    return str(message).rstrip()


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _unix_time(monotonic_us: str) -> float | None:
    """Turn a time since boot into one that a person can read."""
    since_boot_s = _number(monotonic_us) / 1e6
    if not since_boot_s:
        return None
    return round(time.time() - (time.monotonic() - since_boot_s), 1)
