"""`edge-hdr-device cameras`: what cameras there are, and why when there are none."""

from __future__ import annotations

import argparse

from edge_hdr_device.cli import render

HELP = "list cameras and their formats"
DESCRIPTION = "List cameras with their formats; where there is none, say why and what repairs it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments: none."""


def execute(options: argparse.Namespace) -> int:
    """List what was found; nothing found is no failure of the command."""
    from edge_hdr_device.camera.discovery import find_cameras

    found = find_cameras()
    lines = []
    for camera in found.cameras:
        lines.append(f"{camera.source}: {camera.name}")
        lines += [f"    {text}" for text in camera.formats]
    for problem in found.problems:
        lines.append(f"{problem.message}")
        if problem.command:
            lines.append(f"    {problem.command}")
    if not found.cameras:
        lines.append("no camera was found; --camera synthetic tries everything else without one")
    render.emit(
        command="cameras", data=found.to_dict(), human="\n".join(lines), as_json=options.json
    )
    return 0
