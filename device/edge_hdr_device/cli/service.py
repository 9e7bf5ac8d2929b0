"""`edge-hdr-device service`: write the systemd unit that runs the reader for months."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr_device.cli import render
from edge_hdr_device.errors import CheckFailedError, ConfigError, UsageError

if TYPE_CHECKING:
    from edge_hdr_device.system.service import Written

HELP = "write the systemd unit"
DESCRIPTION = "Write the systemd unit of the reader, and name the steps that bring it into force."


class RefusedError(CheckFailedError):
    """What systemd says against the unit is in `data`."""

    def __init__(self, message: str, data: dict[str, object]) -> None:
        super().__init__(message, hint="the lines above are systemd's own")
        self.data = data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of the service")
    parser.add_argument("--user", metavar="NAME", help="that it runs as")
    parser.add_argument("--python", type=Path, metavar="FILE", help="interpreter of this package")
    parser.add_argument(
        "--program", type=Path, metavar="FILE", help="device command of a deployment"
    )
    parser.add_argument("--settle", type=Path, metavar="FILE", help="run before each start")
    parser.add_argument("--user-unit", action="store_true", help="a unit of this user's own")
    parser.add_argument("--out", type=Path, metavar="FILE", help="another place for the unit")
    parser.add_argument("--force", action="store_true", help="replace a unit that differs")
    parser.add_argument("--check", action="store_true", help="let systemd judge it, too")


def execute(options: argparse.Namespace) -> int:
    """Write the unit.

    Raises:
        EdgeHdrError: the settings cannot be used; no unit is written for them.
        StorageError: another unit is there already, or the place cannot be written.
        CheckFailedError: under --check, systemd does not take it or finds it too open.
    """
    from edge_hdr_device.system import service

    _check_flags(options)
    written = _write_user_unit(options) if options.user_unit else _write_unit(options)
    data = written.to_dict()
    lines = [f"written: {written.path}", *(f"note: {note}" for note in written.notes)]
    who = "as yourself:" if options.user_unit else "as root:"
    lines += [who, *(f"    {step}" for step in written.steps)]
    if options.check:
        found = service.check_unit(written.path, own=options.user_unit)
        data["check"] = found.to_dict()
        if found.exposure is not None:
            lines.append(f"systemd: exposure {found.exposure:.1f}")
        lines += found.complaints
        if not found.passed:
            render.note("\n".join(lines))
            raise RefusedError("systemd does not like the unit", data)
    render.emit(command="service", data=data, human="\n".join(lines), as_json=options.json)
    return 0


def _check_flags(options: argparse.Namespace) -> None:
    if options.program and options.python:
        raise UsageError("--program and --python exclude each other", hint="take one of them")
    if options.user_unit and options.user:
        raise UsageError(
            "--user-unit runs as yourself, --user is another's", hint="take one of them"
        )


def _write_unit(options: argparse.Namespace) -> Written:
    from edge_hdr_device.system import service, systemd_unit

    config = options.config or systemd_unit.CONFIG
    return service.write_unit(
        user=options.user or systemd_unit.USER,
        out=options.out or service.UNIT,
        **_common(options, config),
    )


def _write_user_unit(options: argparse.Namespace) -> Written:
    from edge_hdr_device.install.layout import Layout
    from edge_hdr_device.system import service

    layout = Layout.user()
    config = options.config or layout.config
    return service.write_user_unit(
        unit=layout.unit, state=layout.state, out=options.out, **_common(options, config)
    )


def _common(options: argparse.Namespace, config: Path) -> dict[str, Any]:
    """Give what both kinds of unit take."""
    from edge_hdr_device.config import resolve

    settings = resolve({}, file=config, environment={}) if config.is_file() else None
    if options.config and settings is None:
        raise ConfigError(f"there is no {config}", hint="write it first; an empty file will do")
    return {
        "config": config.absolute(),
        "python": options.python,
        "program": options.program,
        "settle": options.settle,
        "settings": settings,
        "force": options.force,
    }
