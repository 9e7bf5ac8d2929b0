"""`edge-hdr explain`: why a digit was read as it was."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge_hdr.cli import render
from edge_hdr.cli.evaluate import parse_range
from edge_hdr.errors import ImageError, StorageError, UsageError
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr.explain.explanation import Case
    from edge_hdr.explain.scene import Scene
    from edge_hdr_device.classifier import Classifier

STDIN = "-"
MOST_THREADS = 4  # of the kernels: more are hardly faster
Tell = Callable[[str, int, int | None], None]
PAGE, SHEET = "explanation.html", "explanation.png"


def explain(
    image: str = typer.Argument(..., metavar="IMAGE", help="A picture, or - for one on stdin."),
    model: str = typer.Option(
        None,
        "--model",
        "-m",
        help="A .tflite file, a build's folder or a released model; by default ds-cnn-small-int8.",
    ),
    digit: int = typer.Option(
        None, "--digit", min=1, help="Which digit, in reading order from 1; by default all."
    ),
    data: str = typer.Option(
        "mnist", "--data", help="Where similar examples are sought: mnist, strokes, a folder, none."
    ),
    data_dir: Path = typer.Option(None, "--data-dir", help="Where MNIST's files lie."),
    input_range: str = typer.Option(
        None,
        "--input-range",
        metavar="LOW,HIGH",
        help="Values of background and ink that the model takes, as 0,255; "
        "for files without a manifest.",
    ),
    out: Path = typer.Option(
        None,
        "--out",
        "-o",
        help=f"Folder for {PAGE} and {SHEET}, or one .html or .png file; "
        "by default a folder named after the picture.",
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite what --out names."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Explain how the digits of a picture were read.

    Shows what the model saw, how sure it was, which places decided, the smallest change that flips
    the decision, and the most similar training examples. A build's folder adds integrated gradients
    on its Keras model.
    """
    limits = parse_range(input_range) if input_range else None
    name = "standard input" if image == STDIN else image
    stem = "stdin" if image == STDIN else Path(image).stem
    targets = _targets(out or Path(f"{stem}-explained"), named=out is not None, force=force)

    from edge_hdr.cli.bench_progress import BenchProgress
    from edge_hdr.explain.document import document

    with BenchProgress() as progress:
        tell = progress.progress if render.wants_progress() else _say_nothing
        scene = _explain(
            image, name, tell, model=model, digit=digit, data=data, data_dir=data_dir, limits=limits
        )
        tell("drawing", 0, None)
        written = _write(targets, scene)
    for note in scene.notes:
        render.note(f"note: {note}")

    render.emit(
        command="explain",
        data={**document(scene), "files": written} if json else {},
        human=lambda: _show(scene, written),
        as_json=json,
    )


def _say_nothing(text: str, done: int, total: int | None) -> None:
    """Take the place of a progress bar where none can be drawn."""


def _targets(out: Path, *, named: bool, force: bool) -> list[Path]:
    """Choose the files to write, and make sure that nothing is overwritten unasked.

    A name that looks like another kind of file's is no new folder, where a person chose it.
    """
    if out.suffix.lower() in {".html", ".png"}:
        targets = [out]
    elif named and not out.exists() and re.fullmatch(r"\.[A-Za-z]\w{1,4}", out.suffix):
        raise UsageError(
            f"--out {out}: {out.suffix} is not written",
            hint="give an .html or .png file, or a folder for both",
        )
    elif out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file", hint="give --out a folder, or an .html or .png file")
    else:
        targets = [out / PAGE, out / SHEET]
    for target in targets:
        if target.is_dir():
            raise StorageError(f"{target} is a folder", hint="give --out another name")
        if target.exists() and not force:
            raise StorageError(f"{target} exists", hint="give --out another place, or add --force")
    return targets


def _explain(
    image: str,
    name: str,
    tell: Tell,
    *,
    model: str | None,
    digit: int | None,
    data: str,
    data_dir: Path | None,
    limits: tuple[float, float] | None,
) -> Scene:
    from edge_hdr.explain import scene, sources
    from edge_hdr.explain.explanation import Explainer, find_cases
    from edge_hdr.explain.nearest import Examples
    from edge_hdr.measure import Subject
    from edge_hdr_device.images import read_image

    path = released.find(model)
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    classifier = Subject(path, threads=threads, input_range=limits).open()
    picture = read_image(sys.stdin.buffer.read() if image == STDIN else Path(image), name=name)
    reading, cases = find_cases(classifier, picture)
    chosen = _choose(cases, digit, name)
    tell("reading examples", 0, None)
    dataset, no_data = sources.find_examples(data, data_dir, classifier.manifest, tell)
    folder = path.parent if model and Path(model).is_dir() else None
    float_model, no_gradients = sources.find_float_model(folder, len(classifier.labels))
    naming = scene.naming_of(classifier, dataset)
    explainer = Explainer(
        classifier,
        examples=Examples(dataset.train) if dataset else None,
        rival_of=naming.rival_of,
        float_model=float_model,
    )
    found = []
    tell("explaining", 0, len(chosen))
    for done, explanation in enumerate(explainer.explain(chosen), start=1):
        found.append(explanation)
        tell("explaining", done, len(chosen))
    return scene.Scene(
        name=name,
        image=picture,
        reading=reading,
        model=scene.describe_model(path, classifier),
        data=scene.describe_data(dataset, classifier) if dataset else None,
        naming=naming,
        found=tuple(found),
        notes=tuple(note for note in (*_about(classifier), no_data, no_gradients) if note),
    )


def _about(classifier: Classifier) -> list[str]:
    if classifier.manifest is not None:
        return []
    return ["the model has no manifest: its outputs are named by number, and it rejects nothing"]


def _choose(cases: tuple[Case, ...], digit: int | None, name: str) -> tuple[Case, ...]:
    if not cases:
        raise ImageError(
            f"{name}: no digits found", hint="take the picture closer, with even light"
        )
    if digit is None:
        return cases
    if digit > len(cases):
        count = f"{len(cases)} digits" if len(cases) > 1 else "one digit"
        raise UsageError(
            f"--digit {digit}: {name} has {count}", hint=f"give 1 to {len(cases)}, or leave it out"
        )
    return (cases[digit - 1],)


def _write(targets: list[Path], scene: Scene) -> list[str]:
    from edge_hdr.explain.page import render_explanation
    from edge_hdr.explain.sheet import draw_sheet
    from edge_hdr_device.storage import write_atomic

    drawn = [
        render_explanation(scene) if target.suffix.lower() == ".html" else draw_sheet(scene)
        for target in targets
    ]
    for target, content in zip(targets, drawn, strict=True):
        write_atomic(target, content)
    return [str(target) for target in targets]


def _show(scene: Scene, written: list[str]) -> None:
    """Print the essentials: a digit in sentences, with a picture on a terminal; several in rows."""
    from edge_hdr.explain import words
    from edge_hdr.explain.sheet import shown

    console = render.console()
    if len(scene.found) == 1:
        if sys.stdout.isatty():
            from edge_hdr.cli.heat_view import heat_view

            colour = console.color_system is not None and not console.no_color
            console.print(heat_view(scene.found[0], colour=colour))
        for sentence in words.sentences(scene.found[0], scene.naming):
            console.print(sentence, markup=False)
    else:
        title = f"{scene.name}, read by {scene.model['name']}"
        rows = [words.row(found, scene.naming) for found in scene.found]
        columns = list(words.HEADS[: len(rows[0])])
        console.print(render.table(title, columns, rows))
    for name in written:
        less = ""
        if name.lower().endswith(".png") and len(shown(scene)) < len(scene.found):
            less = f" (the {len(shown(scene))} closest decisions of {len(scene.found)} digits)"
        console.print(f"written: {name}{less}", markup=False)
