"""Measure how well photos are read, ours beside the OpenCV tutorial's reader, as JSON.

    python benchmarks/photos.py DIR [--model MODEL] [--half 0|1] [--summary] [--alone] [--out FILE]

DIR holds pictures and `labels.json`, as for `edge-hdr evaluate --photos`, which also shows a page
of every photo. A digit that the model rejects counts as missed. Line breaks do not count in the
character error rate; they do for a whole photo. Every reader reads the same photos in this run:

    ours           the device's reader with MODEL, and with the other released models
    tutorial, …    Otsu's threshold and outer contours (foreign/tutorial.py), in each of its styles,
                   around an MNIST network (--network, the float model of a build) and around
                   MODEL; it rejects nothing
    ours, …        the device's reader with that same network: what the reader alone is worth

--half takes the photos of every other source (`source_repo`, in the order of the names' sha256), so
that half 0 can be worked on and half 1 judges; --summary leaves out what each photo says; --alone
leaves out all but MODEL.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foreign.tutorial import STYLES, TutorialReader

from edge_hdr.errors import EdgeHdrError
from edge_hdr.photos.document import describe
from edge_hdr.photos.labels import Truth, load_truths
from edge_hdr.photos.read import PictureReader, check_labels, read_photos
from edge_hdr.photos.summary import by_flag, confusions, selective_curve, summarize, worst_first
from edge_hdr.provenance import command_line, versions
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.storage import write_atomic

NETWORK = Path("runs/literature/lenet5/seed0/float.tflite")
CNN = "an MNIST CNN"


def others(classifier: Classifier, name: str, network: Path | None) -> dict[str, PictureReader]:
    """Give the readers that ours is put beside, by name."""
    found: dict[str, PictureReader] = {}
    for other in released.names():
        if other != name:
            found[f"ours, {other}"] = Reader(Classifier(released.find(other)))
    around = {name: classifier}
    if network is not None:
        plain = Classifier(network)
        found[f"ours, {CNN}"] = Reader(plain)
        around[CNN] = plain
    for title, inner in around.items():
        for style in STYLES:
            found[f"tutorial, {style}, {title}"] = TutorialReader(inner.logits, style)
    return found


def measure(
    folder: Path, truths: Sequence[Truth], model: Path, network: Path | None, *, alone: bool
) -> dict[str, Any]:
    """Read labelled photos with every reader; gives the document."""
    classifier = Classifier(model)
    check_labels(classifier.labels)
    described = describe(model, classifier)
    scores = read_photos(Reader(classifier), folder, truths)
    readers = {} if alone else others(classifier, described["name"], network)
    beside = {name: read_photos(reader, folder, truths) for name, reader in readers.items()}
    return {
        "schema": 1,
        "command": command_line("benchmarks/photos.py"),
        "model": described["name"],
        "described": described,
        "network": None if network is None else describe(network, Classifier(network)),
        "runtime": runtime_name(),
        "libraries": versions(),
        "sources": len({truth.source for truth in truths}),
        "all": summarize(scores),
        "groups": by_flag(scores),
        "selective": selective_curve(scores),
        "confusions": confusions(scores),
        "readers": {name: summarize(found) for name, found in beside.items()},
        "photos": [one.to_dict() for one in worst_first(scores)],
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="a .tflite file or a released model's name")
    parser.add_argument("--network", type=Path, help=f"an MNIST network's .tflite file ({NETWORK})")
    parser.add_argument("--half", type=int, choices=(0, 1), help="every other source only")
    parser.add_argument("--summary", action="store_true", help="leave out the single photos")
    parser.add_argument("--alone", action="store_true", help="read with the one model only")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement from the command line; gives the exit code."""
    options = parse(arguments)
    network = options.network or (NETWORK if NETWORK.is_file() else None)
    try:
        truths = load_truths(options.folder, options.half)
        model = released.find(options.model)
        result = measure(options.folder, truths, model, network, alone=options.alone)
        if options.summary:
            del result["photos"]
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        if options.out:
            write_atomic(options.out, text)
    except EdgeHdrError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
