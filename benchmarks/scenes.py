"""Measure reading on generated scenes, each factor varied alone, as JSON and a figure.

    python benchmarks/scenes.py [--model MODEL …] [--part validation|test] [--scenes N]
                                [--curve-scenes N] [--out FILE] [--picture FILE]

Scenes (`edge-hdr data scenes`) are written with MNIST digits that no model was trained on: those
held out for validation while something is still being chosen, those of the test set for a figure
that is published. About 40 % of the scenes are written with procedural strokes instead, whose
allographs a model may know from training.

For each severity: the character error rate and all else that `edge-hdr evaluate --photos` counts,
of all scenes and of those with and without clutter; and how many digits can be accepted while so
many of the accepted are right (an invented digit that is accepted is an error, a missed one is not
covered). The OpenCV tutorial's reader reads the same scenes. For each factor: the character error
rate at levels up to 1 with every other factor absent.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foreign.tutorial import TutorialReader
from scenes_figure import draw_curves

from edge_hdr.data.dataset import Split
from edge_hdr.errors import EdgeHdrError, UsageError
from edge_hdr.photos.document import describe
from edge_hdr.photos.labels import LINE_BREAK, Truth
from edge_hdr.photos.read import PictureReader
from edge_hdr.photos.score import PhotoScore, score
from edge_hdr.photos.summary import by_flag, selective_curve, summarize
from edge_hdr.provenance import command_line, versions
from edge_hdr.report.canvas import save
from edge_hdr.scenes.draw import draw_scene
from edge_hdr.scenes.factors import FACTORS, SEVERITIES
from edge_hdr.scenes.folder import PARTS, Wish, digits_of, scene_seed
from edge_hdr.scenes.scene import Scene
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.storage import write_atomic

RESULTS = Path(__file__).parent / "results"
SEVERE = ("mild", "moderate", "hard")
LEVELS = (0.25, 0.5, 0.75, 1.0)
TUTORIAL = "centred"  # its best style
BATCH = 10  # scenes that a process draws and reads at a time

Scores = dict[str, list[PhotoScore]]


@dataclass(frozen=True)
class Batch:
    """Scenes to be drawn and read together.

    Attributes:
        name: of the severity or the factor that they belong to.
        level: of the factor; 0 for a severity and for a factor's absence.
        first: number of the first scene.
        count: of scenes.
        part: of the digits that they are written with.
        tutorial: whether the tutorial's reader reads them as well.
    """

    name: str
    level: float
    first: int
    count: int
    part: str
    tutorial: bool = False

    def draw(self, digits: Split) -> Iterator[Scene]:
        """Draw them."""
        severity = self.name if self.name in SEVERITIES else "clean"
        factors = {self.name: self.level} if self.name in FACTORS else {}
        wish = Wish(self.count, severity, factors, part=self.part)
        for number in range(self.first, self.first + self.count):
            seed = scene_seed(wish, number)
            yield draw_scene(digits, seed=seed, severity=severity, factors=factors)


def truth_of(scene: Scene, number: int) -> Truth:
    """Say what is written in a scene."""
    return Truth(
        file=f"scene {number}",
        lines=tuple(line for line in scene.text.split(LINE_BREAK) if line),
        flags=("clutter",) if scene.clutter else (),
        boxes=tuple(digit.box for digit in scene.digits),
    )


class Desk:
    """Draw and read batches in a process of its own."""

    def __init__(self, models: Sequence[Path], digits: Split) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._digits = digits
        classifiers = {describe(path, (made := Classifier(path)))["name"]: made for path in models}
        self._ours: dict[str, PictureReader] = {
            name: Reader(classifier) for name, classifier in classifiers.items()
        }
        first = next(iter(classifiers))
        tutorial = TutorialReader(classifiers[first].logits, TUTORIAL)
        self._theirs = {f"tutorial, {TUTORIAL}, {first}": tutorial}

    def read(self, batch: Batch) -> Scores:
        """Read a batch with every reader."""
        readers = self._ours | (self._theirs if batch.tutorial else {})
        found: Scores = {name: [] for name in readers}
        for number, scene in enumerate(batch.draw(self._digits), start=batch.first):
            truth = truth_of(scene, number)
            for name, reader in readers.items():
                found[name].append(score(truth, reader.read(scene.image)))
        return found


_desks: list[Desk] = []  # of this process


def _open(models: Sequence[Path], digits: Split) -> None:
    _desks.append(Desk(models, digits))


def _read(batch: Batch) -> tuple[Batch, Scores]:
    return batch, _desks[0].read(batch)


def batches(options: argparse.Namespace) -> list[Batch]:
    """List all that is to be read."""
    wanted = [(name, 0.0, options.scenes, True) for name in SEVERE]
    if options.curve_scenes:
        wanted.append(("clean", 0.0, options.curve_scenes, False))
        names = options.factor or list(FACTORS)
        wanted += [(name, level, options.curve_scenes, False) for name in names for level in LEVELS]
    return [
        Batch(name, level, first, min(BATCH, count - first), options.part, tutorial)
        for name, level, count, tutorial in wanted
        for first in range(0, count, BATCH)
    ]


def gather(found: Iterable[tuple[Batch, Scores]], total: int) -> dict[tuple[str, float], Scores]:
    """Put the scores of batches together, by severity or factor and level."""
    gathered: dict[tuple[str, float], Scores] = {}
    for done, (batch, scores) in enumerate(found, start=1):
        place = gathered.setdefault((batch.name, batch.level), {})
        for name, ones in scores.items():
            place.setdefault(name, []).extend(ones)
        if done % 20 == 0:
            print(f"{done} of {total} batches", file=sys.stderr)
    return gathered


def of_severity(scores: Sequence[PhotoScore]) -> dict[str, Any]:
    """Sum up the scenes of a severity."""
    return {
        **summarize(scores),
        "groups": by_flag(scores),
        "selective": selective_curve(scores),
    }


def curve(gathered: dict[tuple[str, float], Scores], factor: str) -> dict[str, list[Any]]:
    """Give by reader the points of a factor's curve."""
    points: dict[str, list[Any]] = {}
    levels = sorted(level for name, level in gathered if name == factor)
    for level, scores in [
        (0.0, gathered[("clean", 0.0)]),
        *((level, gathered[(factor, level)]) for level in levels),
    ]:
        for reader, ones in scores.items():
            found = summarize(ones)
            kept = ("character_error_rate", "interval", "digits", "missed", "invented", "confused",
                    "located_share")  # fmt: skip
            points.setdefault(reader, []).append(
                {"level": level, **{key: found[key] for key in kept}}
            )
    return points


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw and read everything; gives the document."""
    models = [released.find(name) for name in options.model or _ours_first()]
    todo = batches(options)
    context = multiprocessing.get_context("spawn")  # threads of OpenCV do not survive a fork
    setting = (models, digits_of("mnist", options.part, data_dir=options.data_dir))
    with ProcessPoolExecutor(options.workers, context, _open, setting) as pool:
        gathered = gather(pool.map(_read, todo), len(todo))
    factors = dict.fromkeys(name for name, _ in gathered if name in FACTORS)
    return {
        "schema": 1,
        "command": command_line("benchmarks/scenes.py"),
        "part": options.part,
        "scenes": options.scenes,
        "curve_scenes": options.curve_scenes,
        "runtime": runtime_name(),
        "libraries": versions(),
        "models": [describe(path, Classifier(path)) for path in models],
        "severities": {
            name: {reader: of_severity(ones) for reader, ones in gathered[(name, 0.0)].items()}
            for name in SEVERE
            if (name, 0.0) in gathered
        },
        "curves": {name: curve(gathered, name) for name in factors},
    }


def _ours_first() -> list[str]:
    return sorted(released.names(), key=lambda name: name != released.DEFAULT)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", action="append", help="a file or a released name; by default all"
    )
    parser.add_argument("--part", choices=PARTS, default="validation", help="of MNIST's digits")
    parser.add_argument("--data-dir", type=Path, help="where MNIST lies")
    parser.add_argument("--scenes", type=int, default=500, help="of each severity")
    parser.add_argument("--curve-scenes", type=int, default=60, help="of each level; 0 for none")
    parser.add_argument("--factor", action="append", choices=FACTORS, metavar="NAME",
                        help="draw the curve of these factors only")  # fmt: skip
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--out", type=Path, default=RESULTS / "scenes.json")
    parser.add_argument("--picture", type=Path, default=RESULTS / "scenes.png")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement from the command line; gives the exit code."""
    options = parse(arguments)
    try:
        if min(options.scenes, options.workers) < 1 or options.curve_scenes < 0:
            raise UsageError("--scenes and --workers start at 1", hint="give a larger number")
        document = run(options)
        write_atomic(options.out, json.dumps(document, indent=1) + "\n")
        drawn = save(draw_curves, options.picture, document)
    except EdgeHdrError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    for severity, readers in document["severities"].items():
        for reader, found in readers.items():
            own, best = found["own"], found["at_selective_accuracy"]["coverage"]
            print(
                f"{severity:9} errors {found['character_error_rate']:7.2%}  accepted "
                f"{own['coverage']:6.1%}, right {own['accuracy'] or 0:6.1%}  coverage at 99.5 % "
                f"{best:6.1%}  {reader}"
            )
    print(f"written: {options.out}{f', {options.picture}' if drawn else ''}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
