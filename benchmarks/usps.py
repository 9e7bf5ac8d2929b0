"""Measure how released models read USPS digits, a set that nothing was trained on, as JSON.

    python benchmarks/usps.py FILE [--model MODEL …] [--out FILE]

FILE is an `.npz` with `images_native`, uint8 (N, 16, 16), ink bright, cropped without a margin, and
`labels`. As a device does with a picture of one digit, each is put on a margin of paper, then
`isolate` and `normalize` bring it into the form that the model was trained on. Beside it the same
models get the digits unprepared: enlarged to 28×28 from edge to edge, and to 20×20 in the middle as
MNIST is framed, not centred by mass.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import DataError, EdgeHdrError
from edge_hdr.evaluate import evaluate_logits
from edge_hdr.photos.document import describe
from edge_hdr.provenance import command_line
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import ImageError
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.locate import isolate
from edge_hdr_device.normalize import normalize
from edge_hdr_device.storage import write_atomic

MARGIN_PX = 6  # of paper around a digit that fills its picture
SIDE_PX, GLYPH_PX = 28, 20


def load(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read the digits as they are, uint8 (N, 16, 16), and their labels.

    Raises:
        DataError: no such file, or another content.
    """
    hint = "give an .npz with images_native, uint8 (N, 16, 16), and labels"
    try:
        with np.load(path, allow_pickle=False) as content:
            images, labels = content["images_native"], content["labels"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read {path}: {error}", hint=hint) from error
    if images.dtype != np.uint8 or images.shape[1:] != (16, 16) or len(images) != len(labels):
        raise DataError(f"{path} holds {images.dtype} {images.shape}", hint=hint)
    return images, labels.astype(np.int64)


def prepared(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a digit into the model's form as a device does; blank where no ink is found."""
    try:
        return normalize(isolate(np.pad(image, MARGIN_PX)))
    except ImageError:
        return np.zeros((SIDE_PX, SIDE_PX), np.uint8)


def stretched(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge a digit from edge to edge."""
    import cv2

    return np.asarray(cv2.resize(image, (SIDE_PX, SIDE_PX)), np.uint8)


def framed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge a digit to 20×20 in the middle of 28×28."""
    import cv2

    small = cv2.resize(image, (GLYPH_PX, GLYPH_PX))
    return np.asarray(np.pad(small, (SIDE_PX - GLYPH_PX) // 2), np.uint8)


WAYS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "isolate and normalize": prepared,
    "framed": framed,
    "stretched": stretched,
}


def measure(
    path: Path, models: Sequence[Path], images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, Any]:
    """Read all digits in each way with each model; gives the document."""
    ways = {name: np.stack([way(image) for image in images]) for name, way in WAYS.items()}
    return {
        "schema": 1,
        "command": command_line("benchmarks/usps.py"),
        "file": path.name,
        "n": len(labels),
        "runtime": runtime_name(),
        "models": [_model(model, ways, labels) for model in models],
    }


def _model(
    path: Path, ways: dict[str, NDArray[np.uint8]], labels: NDArray[np.int64]
) -> dict[str, Any]:
    classifier = Classifier(path)
    described = describe(path, classifier)
    return {**described, "ways": {name: _score(classifier, described, crops, labels)
                                  for name, crops in ways.items()}}  # fmt: skip


def _score(
    classifier: Classifier,
    described: dict[str, Any],
    crops: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> dict[str, Any]:
    found = evaluate_logits(
        classifier.logits(crops),
        labels,
        classes=classifier.labels,
        temperature=described["temperature"],
        threshold=described["threshold"],
    ).to_dict()
    return {key: found[key] for key in ("n", "errors", "accuracy", "interval", "selective")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement from the command line; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--model", action="append", help="a file or a released name; by default all"
    )
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    options = parser.parse_args(arguments)
    try:
        images, labels = load(options.file)
        models = [released.find(name) for name in options.model or released.names()]
        text = json.dumps(measure(options.file, models, images, labels), indent=1) + "\n"
        if options.out:
            write_atomic(options.out, text)
    except EdgeHdrError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
