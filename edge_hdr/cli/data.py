"""`edge-hdr data`: look at a data set, get MNIST, draw procedural digits and scenes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_hdr.cli import data_scenes, render
from edge_hdr.errors import StorageError, UsageError

if TYPE_CHECKING:
    from edge_hdr.data.dataset import Dataset

app = typer.Typer(
    help="Look at a data set, get MNIST, draw procedural digits and scenes.",
    no_args_is_help=True,
)
app.command()(data_scenes.scenes)
app.command()(data_scenes.factors)


@app.command()
def show(
    data: str = typer.Option("auto", help="auto, mnist, strokes or a folder of images."),
    data_dir: Path | None = typer.Option(None, help="Where MNIST lies."),
    out: Path = typer.Option(Path("gallery.png"), help="The gallery, a PNG file."),
    force: bool = typer.Option(False, "--force", help="Replace the gallery if it exists."),
    strict: bool = typer.Option(False, "--strict", help="Stop at an unreadable image."),
    seed: int = typer.Option(0, min=0, help="Of the examples shown and of what is drawn."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Write a gallery of a data set's training split, or of its only split, and what it holds."""
    from edge_hdr.cli.progress import BuildProgress
    from edge_hdr.data.gallery import gallery
    from edge_hdr.data.load import load
    from edge_hdr_device.storage import write_atomic

    _refuse_existing(out, force=force)
    with BuildProgress(out.parent) as progress:
        dataset = load(
            data, data_dir=data_dir, seed=seed, strict=strict, progress=progress.bytes_done
        )
    for warning in dataset.warnings:
        render.note(f"warning: {warning}")
    shown = dataset.train if len(dataset.train) else dataset.test
    write_atomic(out, _png(gallery(shown, dataset.classes, seed=seed)))
    facts = _facts(dataset) | {"gallery": str(out)}
    render.emit(command="data show", data=facts, human=lambda: _print_facts(facts), as_json=json)


@app.command()
def fetch(
    data_dir: Path | None = typer.Option(None, help="Where MNIST is looked for first."),
    out: Path | None = typer.Option(None, help="Download into this folder; by default the cache."),
    force: bool = typer.Option(False, "--force", help="Replace damaged files in that folder."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Find MNIST or download it, verify its checksums and say where it is."""
    from edge_hdr.cli.progress import BuildProgress
    from edge_hdr.data import mnist, mnist_places

    with BuildProgress(Path()) as progress:
        if out is None:
            place = mnist_places.obtain(data_dir, progress=progress.bytes_done)
        elif force or mnist.missing(out):
            base = mnist_places.fetch(out, replace=force, progress=progress.bytes_done)
            place = mnist_places.Place(out, f"downloaded from {base}")
        else:
            place = mnist_places.Place(out, "it was there before")
    train, test = mnist.read(place.folder)
    facts = {
        "folder": str(place.folder.resolve()),
        "found": place.role,
        "train": {"images": len(train), "sha256": train.sha256()},
        "test": {"images": len(test), "sha256": test.sha256()},
        "md5": dict(mnist.CHECKSUMS),
    }
    text = (
        f"MNIST is in {facts['folder']} ({place.role})\n"
        f"{len(train):,} training and {len(test):,} test images; all checksums verified"
    )
    render.emit(command="data fetch", data=facts, human=text, as_json=json)


@app.command()
def strokes(
    n: int = typer.Option(10_000, "--n", min=1, help="How many digits."),
    seed: int = typer.Option(0, min=0, help="The same seed draws the same digits."),
    out: Path = typer.Option(..., help="The file, .npz with images and labels."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it exists."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Draw procedural handwritten digits into an npz file."""
    import numpy as np

    from edge_hdr.data.strokes import make_split
    from edge_hdr_device.storage import write_atomic

    if out.suffix != ".npz":
        raise UsageError(f"--out {out} does not end in .npz", hint="as --out digits.npz")
    _refuse_existing(out, force=force)
    split = make_split(n, seed=seed, workers=None)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=split.images, labels=split.labels)
    write_atomic(out, buffer.getvalue())
    facts = {"file": str(out), "images": n, "seed": seed, "sha256": split.sha256()}
    text = f"{n:,} digits, seed {seed}, are in {out}"
    render.emit(command="data strokes", data=facts, human=text, as_json=json)


def _refuse_existing(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise StorageError(f"{path} is a folder", hint="name a file")
    if path.exists() and not force:
        raise StorageError(f"{path} exists", hint="name another file, or replace it by --force")


def _png(image: Any) -> bytes:
    import cv2

    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _facts(dataset: Dataset) -> dict[str, Any]:
    """Gather what a person or a program wants to know about a data set."""
    import numpy as np

    def counts(labels: Any) -> dict[str, int]:
        found = np.bincount(labels, minlength=len(dataset.classes)).tolist()
        return dict(zip(dataset.classes, found, strict=True))

    parts = {"train": dataset.train, "test": dataset.test}
    return {
        "name": dataset.name,
        "source": dataset.source,
        "classes": list(dataset.classes),
        "warnings": list(dataset.warnings),
    } | {
        name: {"images": len(part), "classes": counts(part.labels), "sha256": part.sha256()}
        for name, part in parts.items()
    }


def _print_facts(facts: dict[str, Any]) -> None:
    train, test = facts["train"], facts["test"]
    rows = [
        [name, f"{train['classes'][name]:,}", f"{test['classes'][name]:,}"]
        for name in facts["classes"]
    ]
    rows.append(["all", f"{train['images']:,}", f"{test['images']:,}"])
    console = render.console()
    console.print(render.table(f"{facts['name']}: images", ["class", "train", "test"], rows))
    console.print(f"source        {facts['source']}", markup=False)
    console.print(f"train sha256  {train['sha256']}", markup=False)
    console.print(f"test sha256   {test['sha256']}", markup=False)
    console.print(f"gallery       {facts['gallery']}", markup=False)
