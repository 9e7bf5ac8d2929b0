"""What `edge-hdr evaluate --photos` writes into metrics.json.

schema         1
kind           "photos"
model          name, sha256 of the file, threshold, temperature, labels
photos         folder, name, n, sources, half, sha256 of labels.json
all            `summary.summarize` of all photos
groups         the same of "plain", the photos without flags, and of each flag
confusions     written, read, count; the most frequent first
per_photo      `PhotoScore.to_dict` of each, the worst first
warnings       lines that a reader must see
interpreter    that the model ran in
threads        of the interpreter
libraries      version by library
command        that made it
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.photos.labels import LABELS, unlabelled
from edge_hdr.photos.score import PhotoScore
from edge_hdr.photos.summary import by_flag, confusions, selective_curve, summarize, worst_first
from edge_hdr.provenance import versions
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.manifest import read_file

FEW_DIGITS = 100


@dataclass(frozen=True)
class Asked:
    """What was asked to be measured.

    Attributes:
        model: the model's file.
        folder: of the photos.
        half: of their sources; None for all.
        threads: of the interpreter.
        command: that asked for it.
    """

    model: Path
    folder: Path
    half: int | None
    threads: int
    command: str


def document(asked: Asked, classifier: Classifier, scores: Sequence[PhotoScore]) -> dict[str, Any]:
    """Give the content of metrics.json."""
    everything = summarize(scores)
    return {
        "schema": 1,
        "kind": "photos",
        "model": describe(asked.model, classifier),
        "photos": {
            "folder": str(asked.folder),
            "name": asked.folder.resolve().name,
            "n": len(scores),
            "sources": len({one.truth.source for one in scores}),
            "half": asked.half,
            "sha256": hashlib.sha256((asked.folder / LABELS).read_bytes()).hexdigest(),
        },
        "all": everything,
        "groups": by_flag(scores),
        "selective": selective_curve(scores),
        "confusions": confusions(scores),
        "per_photo": [one.to_dict() for one in worst_first(scores)],
        "warnings": [*not_read(asked.folder), *warnings_of(everything)],
        "interpreter": runtime_name(),
        "threads": asked.threads,
        "libraries": versions(),
        "command": asked.command,
    }


def describe(path: Path, classifier: Classifier) -> dict[str, Any]:
    """Name a model and what it accepts."""
    manifest = classifier.manifest
    return {
        "name": manifest.name if manifest else path.stem,
        "sha256": hashlib.sha256(read_file(path)).hexdigest(),
        "threshold": manifest.threshold if manifest else 0.0,
        "temperature": manifest.temperature if manifest else 1.0,
        "labels": list(classifier.labels),
    }


def not_read(folder: Path) -> list[str]:
    """Say how many pictures of a folder its labels do not name."""
    count, all_of_them = unlabelled(folder)
    if not count:
        return []
    verb, was = ("has", "was") if count == 1 else ("have", "were")
    return [f"{count:,} of {all_of_them:,} pictures {verb} no entry in {LABELS} and {was} not read"]


def warnings_of(everything: dict[str, Any]) -> list[str]:
    """Say what speaks against the figures, a sentence each."""
    if everything["digits"] == 0:
        return ["no digit is written on these photos: only invented ones can be counted"]
    if everything["digits"] < FEW_DIGITS:
        return [f"{everything['digits']} digits are few: look at the interval, not at the rate"]
    return []
