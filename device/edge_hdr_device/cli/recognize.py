"""`edge-hdr-device recognize`: read the digits in pictures, on the board."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edge_hdr_device.cli import render
from edge_hdr_device.errors import ImageError, SomeUnreadableError

STDIN = "-"
HELP = "read the digits in pictures"
DESCRIPTION = "Read the digits in photos or scans, line by line; a rejected digit is shown as ?."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a picture, a folder of them, or - for stdin"
    )
    parser.add_argument("--model", help="a .tflite file or a released model's name")


def execute(options: argparse.Namespace) -> int:
    """Read each picture in its turn.

    Raises:
        ImageError: the only picture, or one of several, could not be read.
        ModelError: there is no such model, or it is damaged.
    """
    from edge_hdr_device import released
    from edge_hdr_device.classifier import Classifier
    from edge_hdr_device.images import read_image
    from edge_hdr_device.pipeline import Reader

    model = released.find(options.model)
    reader = Reader(Classifier(model))
    read: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    names = _names(options.images)
    for name in names:
        try:
            source = sys.stdin.buffer.read() if name == STDIN else Path(name)
            reading = reader.read(read_image(source, name="" if name != STDIN else "stdin"))
        except ImageError as error:
            if len(names) == 1:
                raise
            failed.append({"file": name, "message": error.message, "hint": error.hint})
            render.note(f"error: {error.message}")
            continue
        read.append({"file": name, **reading.to_dict()})
        text = "".join(f"{line}\n" for line in reading.lines)
        if not options.json:
            render.emit(command="recognize", data={}, human=text, as_json=False)
            if not text:
                render.note(f"{name}: no digits found")
    data = {"model": str(model), "images": read, "failed": failed}
    if failed:
        raise SomeUnreadableError(len(failed), len(names), data)
    if options.json:
        render.emit(command="recognize", data=data, human="", as_json=True)
    return 0


def _names(arguments: list[str]) -> list[str]:
    """List the pictures; a folder stands for its pictures, sorted."""
    from edge_hdr_device.images import pictures_in

    names: list[str] = []
    for argument in arguments:
        folder = Path(argument)
        if argument == STDIN or not folder.is_dir():
            names.append(argument)
            continue
        names += map(str, pictures_in(folder))
    return names
