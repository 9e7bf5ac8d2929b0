"""The text of a user's own unit, for a board where nobody may become root."""

from __future__ import annotations

from pathlib import Path

from edge_hdr_device.system.systemd_unit import (
    Machine,
    check_path,
    device_command,
    memory_limit,
    quoted,
    run_text,
)

# What needs rights is left to the user's own; the rest is what the kernel lets anyone give up.
USER_UNIT_TEXT = """\
# Written by `edge-hdr-device service`; for changes of your own: `systemctl --user edit {name}`.
[Unit]
Description=Read handwritten digits through a camera
StartLimitIntervalSec=300
StartLimitBurst=30

[Service]
{run}WorkingDirectory=-{state}
UMask=0027

MemoryMax={memory}
TasksMax=128
LimitCORE=0

NoNewPrivileges=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
# Netlink is how libcamera hears of devices.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def user_unit_text(
    machine: Machine,
    *,
    name: str,
    config: Path,
    state: Path,
    python: Path | None = None,
    program: Path | None = None,
    settle: Path | None = None,
) -> str:
    """Write a unit for the manager of a user's own services.

    Its state folder is named outright: what `StateDirectory=` means to such a manager differs from
    one systemd to the next.

    Args:
        machine: that it is for.
        name: of the unit.
        config: the settings that the service runs with.
        state: folder of what it remembers.
        python: the interpreter that has this package; None is the one that runs this.
        program: the device command of a deployment, in the interpreter's place.
        settle: what ends a deployment's trial before each start.

    Raises:
        ConfigError: a path that systemd cannot have.
    """
    words = device_command(python, program)
    named = {"--program" if program else "--python": Path(words[0]), "--config": config}
    for flag, path in (named | {"the state folder": state}).items():
        check_path(path, flag)
    variable = quoted(f"EDGE_HDR_STATE={state}", variables=False)
    return USER_UNIT_TEXT.format(
        name=name,
        run=run_text(
            machine, words, config, settle=settle, environment=f"Environment={variable}\n"
        ),
        state=str(state).replace("%", "%%"),
        memory=memory_limit(machine),
    )
