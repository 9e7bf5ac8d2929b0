"""Measure how well photos are read: character errors and whole photos, as JSON.

    python benchmarks/photos.py FOLDER --model MODEL [--half 0|1] [--summary] [--out FILE]

FOLDER holds pictures and `labels.json`, a list of {"file": …, "digits": "12/34"}: the digits from
left to right, lines from top to bottom separated by "/". A digit that the model rejects counts as
missed. Line breaks do not count in the character error rate; they do for a whole photo.

--half takes the photos of every other source (`source_repo`, in the order of the names' sha256), so
that half 0 can be worked on and half 1 judges; --summary leaves out what each photo says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.images import read_image
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import UNREAD, Reader
from edge_hdr_device.storage import write_atomic


@dataclass(frozen=True)
class Edits:
    """How a text differs from the right one, at the least number of edits."""

    missed: int
    invented: int
    confused: int

    @property
    def total(self) -> int:
        """Count all edits: the edit distance."""
        return self.missed + self.invented + self.confused


def edits(expected: str, got: str) -> Edits:
    """Count the edits that turn `expected` into `got`, fewest first.

    Source: V. I. Levenshtein, 1966; the table is filled row by row.
    """
    row = [Edits(0, count, 0) for count in range(len(got) + 1)]
    for index, wanted in enumerate(expected):
        below = [Edits(index + 1, 0, 0)]
        for column, given in enumerate(got):
            diagonal, above, left = row[column], row[column + 1], below[column]
            ways = (
                Edits(diagonal.missed, diagonal.invented, diagonal.confused + (wanted != given)),
                Edits(above.missed + 1, above.invented, above.confused),
                Edits(left.missed, left.invented + 1, left.confused),
            )
            below.append(min(ways, key=lambda way: way.total))
        row = below
    return row[-1]


def summarize(photos: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up photos that carry "expected", "got", "missed", "invented" and "confused"."""
    digits = sum(len(photo["expected"].replace("/", "")) for photo in photos)
    counts = {
        key: sum(photo[key] for photo in photos) for key in ("missed", "invented", "confused")
    }
    whole = sum(photo["expected"] == photo["got"] for photo in photos)
    return {
        "photos": len(photos),
        "digits": digits,
        **counts,
        "character_error_rate": round(sum(counts.values()) / max(1, digits), 4),
        "whole_photos": whole,
        "whole_photo_accuracy": round(whole / max(1, len(photos)), 4),
    }


def labels_of(folder: Path, half: int | None) -> list[dict[str, Any]]:
    """Read the labels of a folder, or of every other source."""
    labels: list[dict[str, Any]] = json.loads((folder / "labels.json").read_text())
    if half is None:
        return labels
    sources = {label["source_repo"] for label in labels}
    ranked = sorted(sources, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return [label for label in labels if ranked.index(label["source_repo"]) % 2 == half]


def measure(folder: Path, model: Path, half: int | None = None) -> dict[str, Any]:
    """Read the labelled photos of a folder."""
    reader = Reader(Classifier(model))
    photos: list[dict[str, Any]] = []
    for label in labels_of(folder, half):
        reading = reader.read(read_image(folder / label["file"]))
        got = "/".join(line.replace(UNREAD, "") for line in reading.lines)
        counted = edits(label["digits"].replace("/", ""), got.replace("/", ""))
        fields = {"file": label["file"], "expected": label["digits"], "got": got}
        photos.append({**fields, **asdict(counted), "flags": label.get("flags", [])})
    plain = [photo for photo in photos if not photo["flags"]]
    return {
        "model": model.parent.name,
        "runtime": runtime_name(),
        "all": summarize(photos),
        "plain": summarize(plain),
        "photos": photos,
    }


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="a .tflite file or a released model's name")
    parser.add_argument("--half", type=int, choices=(0, 1), help="every other source only")
    parser.add_argument("--summary", action="store_true", help="leave out the single photos")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()
    result = measure(arguments.folder, released.find(arguments.model), arguments.half)
    if arguments.summary:
        del result["photos"]
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if arguments.out:
        write_atomic(arguments.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
