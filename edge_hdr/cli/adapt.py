"""`edge-hdr adapt`: a released model, fine-tuned to one's own handwriting."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.progress import BuildProgress
from edge_hdr_device import released

_DATA = "Data and output"
ANNOUNCED = (
    "what comes: reading samples, looking at scenes (kept for the next time), and up to 4 short "
    "trainings: about 3 minutes on two cores; an interrupted run begins anew"
)


def adapt(
    samples: Path = typer.Option(
        ...,
        "--samples",
        metavar="DIR",
        help="Labelled samples: a sub-folder a class, or what edge-hdr label wrote.",
        rich_help_panel=_DATA,
    ),
    model: str = typer.Option(
        None,
        "--from",
        metavar="MODEL",
        help="A .tflite file, a build's folder or a released model; by default ds-cnn-small-int8.",
    ),
    out: Path = typer.Option(
        None,
        "--out",
        help="Folder of the new model; by default runs/NAME-adapted.",
        rich_help_panel=_DATA,
    ),
    force: bool = typer.Option(
        False, "--force", help="Replace what the folder holds.", rich_help_panel=_DATA
    ),
    data: str = typer.Option(
        "auto",
        help="What is rehearsed, so that it is not forgotten: mnist, strokes, or the folder that "
        "the model was built from.",
        rich_help_panel=_DATA,
    ),
    data_dir: Path = typer.Option(None, help="Where MNIST lies.", rich_help_panel=_DATA),
    seed: int = typer.Option(0, min=0, help="Seed of everything."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Fine-tune a model on 10 to 1,000 labelled samples of one's own hand, and judge it.

    The new model is judged on samples that were held back, and is only written where it reads them
    better than the old one and has not forgotten the rest. That takes about 3 minutes on two
    cores; an interrupted run begins anew. Photograph a page once: what is written once and
    photographed twice could be learnt and held back at once.
    """
    from edge_hdr.adaptation.record import write
    from edge_hdr.adaptation.run import Wish, name_of
    from edge_hdr.adaptation.run import adapt as run
    from edge_hdr.cli.out_folder import OutFolder

    path = released.find(model)
    folder = out or Path("runs") / name_of(path)
    wish = Wish(samples, path, data=data, data_dir=data_dir, seed=seed)
    with OutFolder(folder, force=force), AdaptProgress() as progress:
        adapted = run(wish, progress)
        command = shlex.join(["edge-hdr", *sys.argv[1:]])
        metrics = write(adapted, folder, command=command)
    found = {"folder": str(folder), "model": str(folder / "model.tflite"), "metrics": metrics}
    render.emit(command="adapt", data=found, human=lambda: _show(folder, metrics), as_json=json)


class AdaptProgress(BuildProgress):
    """The progress of a build, for several short trainings that nothing resumes."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._training = ""  # which of how many, as it was told
        self._begun: list[float] = []  # when each training did
        self._count = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is KeyboardInterrupt:
            render.note("interrupted; no model was written, and the same command begins anew")
            kind = None
        super().__exit__(kind, error, trace)

    def step_begins(self, name: str) -> None:
        """Name the step: reading data, or which training of how many."""
        if name == "data":
            self._line(ANNOUNCED)
            super().step_begins(name)
            return
        self._finish_task()
        self._begun.append(time.monotonic())
        self._training = name.partition(":")[0]
        self._count = int(self._training.split()[-1])
        done = len(self._begun) - 1
        each = (self._begun[-1] - self._begun[0]) / done if done else 0.0
        self._line(name + (_left(each * (self._count - done)) if done else ""))

    def epoch(self, row: dict[str, Any]) -> None:
        """Show an epoch's figures, and after the first of all how long the trainings will take."""
        begun, now = self._begun[-1], time.monotonic()
        if self._bar is not None:
            super().epoch(row)
        else:
            self._losses.clear()
            self._line(
                f"{self._training}, epoch {row['epoch']}/{self._epochs}  loss {row['loss']:.4f}  "
                f"validation {row['val_accuracy']:.2%}  {row['seconds']:.1f} s"
            )
        if len(self._begun) == 1 and row["epoch"] == 1:
            rest = row["seconds"] * (self._epochs - 1)
            self._line(f"{self._count} trainings{_left((now - begun + rest) * self._count)}")


def _left(seconds: float) -> str:
    """Say how long it still takes, roughly."""
    minutes = round(seconds / 60)
    return f"; about {minutes} min left" if minutes else "; less than a minute left"


def _show(folder: Path, metrics: dict[str, Any]) -> None:
    told, checked = metrics["adaptation"], metrics["validation"]
    held = told["held_back"]
    rows = [
        ["errors on held-back samples", f"{held['old_errors']}", f"{held['new_errors']}"],
        [f"errors on {held['rehearsed']}", f"{held['old_rehearsed_errors']}",
         f"{held['new_rehearsed_errors']}"],
        ["digits accepted, scenes included", f"{checked['old_coverage']:.1%}",
         f"{checked['coverage']:.1%}"],
        ["right among the accepted", f"{checked['old_selective_accuracy']:.2%}",
         f"{checked['selective_accuracy']:.2%}"],
    ]  # fmt: skip
    console = render.console()
    title = f"{metrics['model']['name']}, adapted to {told['samples']['n']:,} samples"
    console.print(render.table(title, ["", "before", "now"], rows))
    console.print(held["words"], markup=False)
    for name in ("model.tflite", "MODEL_CARD.md", "metrics.json"):
        console.print(str(folder / name), markup=False)
    console.print(f"next: edge-hdr deploy TARGET --model {folder}", markup=False)
