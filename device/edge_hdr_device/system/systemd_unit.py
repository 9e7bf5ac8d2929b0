"""The text of the systemd unit: watched, restarted, and allowed little besides the camera."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device.errors import ConfigError

NAME = "edge-hdr-device"
USER = "edge-hdr"
CONFIG = Path("/etc/edge-hdr/device.toml")
STATE = Path("/var/lib") / NAME
CAMERA_GROUPS = ("video", "render")
CORAL_GROUPS = ("plugdev", "apex")
CAMERA_DEVICES = ("char-video4linux", "char-media", "char-dma_heap", "char-drm")
CORAL_DEVICES = ("char-usb_device", "char-apex")
CAMERA_MODULES, CORAL_MODULES = ("videodev", "drm"), ("apex",)
LEAST_BYTES, MOST_BYTES = 256 << 20, 1 << 30  # of memory for the service; between, half the board's
BACK_OFF_VERSION = 254  # from this systemd on the pauses between restarts can grow
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - what the unit closes
PLACES = "install the package in /opt/edge-hdr, keep settings in /etc/edge-hdr"

RUN_TEXT = """\
Type=notify
NotifyAccess=main
{settle}ExecStart={command}
# Bad settings fail the reload before the reader hears of it.
ExecReload={command} --check
ExecReload=/bin/kill -HUP $MAINPID
# Readings go to the outputs of the settings; the journal has the log.
StandardOutput=null
StandardError=journal
# The frame loop itself feeds the watchdog; where it hung is shown when it dies of that.
WatchdogSec=30
Environment=PYTHONFAULTHANDLER=1 MALLOC_ARENA_MAX=2
{environment}Restart=on-failure
RestartSec=5
{back_off}TimeoutStartSec=120
TimeoutStopSec=5
KillMode=mixed
"""
UNIT_TEXT = """\
# Written by `edge-hdr-device service`; put changes of your own into `systemctl edit {name}`.
[Unit]
Description=Read handwritten digits through a camera
After=network.target {modules}
# What is allowed below is known to the kernel only once these are loaded, camera or not.
Wants={modules}
StartLimitIntervalSec=300
StartLimitBurst=30

[Service]
{run}
User={user}
{groups}StateDirectory={name}
StateDirectoryMode=0750
WorkingDirectory=%S/{name}
UMask=0027

MemoryMax={memory}
OOMPolicy=stop
TasksMax=128
LimitCORE=0

ProtectSystem=strict
{writable}ProtectHome=yes
PrivateTmp=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
# Netlink is how libcamera hears of devices.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
DevicePolicy=closed
{devices}
[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Machine:
    """What the unit takes from the machine that it is for.

    Attributes:
        groups: those of a camera (and a Coral) that the machine has; one that is missing would
            keep the unit from starting.
        coral: whether the Edge TPU's library is installed.
        memory_bytes: of the board; None where it does not tell.
        systemd: its version; 0 where there is none.
        has_memory_limit: whether the kernel limits memory; Raspberry Pi OS leaves it off.
    """

    groups: tuple[str, ...] = CAMERA_GROUPS
    coral: bool = False
    memory_bytes: int | None = None
    systemd: int = 0
    has_memory_limit: bool = True


def unit_text(
    machine: Machine,
    *,
    user: str = USER,
    config: Path = CONFIG,
    python: Path | None = None,
    program: Path | None = None,
    settle: Path | None = None,
    writable: tuple[Path, ...] = (),
) -> str:
    """Write the unit.

    It runs as a user of its own rather than a dynamic one: samples and state keep their owner, and
    files with secrets can be given to that owner alone.

    Args:
        machine: that it is for.
        user: a name; see `Written.steps` for how it is made.
        config: the settings that the service runs with.
        python: the interpreter that has this package; None is the one that runs this.
        program: the device command of a deployment, in the interpreter's place.
        settle: what ends a deployment's trial before each start; it runs as root.
        writable: folders outside the state folder that it writes to.

    Raises:
        ConfigError: a name or path that systemd cannot have, or the service could not see.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}", user):
        raise ConfigError(f"{user!r} is no name of a system user", hint=f"as {USER}")
    for path in writable:
        check_path(path, "a folder to write to")
    words = device_command(python, program)
    named = {"--program" if program else "--python": Path(words[0]), "--config": config}
    for name, path in named.items():
        check_path(path, name)
        check_visible(path, name, PLACES)
    devices = (*CAMERA_DEVICES, *(CORAL_DEVICES if machine.coral else ()))
    modules = (*CAMERA_MODULES, *(CORAL_MODULES if machine.coral else ()))
    return UNIT_TEXT.format(
        name=NAME,
        modules=" ".join(f"modprobe@{module}.service" for module in modules),
        run=run_text(machine, words, config, settle=settle, rights="+"),
        user=user,
        groups=f"SupplementaryGroups={' '.join(machine.groups)}\n" if machine.groups else "",
        memory=memory_limit(machine),
        writable="".join(f"ReadWritePaths=-{quoted(str(path))}\n" for path in writable),
        devices="".join(f"DeviceAllow={device} rw\n" for device in devices),
    )


def device_command(python: Path | None, program: Path | None) -> tuple[str, ...]:
    """Give the words of the device command: a deployment's own, or this package by its Python."""
    if program is not None:
        return (str(program),)
    python = Path(sys.executable) if python is None else python
    return (str(python), "-P", "-m", "edge_hdr_device")


def run_text(
    machine: Machine,
    command: tuple[str, ...],
    config: Path,
    *,
    settle: Path | None = None,
    rights: str = "",
    environment: str = "",
) -> str:
    """Write how the reader is started, watched and started again.

    Args:
        machine: that it is for.
        command: words of the device command.
        config: the settings that it runs with.
        settle: run before each start; when it fails the reader starts nevertheless.
        rights: "+" lets that out of the sandbox.
        environment: further lines.
    """
    if settle is not None:
        check_path(settle, "--settle")
    before = f"ExecStartPre=-{rights}{quoted(str(settle))}\n" if settle else ""
    growing = machine.systemd >= BACK_OFF_VERSION
    words = (*command, "run", "--config", str(config))
    return RUN_TEXT.format(
        settle=before,
        command=" ".join(quoted(word) for word in words),
        back_off="RestartSteps=5\nRestartMaxDelaySec=120\n" if growing else "",
        environment=environment,
    )


def memory_limit(machine: Machine) -> str:
    """Give half the board's memory, within bounds."""
    share = (machine.memory_bytes or MOST_BYTES) // 2
    return f"{min(max(share, LEAST_BYTES), MOST_BYTES) >> 20}M"


def check_path(path: Path, name: str) -> None:
    """Refuse a path that means another place to systemd, or none.

    Args:
        path: as written.
        name: of the setting or flag that names it.

    Raises:
        ConfigError: it is relative, climbs by "..", or has control characters.
    """
    plain = path.is_absolute() and ".." not in path.parts
    if not plain or any(ord(letter) < 32 for letter in str(path)):
        raise ConfigError(
            f"{name}: {str(path)!r} is no absolute path",
            hint="systemd wants one from /, without ..",
        )


def check_visible(path: Path, name: str, hint: str) -> None:
    """Refuse what lies, or leads to, where the service may not look.

    Args:
        path: an absolute one.
        name: of the setting or flag that names it.
        hint: where it should be.

    Raises:
        ConfigError: the unit closes a folder on the way.
    """
    for place in (path, Path(os.path.realpath(path))):
        for folder in HIDDEN:
            if place.is_relative_to(folder):
                raise ConfigError(
                    f"{name}: the service could not see {place}: {folder} is closed to it",
                    hint=hint,
                )


def quoted(word: str, *, variables: bool = True) -> str:
    """Quote a word of a unit's line; of a command's, `$` would begin a variable.

    Source: systemd.service(5), systemd.unit(5), systemd.exec(5).
    """
    word = word.replace("%", "%%")
    word = word.replace("$", "$$") if variables else word
    if re.fullmatch(r"[\w./%$:@+=-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
