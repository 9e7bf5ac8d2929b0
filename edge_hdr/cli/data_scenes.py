"""`edge-hdr data scenes`: pictures of written numbers, as photos show them, with exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.errors import StorageError, UsageError


def scenes(
    n: int = typer.Option(200, "--n", min=1, help="How many scenes."),
    severity: str = typer.Option(
        "moderate", help="clean, mild, moderate (a careful photo) or hard (a careless one)."
    ),
    factor: list[str] = typer.Option(
        [],
        "--factor",
        metavar="NAME=LEVEL",
        help="Set a factor (see `data factors`): 0 absent, 1 worst.",
    ),
    out: Path = typer.Option(..., help="A new folder for the pictures."),
    digits: str = typer.Option(
        "validation", help="Which digits are written with: train, validation or test."
    ),
    data: str = typer.Option("mnist", help="mnist, strokes or a folder of images."),
    data_dir: Path | None = typer.Option(None, help="Where MNIST lies."),
    size: str = typer.Option("640x480", metavar="WxH", help="Of the pictures, in px."),
    seed: int = typer.Option(0, min=0, help="The same seed draws the same scenes."),
    force: bool = typer.Option(
        False, "--force", help="Write into a folder that is not empty; scenes in it are drawn anew."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Draw scenes of written numbers: pictures, labels.json with every box, a contact sheet."""
    from edge_hdr.cli.out_folder import OutFolder
    from edge_hdr.cli.progress import BuildProgress
    from edge_hdr.scenes.factors import check_factors, check_severity
    from edge_hdr.scenes.folder import Wish, digits_of, write_scenes

    levels = _levels(factor)
    check_severity(severity)
    check_factors(levels)
    width_px, height_px = _size(size)
    wish = Wish(n, severity, levels, seed, digits, width_px, height_px)
    with OutFolder(out, force=force):
        with BuildProgress(out) as progress:
            split = digits_of(data, digits, data_dir=data_dir, progress=progress.bytes_done)
        with _counted(out, n), BuildProgress(out) as progress:
            entries = write_scenes(out, split, wish, progress=progress.bytes_done)
    facts = _facts(out, entries, wish)
    render.emit(command="data scenes", data=facts, human=_text(facts), as_json=json)


def factors(
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """List what can make a scene hard, and what level 1 of it means.

    With --json also how often and how strongly each is drawn at each severity.
    """
    from edge_hdr.scenes.factors import FACTORS, SEVERITIES

    facts = {
        name: {
            "level_1": meaning,
            **{
                severity: dict(zip(("chance", "low", "high"), spread[name], strict=True))
                for severity, spread in SEVERITIES.items()
                if name in spread
            },
        }
        for name, meaning in FACTORS.items()
    }

    width = max(map(len, FACTORS))
    text = "\n".join(f"{name:<{width}}  {meaning}" for name, meaning in FACTORS.items())
    render.emit(command="data factors", data={"factors": facts}, human=text, as_json=json)


@contextmanager
def _counted(out: Path, wanted: int) -> Iterator[None]:
    """Say how many scenes there are where drawing ends early."""
    from edge_hdr.scenes.drawn import drawn

    def state() -> str:
        return f"{len(drawn(out)):,} of {wanted:,} scenes are in {out}"

    try:
        yield
    except KeyboardInterrupt:
        render.note(f"{state()}; the same command with --force draws all anew")
        raise
    except StorageError as error:
        remedy = error.hint.partition(";")[0]
        raise StorageError(
            error.message, hint=f"{remedy}; {state()}, and --force draws all anew"
        ) from error


def _levels(given: list[str]) -> dict[str, float]:
    """Read NAME=LEVEL."""
    levels = {}
    for text in given:
        name, _, level = text.partition("=")
        try:
            levels[name] = float(level)
        except ValueError as error:
            raise UsageError(
                f"--factor {text} is not NAME=LEVEL", hint="as --factor shadow=0.5"
            ) from error
    return levels


def _size(text: str) -> tuple[int, int]:
    """Read WxH."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size {text} is not WxH", hint="as --size 640x480")
    sides = int(width), int(height)
    if min(sides) < 64 or max(sides) > 8192:
        raise UsageError(f"--size {text} is out of range", hint="64 to 8192 px a side")
    return sides


def _facts(out: Path, entries: list[dict[str, Any]], wish: Any) -> dict[str, Any]:
    return {
        "folder": str(out),
        "scenes": len(entries),
        "digits": sum(len(entry["boxes"]) for entry in entries),
        "clutter": sum(len(entry["clutter"]) for entry in entries),
        "severity": wish.severity,
        "factors": dict(wish.factors),
        "part": wish.part,
        "seed": wish.seed,
        "labels": str(out / "labels.json"),
        "gallery": str(out / "gallery.png"),
    }


def _text(facts: dict[str, Any]) -> str:
    return (
        f"{facts['scenes']:,} scenes with {facts['digits']:,} digits are in {facts['folder']}\n"
        f"what is where: {facts['labels']}; a look at them: {facts['gallery']}"
    )
