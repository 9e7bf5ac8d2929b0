"""Set up the service on a machine: look at it, write its unit, let systemd judge the unit."""

from __future__ import annotations

import grp
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import ConfigError, DependencyError, StorageError
from edge_hdr_device.once import check
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.storage import write_atomic
from edge_hdr_device.system.board import Board
from edge_hdr_device.system.places import (
    READ,
    SEARCH,
    WRITE,
    Account,
    check_places,
    is_there,
    read_files,
    secret_files,
    written_folders,
)
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
from edge_hdr_device.web.token import FILE, is_loopback, load_hash

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
    python = Path(sys.executable) if python is None else python
    known = settings or RunConfig()
    check_places(known)
    writable = tuple(dict.fromkeys(written_folders(known).values()))
    text = unit_text(machine, user=user, config=config, python=python, writable=writable)
    if settings:
        _check_settings(settings)
    if out.exists() and not force and out.read_text(encoding="utf-8") != text:
        raise StorageError(f"{out} is there and differs", hint="--force replaces it")
    if out.parent.exists() and not os.access(out.parent, os.W_OK, effective_ids=True):
        raise StorageError(
            f"{out} is for root to write", hint="run it with sudo, or name a place with --out"
        )
    account = Account.find(user, machine.groups)
    steps = _steps(out, account, python, known)
    write_atomic(out, text)
    return Written(out, text, steps, _notes(machine, config, account, known))


def _check_settings(config: RunConfig) -> None:
    """Refuse what `run --check` would refuse the service, but for what the steps bring about."""
    for name, path in secret_files(config).items():
        _check_readable(path, name)
    read = config.read
    if Path(read.model).is_absolute() and not is_there(Path(read.model)):  # it may come later
        read = replace(read, model="", delegate="none")
    later = replace(config, read=read, web=replace(config.web, enabled=False))
    if os.geteuid():  # the folders are root's to make
        later = replace(later, output=replace(later.output, file=""))
        later = replace(later, samples=replace(later.samples, folder=""))
    with tempfile.TemporaryDirectory() as state:  # root's files would be in the service's way
        check(later, state=Path(state))


def _check_readable(path: Path, name: str) -> None:
    if is_there(path) and not os.access(path, os.R_OK, effective_ids=True):
        raise ConfigError(f"{name}: {path} is not for this user to read", hint="run it with sudo")


def _steps(out: Path, account: Account, python: Path, config: RunConfig) -> tuple[str, ...]:
    user = account.name
    add_user = (
        f"useradd --system --user-group --home-dir {STATE} --no-create-home "
        f"--shell /usr/sbin/nologin {user}"
    )
    missing = dict.fromkeys(path for path in written_folders(config).values() if not is_there(path))
    return (
        *(() if account.uid is not None else (add_user,)),
        *(f"install -d -o {user} -g {user} {shlex.quote(str(path))}" for path in missing),
        *_token_steps(account, python, config),
        *(
            _chown(user, path)
            for name, path in secret_files(config).items()
            if name != "web.token_file" and is_there(path) and account.may(path.parent, SEARCH)
            if not account.may(path, READ)
        ),
        *(() if out == UNIT else (f"install -m 644 {shlex.quote(str(out))} {UNIT}",)),
        "systemctl daemon-reload",
        f"systemctl enable --now {NAME}",
    )


def _token_steps(account: Account, python: Path, config: RunConfig) -> tuple[str, ...]:
    """Make the token that the page needs, or give the one that is there to the service."""
    web = config.web
    file = Path(web.token_file) if web.token_file else STATE / FILE
    if not web.enabled:
        return ()
    optional = is_loopback(web.host) and not web.token_file
    if is_there(file):
        if not optional:
            _check_readable(file, "the token")
        if os.access(file, os.R_OK, effective_ids=True):
            load_hash(file)
        return () if account.may(file, READ) else (_chown(account.name, file),)
    if optional:
        return ()
    words = (str(python), "-P", "-m", "edge_hdr_device", "token", "--token-file", str(file))
    return (shlex.join(words), _chown(account.name, file))


def _chown(user: str, file: Path) -> str:
    return f"chown {user}: {shlex.quote(str(file))}"


def _notes(
    machine: Machine, config: Path, account: Account, settings: RunConfig
) -> tuple[str, ...]:
    missing = [name for name in CAMERA_GROUPS if name not in machine.groups]
    notes = [f"this machine has no group {name}, so the unit leaves it out" for name in missing]
    if not machine.has_memory_limit:
        notes.append(
            "the kernel limits no memory yet: add cgroup_enable=memory to "
            "/boot/firmware/cmdline.txt and reboot"
        )
    if not is_there(config):
        notes.append(f"{config} is not there yet: write it first, an empty file will do")
    return (*notes, *_place_notes(config, account, settings))


def _place_notes(config: Path, account: Account, settings: RunConfig) -> list[str]:
    """Tell of what is there and stays as it is, although the service could not use it."""
    notes = []
    wanted = {"--config": config} | read_files(settings)
    for name, path in wanted.items():
        if not is_there(path) and path != config:
            notes.append(f"{name}: {path} is not there yet; the service does not start without it")
        elif not account.may(path, READ):
            notes.append(
                f"{name}: {account.name} may not read {path}: see its modes and its folder's"
            )
    for name, path in secret_files(settings).items():
        if not account.may(path.parent, SEARCH):
            notes.append(f"{name}: {account.name} may not enter {path.parent}; put it elsewhere")
        elif not is_there(path) and name == "web.key":
            notes.append(f"{name}: {path} is not there yet; the service does not start without it")
    for name, path in written_folders(settings).items():
        if is_there(path) and not account.may(path, WRITE):
            notes.append(
                f"{name}: {account.name} may not write to {path}, which is there and stays as it "
                "is; a folder that is not there yet would be made for it"
            )
    return notes


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
