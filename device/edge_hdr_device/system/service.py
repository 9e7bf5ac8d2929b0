"""Set up the service on a machine: look at it, write its unit, let systemd judge the unit."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import DependencyError, StorageError
from edge_hdr_device.once import check
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.storage import write_atomic
from edge_hdr_device.system.board import Board
from edge_hdr_device.system.places import (
    Account,
    check_places,
    is_there,
    secret_files,
    written_folders,
)
from edge_hdr_device.system.preparation import (
    Service,
    check_readable,
    notes,
    preparing_steps,
    starting_steps,
)
from edge_hdr_device.system.systemd_unit import (
    CAMERA_GROUPS,
    CONFIG,
    CORAL_GROUPS,
    NAME,
    STATE,
    USER,
    Machine,
    device_command,
    unit_text,
)
from edge_hdr_device.system.user_unit import user_unit_text

UNIT = Path(f"/etc/systemd/system/{NAME}.service")
MOST_EXPOSURE = 3.0  # systemd calls it OK up to here


@dataclass(frozen=True)
class Written:
    """A unit that was written.

    Attributes:
        path: of the unit.
        text: of the unit.
        prepare: commands that come before the first start, for root or for the unit's own user.
        start: commands that bring the unit into force after that.
        notes: what the reader should know about this machine, a sentence each.
    """

    path: Path
    text: str
    prepare: tuple[str, ...]
    start: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """Give all commands in their order."""
        return (*self.prepare, *self.start)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "unit": str(self.path),
            "prepare": list(self.prepare),
            "steps": list(self.steps),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class UnitCheck:
    """What systemd says of a unit.

    Attributes:
        exposure: from 0 (can do nothing) to 10 (can do everything); None for a user's own unit,
            which systemd does not judge so.
        complaints: lines about settings that it does not take.
    """

    exposure: float | None
    complaints: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether systemd takes every setting and calls the exposure OK."""
        return not self.complaints and (self.exposure or 0.0) <= MOST_EXPOSURE

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
    program: Path | None = None,
    settle: Path | None = None,
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
        program: the device command of a deployment, in the interpreter's place.
        settle: what ends a deployment's trial before each start.
        settings: what `config` says; None where there is no such file yet.
        out: where to.
        force: replace a unit that differs.
        machine: None looks at this one.

    Raises:
        EdgeHdrError: the service could not run with these settings; no unit is written.
        ConfigError: a name or path that systemd cannot have, or that the service could not see.
        StorageError: another unit is there already, or the place cannot be written.
    """
    machine = look_at_machine() if machine is None else machine
    known = settings or RunConfig()
    check_places(known)
    text = unit_text(
        machine,
        user=user,
        config=config,
        python=python,
        program=program,
        settle=settle,
        writable=tuple(dict.fromkeys(written_folders(known).values())),
    )
    account = Account.find(user, machine.groups)
    service = Service(UNIT, device_command(python, program), account, config, state=STATE)
    return _write(service, text, settings, machine=machine, out=out, force=force)


def write_user_unit(
    *,
    unit: Path,
    state: Path,
    config: Path,
    python: Path | None = None,
    program: Path | None = None,
    settle: Path | None = None,
    settings: RunConfig | None = None,
    out: Path | None = None,
    force: bool = False,
    machine: Machine | None = None,
) -> Written:
    """Write a unit of this user's own, which nobody has to be root for.

    Args:
        unit: where systemd looks for it.
        state: folder of what the service remembers.
        config: the settings that it runs with.
        python: the interpreter that has this package; None is the one that runs this.
        program: the device command of a deployment, in the interpreter's place.
        settle: what ends a deployment's trial before each start.
        settings: what `config` says; None where there is no such file yet.
        out: where to; None is `unit`.
        force: replace a unit that differs.
        machine: None looks at this one.

    Raises:
        EdgeHdrError: the service could not run with these settings; no unit is written.
        ConfigError: a path that systemd cannot have.
        StorageError: another unit is there already, or the place cannot be written.
    """
    machine = look_at_machine() if machine is None else machine
    check_places(settings or RunConfig(), own=True, state=state)
    text = user_unit_text(
        machine,
        name=NAME,
        config=config,
        state=state,
        python=python,
        program=program,
        settle=settle,
    )
    account = Account.find(pwd.getpwuid(os.geteuid()).pw_name, ())
    command = device_command(python, program)
    service = Service(unit, command, account, config, state=state, own=True)
    return _write(service, text, settings, machine=machine, out=out or unit, force=force)


def _write(
    service: Service,
    text: str,
    settings: RunConfig | None,
    *,
    machine: Machine,
    out: Path,
    force: bool,
) -> Written:
    """Write a unit whose settings can be used, and say what goes with it."""
    if settings:
        _check_settings(settings, own=service.own)
    known = settings or RunConfig()
    if out.exists() and not force and out.read_text(encoding="utf-8") != text:
        raise StorageError(f"{out} is there and differs", hint="--force replaces it")
    if out.parent.exists() and not os.access(out.parent, os.W_OK, effective_ids=True):
        raise StorageError(
            f"{out} is for root to write", hint="run it with sudo, or name a place with --out"
        )
    prepare, start = preparing_steps(service, known), starting_steps(service, out)
    write_atomic(out, text)
    return Written(out, text, prepare, start, notes(service, machine, known))


def _check_settings(config: RunConfig, *, own: bool) -> None:
    """Refuse what `run --check` would refuse the service, but for what the steps bring about."""
    for name, path in secret_files(config).items():
        check_readable(path, name)
    read = config.read
    if Path(read.model).is_absolute() and not is_there(Path(read.model)):  # it may come later
        read = replace(read, model="", delegate="none")
    later = replace(config, read=read, web=replace(config.web, enabled=False))
    if os.geteuid() and not own:  # the folders are root's to make
        later = replace(later, output=replace(later.output, file=""))
        later = replace(later, samples=replace(later.samples, folder=""))
    with tempfile.TemporaryDirectory() as state:  # root's files would be in the service's way
        check(later, state=Path(state))


def check_unit(path: Path, *, own: bool = False) -> UnitCheck:
    """Let systemd judge a unit: what it does not understand, and how much it leaves open.

    Args:
        path: of the unit.
        own: whether it is a user's own.

    Raises:
        DependencyError: systemd-analyze is not here.
    """
    if shutil.which("systemd-analyze") is None:
        raise DependencyError(
            "systemd-analyze is not here to check the unit", hint="apt-get install systemd"
        )
    kind = ("--user",) if own else ()
    verified = _analyze(*kind, "verify", "--man=no", str(path))
    complaints = [line for line in verified.stderr.splitlines() if path.name in line]
    if own:
        return UnitCheck(None, tuple(complaints))
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
