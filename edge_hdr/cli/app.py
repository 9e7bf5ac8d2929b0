"""The `edge-hdr` command group, and the one place where an error becomes an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from edge_hdr.cli import (
    adapt,
    bench,
    build,
    bundle,
    data,
    deploy,
    doctor,
    evaluate,
    explain,
    info,
    keygen,
    label,
    logs,
    recognize,
    render,
    rollback,
    samples,
    sheet,
    status,
    undeploy,
)
from edge_hdr.errors import EdgeHdrError, StorageError, UsageError

app = typer.Typer(
    name="edge-hdr",
    help="From labelled handwritten digits to small boards that read them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 bad input, 4 unreachable, 5 a step on the device "
    "failed, 6 a check failed, 130 interrupted.",
)
BOARD = "On a board"
GROUPS = ("data", "samples")  # of commands
app.command()(build.build)
app.command()(recognize.recognize)
app.command()(evaluate.evaluate)
app.command()(bench.bench)
app.command()(explain.explain)
app.command()(info.info)
app.command()(sheet.sheet)
app.command()(label.label)
app.command()(adapt.adapt)
app.add_typer(data.app, name="data")
app.command(rich_help_panel=BOARD)(doctor.doctor)
app.command(rich_help_panel=BOARD)(deploy.deploy)
app.command(rich_help_panel=BOARD)(status.status)
app.command(rich_help_panel=BOARD)(logs.logs)
app.command(rich_help_panel=BOARD)(rollback.rollback)
app.command(rich_help_panel=BOARD)(rollback.restart)
app.command(rich_help_panel=BOARD)(undeploy.undeploy)
app.add_typer(samples.app, name="samples", rich_help_panel=BOARD)
app.command(rich_help_panel=BOARD)(bundle.bundle)
app.command(rich_help_panel=BOARD)(keygen.keygen)


def _show_version(value: bool) -> None:
    if value:
        from edge_hdr import __version__

        sys.stdout.write(f"edge-hdr {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        callback=_show_version,
        is_eager=True,
    ),
) -> None:
    """Take every option of the group itself."""


def main() -> None:
    """Run the command line; exit codes are those of `edge_hdr_device.errors`."""
    arguments = sys.argv[1:]
    words = [word for word in arguments if not word.startswith("-")]
    command = " ".join(words[:2] if words and words[0] in GROUPS else words[:1])
    as_json = "--json" in arguments
    signal.signal(signal.SIGTERM, _interrupt)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of the process
    try:
        code = typer.main.get_command(app).main(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        if code == _InterruptedError.exit_code:  # what typer makes of a KeyboardInterrupt
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except (BrokenPipeError, SystemExit) as leaving:
        # the parser turns a closed pipe into an exit with 1; the reader has only seen enough
        if isinstance(leaving, SystemExit) and not isinstance(leaving.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except (KeyboardInterrupt, typer.Abort):
        _show(_InterruptedError("interrupted"), command, as_json)
        sys.stderr.flush()
        # not sys.exit: TensorFlow's threads may be at work and do not survive a teardown
        os._exit(_InterruptedError.exit_code)
    except EdgeHdrError as error:
        logging.getLogger("edge_hdr").debug("failed", exc_info=True)
        _fail(error, command, as_json)
    except OSError as error:
        _fail(StorageError(str(error), hint="check the path and the space left"), command, as_json)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # the parser's own error class, which typer does not export
        usage = UsageError(error.format_message(), hint=_help(words))
        _fail(usage, command, as_json)


def _help(words: list[str]) -> str:
    """Name the command that explains the nearest known one to what was typed."""
    known = ["edge-hdr"]
    commands = getattr(typer.main.get_command(app), "commands", {})
    for word in words:
        if word not in commands:
            break
        known.append(word)
        commands = getattr(commands[word], "commands", {})
    return f"{' '.join(known)} --help"


class _InterruptedError(EdgeHdrError):
    """Ctrl-C or SIGTERM."""

    code = "interrupted"
    exit_code = 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(error: EdgeHdrError, command: str, as_json: bool) -> NoReturn:
    _show(error, command, as_json)
    sys.exit(error.exit_code)


def _show(error: EdgeHdrError, command: str, as_json: bool) -> None:
    """Show an error, also where stdout takes nothing any more."""
    try:
        render.emit_error(error, command=command, as_json=as_json)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
