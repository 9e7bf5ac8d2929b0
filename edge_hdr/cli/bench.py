"""`edge-hdr bench --on TARGET`: the speed of the runtime that a board runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.target_option import ACCEPT, JSON, connect_to
from edge_hdr.errors import StorageError
from edge_hdr_device.system.systemd_unit import STATE

SLACK_S = 120.0


def bench(
    on: str = typer.Option(
        ..., "--on", metavar="TARGET", help="The board, as for deploy; it must have edge-hdr."
    ),
    model: str = typer.Option(
        None, "--model", help="A model that is on the board; by default the deployed one."
    ),
    seconds: float = typer.Option(5.0, "--seconds", min=0.5, max=600, help="Time to measure for."),
    out: Path = typer.Option(None, "--out", help="JSON file for the result."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Measure the latency of a board's own released runtime, on that board.

    The model alone and the whole path from a frame to digits, with what the board's clock and
    temperature did meanwhile.
    """
    from edge_hdr import remote

    if out is not None and out.exists() and not force:
        raise StorageError(f"{out} exists", hint="give --out another name, or --force")
    words = ["bench", "--json", "--seconds", f"{seconds:g}"]
    words += ["--model", model] if model else []
    with connect_to(on, accept_new_host_key=accept_new_host_key) as connection:
        installed = remote.find(connection)
        render.note(f"measuring on {on} for about {seconds:g} s")
        argv = installed.command(*words)
        if installed.mode == "system" and installed.may_be_root:
            # with the delegate and threads that the service has chosen
            argv = installed.as_owner(("env", f"EDGE_HDR_STATE={STATE}", *argv))
        data = remote.ask(connection, argv, timeout_s=seconds * 3 + SLACK_S)
    data["target"] = on
    if out is not None:
        _write(out, data)
    render.emit(command="bench", data=data, human=lambda: _show(on, data, out), as_json=json)


def _write(out: Path, data: dict[str, Any]) -> None:
    import json

    from edge_hdr_device.storage import write_atomic

    write_atomic(out, json.dumps(data, indent=1, sort_keys=True) + "\n")


def _show(target: str, data: dict[str, Any], out: Path | None) -> None:
    threads = f"{data['threads']} thread{'s' if data['threads'] > 1 else ''}"
    console = render.console()
    rows = [
        [
            times["name"],
            *(f"{times[name]:.3f}" for name in ("p50_ms", "p90_ms", "p99_ms")),
            f"{times['n']:,}",
        ]
        for times in data["times"]
    ]
    title = f"{data['model_id']} on {target} ({data['board']})"
    console.print(render.table(title, ["ms", "p50", "p90", "p99", "n"], rows))
    lines = [f"{data['interpreter']}, {data['delegate']}, {threads}; frame {data['frame']}"]
    before, after = data["before"]["temperature_c"], data["after"]["temperature_c"]
    if before is not None and after is not None:
        lines.append(f"temperature {before:.0f} °C before, {after:.0f} °C after")
    lines += [f"note: {note}" for note in data["notes"]]
    lines += [f"written: {out}"] if out else []
    console.print("\n".join(lines), markup=False)
