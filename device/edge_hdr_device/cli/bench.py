"""`edge-hdr-device bench`: how fast this board reads."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from edge_hdr_device.cli import render
from edge_hdr_device.errors import UsageError

if TYPE_CHECKING:
    from edge_hdr_device.bench import Bench

HELP = "measure how fast this board reads"
DESCRIPTION = "Time the model alone and the whole path from a frame to digits, on this board."
MOST_S = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--model", help="a .tflite file or a released model's name")
    parser.add_argument("--seconds", type=float, default=5.0, help="to measure for (5)")


def execute(options: argparse.Namespace) -> int:
    """Measure, and show the figures.

    Raises:
        UsageError: no such time can be measured for.
        ModelError: there is no such model.
    """
    from edge_hdr_device import released
    from edge_hdr_device.bench import bench
    from edge_hdr_device.config import STATE, state_folder

    if not 0 < options.seconds <= MOST_S:
        raise UsageError(
            f"--seconds {options.seconds:g} is out of range", hint=f"above 0, up to {MOST_S:g}"
        )
    state = state_folder() if os.environ.get(STATE) else None  # nothing is left behind
    found = bench(released.find(options.model), seconds=options.seconds, state=state)
    render.emit(
        command="bench", data=found.to_dict(), human="\n".join(_lines(found)), as_json=options.json
    )
    return 0


def _lines(found: Bench) -> list[str]:
    """Write the figures for a person."""
    data = found.to_dict()
    threads = f"{data['threads']} thread{'s' if data['threads'] > 1 else ''}"
    lines = [
        f"{data['model_id']} on {data['board']}",
        f"{data['interpreter']}, {data['delegate']}, {threads}; frame {data['frame']}",
        "",
        f"{'ms':<20}{'p50':>9}{'p90':>9}{'p99':>9}{'n':>8}",
    ]
    lines += [
        f"{times.name:<20}{times.p50_ms:>9.3f}{times.p90_ms:>9.3f}{times.p99_ms:>9.3f}{times.n:>8}"
        for times in found.times
    ]
    before, after = found.before.temperature_c, found.after.temperature_c
    if before is not None and after is not None:
        lines.append(f"temperature {before:.0f} °C before, {after:.0f} °C after")
    return [*lines, *(f"note: {note}" for note in found.notes)]
