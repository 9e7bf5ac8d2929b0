"""The `edge-hdr` command group, and the one place where an error becomes an exit code."""

from __future__ import annotations

import logging
import os
import sys

import typer

from edge_hdr.cli import build, data, evaluate, info, recognize, render
from edge_hdr.errors import EdgeHdrError, UsageError

app = typer.Typer(
    name="edge-hdr",
    help="From labelled handwritten digits to small boards that read them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 bad input, 4 unreachable, 5 a step on the device "
    "failed, 6 a check failed, 130 interrupted.",
)
app.command()(build.build)
app.command()(recognize.recognize)
app.command()(evaluate.evaluate)
app.command()(info.info)
app.add_typer(data.app, name="data")


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
    command = " ".join(words[:2]) if words[:1] == ["data"] else "".join(words[:1])
    as_json = "--json" in arguments
    try:
        code = typer.main.get_command(app).main(args=arguments, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except EdgeHdrError as error:
        logging.getLogger("edge_hdr").debug("failed", exc_info=True)
        render.emit_error(error, command=command, as_json=as_json)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        render.note("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # the parser's own error class, which typer does not export
        usage = UsageError(error.format_message(), hint=f"edge-hdr {command} --help".strip())
        render.emit_error(usage, command=command, as_json=as_json)
        sys.exit(usage.exit_code)
