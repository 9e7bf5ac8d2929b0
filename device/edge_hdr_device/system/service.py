"""Set up the service on a machine: look at it, write its unit, let systemd judge the unit."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import DependencyError, StorageError
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.storage import write_atomic
from edge_hdr_device.system.board import Board
from edge_hdr_device.system.systemd_unit import (
    CAMERA_GROUPS,
    CONFIG,
    CORAL_GROUPS,
    NAME,
    STATE,
    USER,
    Machine,
    unit_text,
)

UNIT = Path(f"/etc/systemd/system/{NAME}.service")
MOST_EXPOSURE = 3.0  # systemd calls it OK up to here


@dataclass(frozen=True)
class Written:
    """A unit that was written.

    Attributes:
        path: of the unit.
        text: of the unit.
        steps: commands that bring it into force, in their order, for root.
        notes: what the reader should know about this machine, a sentence each.
    """

    path: Path
    text: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {"unit": str(self.path), "steps": list(self.steps), "notes": list(self.notes)}


@dataclass(frozen=True)
class UnitCheck:
    """What systemd says of a unit.

    Attributes:
        exposure: from 0 (can do nothing) to 10 (can do everything).
        complaints: lines about settings that it does not take.
    """

    exposure: float
    complaints: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether systemd takes every setting and calls the exposure OK."""
        return not self.complaints and self.exposure <= MOST_EXPOSURE

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {"exposure": self.exposure, "complaints": list(self.complaints)}


def look_at_machine(root: Path = Path("/")) -> Machine:
    """Ask this machine for what its unit depends on.

    Args:
        root: where `usr`, `dev`, `sys` and `proc` are.
    """
    coral = any(root.glob("usr/lib/*/libedgetpu.so.1*")) or any(root.glob("dev/apex_*"))
    wanted = (*CAMERA_GROUPS, *(CORAL_GROUPS if coral else ()))
    known = {entry.gr_name for entry in grp.getgrall()}
    controllers = root / "sys/fs/cgroup/cgroup.controllers"
    return Machine(
        groups=tuple(name for name in wanted if name in known),
        coral=coral,
        memory_bytes=Board(root).memory_bytes,
        systemd=_systemd_version(),
        has_memory_limit=not controllers.is_file() or "memory" in controllers.read_text().split(),
    )


def write_unit(
    *,
    user: str = USER,
    config: Path = CONFIG,
    python: Path | None = None,
    settings: RunConfig | None = None,
    out: Path = UNIT,
    force: bool = False,
    machine: Machine | None = None,
) -> Written:
    """Write the unit of this machine's service, and name the steps that bring it into force.

    Args:
        user: that it runs as.
        config: the settings that it runs with.
        python: the interpreter that has this package; None is the one that runs this.
        settings: what `config` says, where it can be read: for the folders that are written to.
        out: where to.
        force: replace a unit that differs.
        machine: None looks at this one.

    Raises:
        ConfigError: a name or path that systemd cannot have, or that the service could not see.
        StorageError: another unit is there already, or the place cannot be written.
    """
    machine = look_at_machine() if machine is None else machine
    writable = writable_folders(settings) if settings else ()
    text = unit_text(machine, user=user, config=config, python=python, writable=writable)
    if out.exists() and not force and out.read_text(encoding="utf-8") != text:
        raise StorageError(f"{out} is there and differs", hint="--force replaces it")
    if out.parent.exists() and not os.access(out.parent, os.W_OK, effective_ids=True):
        raise StorageError(
            f"{out} is for root to write", hint="run it with sudo, or name a place with --out"
        )
    write_atomic(out, text)
    return Written(out, text, _steps(out, user, writable), _notes(machine, config))


def _steps(out: Path, user: str, writable: tuple[Path, ...]) -> tuple[str, ...]:
    add_user = (
        f"useradd --system --user-group --home-dir {STATE} --no-create-home "
        f"--shell /usr/sbin/nologin {user}"
    )
    return (
        *(() if _is_user(user) else (add_user,)),
        *(f"install -d -o {user} -g {user} {shlex.quote(str(path))}" for path in writable),
        *(() if out == UNIT else (f"install -m 644 {shlex.quote(str(out))} {UNIT}",)),
        "systemctl daemon-reload",
        f"systemctl enable --now {NAME}",
    )


def _notes(machine: Machine, config: Path) -> tuple[str, ...]:
    missing = [name for name in CAMERA_GROUPS if name not in machine.groups]
    notes = [f"this machine has no group {name}, so the unit leaves it out" for name in missing]
    if not machine.has_memory_limit:
        notes.append(
            "the kernel limits no memory yet: add cgroup_enable=memory to "
            "/boot/firmware/cmdline.txt and reboot"
        )
    if not config.exists():
        notes.append(f"{config} is not there yet; the service starts once it is")
    return tuple(notes)


def writable_folders(config: RunConfig) -> tuple[Path, ...]:
    """List the folders outside the state folder that the service writes to by its settings."""
    folder, file = config.samples.folder, config.output.file
    wanted = [Path(folder)] if folder else []
    wanted += [Path(file).parent] if file else []
    return tuple(path for path in wanted if path.is_absolute() and not path.is_relative_to(STATE))


def check_unit(path: Path) -> UnitCheck:
    """Let systemd judge a unit: what it does not understand, and how much it leaves open.

    Raises:
        DependencyError: systemd-analyze is not here.
    """
    if shutil.which("systemd-analyze") is None:
        raise DependencyError(
            "systemd-analyze is not here to check the unit", hint="apt-get install systemd"
        )
    verified = _analyze("verify", "--man=no", str(path))
    complaints = [line for line in verified.stderr.splitlines() if path.name in line]
    judged = _analyze("security", "--offline=true", "--no-pager", str(path))
    found = re.search(r"Overall exposure level[^:]*: ([\d.]+)", judged.stdout)
    if found is None:
        complaints.append(f"systemd-analyze security: {judged.stderr.strip() or 'no figure'}")
    return UnitCheck(float(found[1]) if found else 10.0, tuple(complaints))


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def _systemd_version() -> int:
    if shutil.which("systemctl") is None:
        return 0
    done = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else 0


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
