"""Adapt a model to hands that nothing was trained on, and measure what that gains and costs.

A hand is a form for each digit, of those below, and one writer's habits. The forms are not among
the allographs that `strokes` and the scenes are written with, so no model has seen them. Ten
samples a class are learnt; errors are counted on sixty others a class, and on the MNIST test split.
Hand 0 is left out: the recipe was chosen on it.

Usage: EDGE_HDR_DATA=… python benchmarks/adapt.py [--from MODEL] [--hands N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_hdr.data.dataset import Split
from edge_hdr.data.hand import Hands, draw_hands, trace
from edge_hdr.data.render import draw_ink, rasterize
from edge_hdr.data.strokes import Glyph, Stroke
from edge_hdr.data.written import shape
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.normalize import normalize
from edge_hdr_device.storage import write_atomic

RESULTS = Path(__file__).parent / "results"
LEARNT, ASKED = 10, 60  # samples a class
CARE = 0.6  # of how much a hand drawn at random varies: a person's own digits resemble each other
# Width to height and the strokes, in the notation of `edge_hdr/data/allographs.txt`.
FORMS: dict[int, tuple[tuple[float, str], ...]] = {
    0: (
        (0.75, "60 22, 30 5, 5 45, 20 90, 55 99, 88 62, 72 18, 45 12, 70 8, 100 2"),
        (0.72, "55 0, 20 13, 2 50, 20 88, 50 100, 82 85, 98 48, 82 12, 52 0 | 44 50, 56 50"),
        (0.72, "20 4, 4 40, 10 84, 50 100, 90 84, 96 40, 80 6, 52 0, 20 14, 12 30"),
    ),
    1: (
        (0.62, "2 64, 62 0!, 58 50, 54 100"),
        (0.7, "0 84, 52 0!, 74 50, 96 100"),
        (0.55, "4 30, 70 0!, 64 50, 60 88, 82 100, 98 90"),
    ),
    2: (
        (0.8, "8 8, 92 6!, 8 94!, 96 92 | 28 52, 74 48"),
        (0.8, "30 34, 8 22, 30 0, 70 2, 84 26, 52 60, 8 92, 30 78, 60 92, 98 84"),
        (0.75, "4 0, 60 2, 92 20, 60 44, 20 60, 6 84, 40 100, 96 96"),
    ),
    3: (
        (0.75, "6 6, 90 4!, 34 36!, 84 52, 92 76, 50 100, 4 90"),
        (0.72, "4 4, 88 12, 36 46!, 94 74, 6 98"),
        (0.78, "10 20, 24 2, 70 0, 80 30, 44 48, 30 40, 50 42, 98 62, 80 96, 30 100, 2 84"),
    ),
    4: (
        (0.72, "10 0, 14 40, 50 52, 84 40!, 88 0!, 84 50, 82 100"),
        (0.85, "64 0, 4 70!, 98 72 | 78 46, 70 100"),
        (0.75, "20 0, 8 52!, 90 46 | 60 8, 52 100"),
    ),
    5: (
        (0.8, "98 0, 30 10!, 22 44!, 70 44, 84 72, 56 98, 6 90"),
        (0.72, "90 4, 50 0, 16 20, 30 44, 74 54, 88 80, 50 100, 8 92"),
        (0.78, "12 2, 10 46!, 60 40, 92 66, 70 96, 4 98 | 12 4, 60 8, 96 0"),
    ),
    6: (
        (0.62, "16 0, 10 60, 14 92, 50 100, 86 82, 76 54, 40 50, 12 66"),
        (0.72, "84 8, 44 0, 24 18, 60 44, 88 70, 60 98, 20 92, 12 66, 40 46, 66 50"),
        (0.75, "98 0, 50 20, 12 60, 20 96, 60 98, 70 72, 40 60, 14 76"),
    ),
    7: (
        (0.75, "2 30, 8 2!, 92 4!, 60 52, 44 90, 8 98"),
        (0.72, "6 48, 8 4!, 94 2!, 80 44, 58 100"),
        (0.8, "2 4, 90 8!, 50 46, 60 100 | 20 50, 88 44"),
    ),
    8: (
        (0.68, "84 14, 48 0, 14 20, 50 48, 86 76, 50 100, 14 80!, 88 10"),
        (0.7, "20 10, 88 86, 50 100, 12 86, 84 12, 50 0, 16 10"),
        (0.7, "50 46, 14 34, 16 8, 50 0, 84 10, 82 34, 50 46, 8 62, 10 92, 52 100, 92 88, 88 58, "
              "54 48"),
    ),
    9: (
        (0.68, "82 6, 40 0, 8 26, 40 52, 80 36, 84 4!, 84 100, 100 86"),
        (0.72, "86 20, 50 0, 12 16, 30 44, 84 30!, 88 8, 92 66, 60 98, 6 88"),
        (0.6, "90 10, 50 0, 30 20, 60 36, 92 14!, 70 60, 20 100"),
    ),
}  # fmt: skip


def main() -> None:
    """Adapt to each hand, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="model", help="by default ds-cnn-small-int8")
    parser.add_argument("--hands", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS / "adapt.json")
    options = parser.parse_args()
    parent = released.find(options.model)
    rows = [measure(parent, number) for number in range(1, options.hands + 1)]
    result = {
        "command": "python benchmarks/adapt.py",
        "model": Classifier(parent).manifest.name,  # type: ignore[union-attr]
        "samples_per_class": LEARNT,
        "hands": rows,
        "error_before": spread([row["before"] for row in rows]),
        "error_after": spread([row["after"] for row in rows]),
        "errors_left": round(
            sum(row["after"] for row in rows) / sum(row["before"] for row in rows), 4
        ),
        "mnist_points_lost": spread([row["mnist_points_lost"] for row in rows]),
        "seconds": spread([row["seconds"] for row in rows]),
        "cores": len(os.sched_getaffinity(0)),
        "load_average_at_end": os.getloadavg()[0],
    }
    write_atomic(options.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "hands"}, indent=1))


def left(rows: list[dict[str, Any]]) -> float:
    """Give the errors after, of all hands together, as a share of those before."""
    return float(sum(row["after"] for row in rows) / sum(row["before"] for row in rows))


def spread(values: list[float]) -> dict[str, float]:
    """Give mean and range."""
    named = {"mean": statistics.fmean(values), "least": min(values), "most": max(values)}
    return {name: round(value, 5) for name, value in named.items()}


def measure(parent: Path, number: int) -> dict[str, Any]:
    """Adapt to one hand as the command does, and count errors before and after.

    The file is measured whether or not the adaptation's own judgement would write it.
    """
    from edge_hdr.adaptation.run import Wish, adapt
    from edge_hdr.data.load import load

    everything = write_hand(number, LEARNT + ASKED)
    rank = np.concatenate([np.arange(LEARNT + ASKED)] * 10)
    learnt = everything.take(np.flatnonzero(rank < LEARNT))
    asked = everything.take(np.flatnonzero(rank >= LEARNT))
    with tempfile.TemporaryDirectory() as folder:
        save(learnt, Path(folder))
        started = time.monotonic()
        made = adapt(Wish(Path(folder), parent, data="mnist"), Silent())
        seconds = time.monotonic() - started
    old, new = Classifier(parent, num_threads=2), Classifier(made.flatbuffer, num_threads=2)
    test = load("mnist", data_dir=None, seed=0).test
    before, after = errors(old, asked), errors(new, asked)
    mnist = errors(old, test), errors(new, test)
    row = {
        "hand": number,
        "n": len(asked),
        "before": before / len(asked),
        "after": after / len(asked),
        "held_back": made.judgement.to_dict(),
        "mnist_errors_before": mnist[0],
        "mnist_errors_after": mnist[1],
        "mnist_points_lost": 100 * (mnist[1] - mnist[0]) / len(test),
        "seconds": round(seconds, 1),
    }
    print(f"hand {number}: {before} → {after} of {len(asked)}, MNIST test {mnist[0]} → {mnist[1]}, "
          f"{seconds:.0f} s; {made.judgement.words}", flush=True)  # fmt: skip
    return row


def errors(classifier: Classifier, split: Split) -> int:
    """Count wrong names."""
    return int((classifier.logits(split.images).argmax(axis=1) != split.labels).sum())


def write_hand(number: int, per_class: int) -> Split:
    """Write digits of one hand, class by class; the same number gives the same bytes."""
    rng = np.random.default_rng([6, number])
    person = draw_hands(rng, 1)
    calm = {name: CARE * getattr(person, name) for name in ("bend", "jitter", "overshoot")}
    person = replace(person, **calm)
    height_px, images = int(rng.integers(72, 104)), []
    for digit, forms in FORMS.items():
        aspect, text = forms[int(rng.integers(len(forms)))]
        form = shape(f"{digit}", text, aspect=aspect)
        traced = trace(form, today(person, per_class, rng), rng)
        for at in range(per_class):
            strokes = tuple(Stroke(points[at], widths[at]) for points, widths in traced)
            drawn = rasterize(Glyph(digit, form.name, strokes), height_px=height_px, oversample=1,
                              ink=draw_ink(rng), rng=rng)  # fmt: skip
            images.append(normalize(drawn))
    labels = np.repeat(np.arange(len(FORMS)), per_class)
    return Split(np.array(images, np.uint8), labels)


def today(person: Hands, count: int, rng: np.random.Generator) -> Hands:
    """Vary one person's habits as they vary from one digit to the next."""
    many = person.take(np.zeros(count, np.int64))
    moved = {"slant": 0.04, "stretch": 0.06, "turn": 0.03}
    return replace(
        many,
        **{
            field.name: getattr(many, field.name) + moved[field.name] * rng.standard_normal(count)
            for field in fields(Hands)
            if field.name in moved
        },
    )


def save(split: Split, folder: Path) -> None:
    """Write digits as a person would have them: dark on white, a sub-folder a class."""
    import cv2

    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        path = folder / str(label) / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        if not cv2.imwrite(str(path), 255 - image):
            raise OSError(f"cannot write {path}")


class Silent:
    """A reporter that says nothing."""

    def start(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Take a phase's begin."""

    def step(self, loss: float) -> None:
        """Take a step."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Take an epoch."""

    def step_begins(self, name: str) -> None:
        """Take a step's begin."""

    def warn(self, message: str) -> None:
        """Take a warning."""

    def bytes_done(self, name: str, done: int, total: int | None) -> None:
        """Take a state."""


if __name__ == "__main__":
    main()
