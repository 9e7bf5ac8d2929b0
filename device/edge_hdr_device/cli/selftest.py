"""`edge-hdr-device selftest`: try everything on this board that needs no camera."""

from __future__ import annotations

import argparse

from edge_hdr_device.cli import render
from edge_hdr_device.errors import CheckFailedError

HELP = "try interpreter, model, reading and storage"
DESCRIPTION = "Try interpreter, model, reading and storage on this board; no camera is needed."


class FailedError(CheckFailedError):
    """A check of the selftest failed; all results are in `data`."""

    def __init__(self, names: list[str], data: dict[str, object]) -> None:
        super().__init__(f"failed: {', '.join(names)}", hint="the lines above say why")
        self.data = data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--model", help="a .tflite file or a released model's name")


def execute(options: argparse.Namespace) -> int:
    """Run the selftest.

    Raises:
        CheckFailedError: something does not work.
        ModelError: there is no such model.
    """
    from edge_hdr_device import released
    from edge_hdr_device.config import state_folder
    from edge_hdr_device.selftest import selftest

    checks = selftest(released.find(options.model), state=state_folder())
    data = {"checks": [check.to_dict() for check in checks]}
    failed = [check.name for check in checks if not check.ok]
    lines = [f"{'ok' if check.ok else 'FAILED'}  {check.name}: {check.detail}" for check in checks]
    if not options.json:
        render.emit(command="selftest", data=data, human="\n".join(lines), as_json=False)
    if failed:
        raise FailedError(failed, dict(data))
    if options.json:
        render.emit(command="selftest", data=data, human="", as_json=True)
    return 0
