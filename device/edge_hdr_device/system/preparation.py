"""What a service wants beside its unit: the steps that bring it into force, and what to know."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.system.places import (
    READ,
    SEARCH,
    WRITE,
    Account,
    is_there,
    read_files,
    secret_files,
    written_folders,
)
from edge_hdr_device.system.systemd_unit import NAME, STATE, Machine
from edge_hdr_device.web.token import FILE, is_loopback, load_hash

NEEDED_GROUP = "video"  # every camera is its; few systems lack render, and few cameras want it


@dataclass(frozen=True)
class Service:
    """A service to be.

    Attributes:
        unit: where systemd looks for its unit.
        command: words of the device command.
        account: user that it runs as.
        config: settings that it runs with.
        state: folder of what it remembers.
        own: whether it is that user's own, and nobody becomes root for it.
    """

    unit: Path
    command: tuple[str, ...]
    account: Account
    config: Path
    state: Path = STATE
    own: bool = False


def preparing_steps(service: Service, settings: RunConfig) -> tuple[str, ...]:
    """List what comes before the first start; each can be done again without harm.

    Raises:
        ConfigError: the token that is there cannot be used.
    """
    missing = [
        shlex.quote(str(path))
        for path in dict.fromkeys(written_folders(settings, service.state).values())
        if not is_there(path)
    ]
    if service.own:
        folders = [shlex.quote(str(service.state)), *missing]
        return (f"mkdir -p {' '.join(folders)}", *_token_steps(service, settings))
    user = service.account.name
    add_user = (
        f"useradd --system --user-group --home-dir {STATE} --no-create-home "
        f"--shell /usr/sbin/nologin {user}"
    )
    return (
        *(() if service.account.uid is not None else (add_user,)),
        *_state_steps(service, settings),
        *(f"install -d -o {user} -g {user} {path}" for path in missing),
        *_token_steps(service, settings),
        *(
            _chown(user, path)
            for name, path in secret_files(settings).items()
            if name != "web.token_file" and is_there(path)
            if service.account.may(path.parent, SEARCH) and not service.account.may(path, READ)
        ),
    )


def starting_steps(service: Service, out: Path) -> tuple[str, ...]:
    """List what brings the unit into force.

    Args:
        service: whose unit it is.
        out: where it was written.
    """
    unit, made = shlex.quote(str(service.unit)), shlex.quote(str(out))
    if not service.own:
        return (
            *(() if out == service.unit else (f"install -m 644 {made} {unit}",)),
            "systemctl daemon-reload",
            f"systemctl enable --now {NAME}",
        )
    return (
        *(() if out == service.unit else (f"install -D -m 644 {made} {unit}",)),
        "loginctl enable-linger",
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {NAME}",
    )


def notes(service: Service, machine: Machine, settings: RunConfig) -> tuple[str, ...]:
    """Tell what the reader should know about this machine, a sentence each."""
    lines = _group_notes(service.account, machine) if service.own else []
    if not service.own and NEEDED_GROUP not in machine.groups:
        lines.append(f"this machine has no group {NEEDED_GROUP}, so the unit leaves it out")
    if not machine.has_memory_limit:
        lines.append(
            "the kernel limits no memory yet: add cgroup_enable=memory to "
            "/boot/firmware/cmdline.txt and reboot"
        )
    if not is_there(service.config):
        lines.append(f"{service.config} is not there yet: write it first, an empty file will do")
    return (*lines, *_place_notes(service, settings))


def check_readable(path: Path, name: str) -> None:
    """Refuse a file that this user may not read, and so cannot check.

    Raises:
        ConfigError: it is there and closed.
    """
    if is_there(path) and not os.access(path, os.R_OK, effective_ids=True):
        raise ConfigError(f"{name}: {path} is not for this user to read", hint="run it with sudo")


def _state_steps(service: Service, settings: RunConfig) -> tuple[str, ...]:
    """Make the state folder where the settings write into it; systemd would, but later."""
    inside = (settings.samples.folder, settings.output.file)
    if is_there(service.state) or not any(
        Path(name).is_relative_to(service.state) for name in inside
    ):
        return ()
    user = service.account.name
    return (f"install -d -m 750 -o {user} -g {user} {shlex.quote(str(service.state))}",)


def _token_steps(service: Service, settings: RunConfig) -> tuple[str, ...]:
    """Make the token that the page needs, or give the one that is there to the service."""
    web, account = settings.web, service.account
    file = Path(web.token_file) if web.token_file else service.state / FILE
    if not web.enabled:
        return ()
    optional = is_loopback(web.host) and not web.token_file
    if is_there(file):
        if not optional:
            check_readable(file, "the token")
        if os.access(file, os.R_OK, effective_ids=True):
            load_hash(file)
        return () if service.own or account.may(file, READ) else (_chown(account.name, file),)
    if optional:
        return ()
    made = shlex.join((*service.command, "token", "--token-file", str(file)))
    return (made,) if service.own else (made, _chown(account.name, file))


def _chown(user: str, file: Path) -> str:
    return f"chown {user}: {shlex.quote(str(file))}"


def _group_notes(account: Account, machine: Machine) -> list[str]:
    """Tell which groups of a camera the user is not in; a unit of theirs cannot join any."""
    lacking = [name for name in machine.groups if not account.is_in(name)]
    if not lacking or account.uid == 0:
        return []
    return [
        f"{account.name} is not in {' and '.join(lacking)}, which cameras may need: "
        f"sudo usermod -aG {','.join(lacking)} {account.name}, then reboot"
    ]


def _place_notes(service: Service, settings: RunConfig) -> list[str]:
    """Tell of what is there and stays as it is, although the service could not use it."""
    found, account = [], service.account
    wanted = {"--config": service.config} | read_files(settings)
    for name, path in wanted.items():
        if not is_there(path) and path != service.config:
            found.append(f"{name}: {path} is not there yet; the service does not start without it")
        elif not account.may(path, READ):
            found.append(
                f"{name}: {account.name} may not read {path}: see its modes and its folder's"
            )
    for name, path in secret_files(settings).items():
        if not account.may(path.parent, SEARCH):
            found.append(f"{name}: {account.name} may not enter {path.parent}; put it elsewhere")
        elif not is_there(path) and name == "web.key":
            found.append(f"{name}: {path} is not there yet; the service does not start without it")
    for name, path in written_folders(settings, service.state).items():
        if is_there(path) and not account.may(path, WRITE):
            found.append(
                f"{name}: {account.name} may not write to {path}, which is there and stays as it "
                "is; a folder that is not there yet would be made for it"
            )
    return found
