"""The `edge-hdr-device` command, and the one place where an error becomes an exit code."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from edge_hdr_device import __version__
from edge_hdr_device.cli import render
from edge_hdr_device.errors import EdgeHdrError, StorageError, UsageError, nearest

COMMANDS = (
    *("run", "recognize", "cameras", "selftest", "service", "token"),
    *("install", "status", "rollback", "restart", "uninstall", "bench"),
)
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors of ours."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError in place of a usage text and exit."""
        hint = f"{self.prog} --help"
        if "invalid choice" in message and (words := message.split("'"))[1:]:
            hint = nearest(words[1], COMMANDS)
        raise UsageError(message, hint=hint)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands; each command's module adds its own."""
    result = _Parser(
        prog="edge-hdr-device",
        description="Read handwritten digits through a camera, on the board itself.",
        epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 bad input, 4 unreachable (a camera, a broker), "
        "5 a step on the device failed, 6 a check failed, 130 interrupted.",
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"edge-hdr-device {__version__}")
    commands = result.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"edge_hdr_device.cli.{name}")
        summary = module.HELP
        command = commands.add_parser(
            name, help=summary, description=module.DESCRIPTION, allow_abbrev=False
        )
        module.add_arguments(command)
        command.add_argument("--json", action="store_true", help="print one JSON document")
        command.set_defaults(execute=module.execute)
    return result


def main() -> None:
    """Run the command line; exit codes are those of `edge_hdr_device.errors`."""
    arguments = sys.argv[1:]
    command = next((word for word in arguments if not word.startswith("-")), "")
    as_json = "--json" in arguments or "--events" in arguments
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of the process
    try:
        options = parser().parse_args(arguments or ["--help"])
        code = options.execute(options)
        sys.stdout.flush()
        sys.exit(code or 0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has seen enough
        sys.exit(0)
    except KeyboardInterrupt:
        _fail(_InterruptedError("interrupted"), command, as_json)
    except EdgeHdrError as error:
        logging.getLogger("edge_hdr").debug("failed", exc_info=True)
        _fail(error, command, as_json)
    except OSError as error:
        _fail(StorageError(str(error), hint="check the path and the space left"), command, as_json)


class _InterruptedError(EdgeHdrError):
    """Ctrl-C."""

    code = "interrupted"
    exit_code = INTERRUPTED


def _fail(error: EdgeHdrError, command: str, as_json: bool) -> NoReturn:
    try:
        render.emit_error(error, command=command, as_json=as_json)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(error.exit_code)
