"""Which samples a model doubts most: those are labelled first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import ImageError
from edge_hdr.labelling.tables import NON_DIGIT
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.normalize import normalize

THREADS = 8
CROP_PX, CROP_SHAPE = 600, 3.0  # longer, or wider by its height, is hardly one digit

Size = tuple[int, int]  # width and height in px
Found = tuple[NDArray[np.uint8] | None, Size, str]
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Sample:
    """A picture and what the model makes of it.

    Attributes:
        file: its path below the folder.
        guess: the class that it was read as; empty where there is no ink to read.
        confidence: of the guess, in [0, 1].
        doubt: that it is what is said of it already, else that the guess is right, in [0, 1].
        size_px: width and height of the picture.
    """

    file: str
    guess: str
    confidence: float
    doubt: float
    size_px: tuple[int, int]


def sort_by_doubt(
    folder: Path,
    files: Sequence[str],
    classifier: Classifier,
    said: Mapping[str, str],
    progress: Progress | None = None,
) -> tuple[list[Sample], list[str]]:
    """Read samples as a device would, and put those first that the model doubts most.

    Args:
        folder: of the samples.
        files: paths below it.
        classifier: reads them.
        said: what is said of files already; where that is a class, the doubt is about it.
        progress: called with "reading samples", the files read and the files in all.

    Returns:
        The samples, and a line for each file that is no picture and was left out.
    """
    images: list[NDArray[np.uint8]] = []
    where: dict[str, tuple[int | None, Size]] = {}
    broken = []
    for done, (file, (image, size_px, fault)) in enumerate(_read(folder, files), start=1):
        if fault:
            broken.append(f"{file}: {fault}")
        else:
            where[file] = len(images) if image is not None else None, size_px
            images += [image] if image is not None else []
        if progress is not None:
            progress("reading samples", done, len(files))
    found = classifier.predict(np.array(images, np.uint8).reshape(-1, 28, 28)).probabilities
    samples = [
        _sample(
            file, None if row is None else found[row], classifier.labels, said.get(file, ""), size
        )
        for file, (row, size) in where.items()
    ]
    return sorted(samples, key=lambda sample: (-sample.doubt, sample.file)), broken


def looks_whole(samples: Sequence[Sample]) -> bool:
    """Tell whether pictures look like photos of pages, not like crops of one digit each.

    Args:
        samples: at least one.
    """
    width, height = (median(sample.size_px[side] for sample in samples) for side in (0, 1))
    shape = median(sample.size_px[0] / sample.size_px[1] for sample in samples)
    return max(width, height) > CROP_PX or shape > CROP_SHAPE


def _read(folder: Path, files: Sequence[str]) -> Iterator[tuple[str, Found]]:
    """Read and normalize files in parallel, in order."""
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        try:
            yield from zip(
                files, pool.map(lambda file: _normalized(folder / file), files), strict=True
            )
        finally:  # an interruption must not wait for the files that are left
            pool.shutdown(cancel_futures=True)


def _normalized(path: Path) -> Found:
    """Give uint8 (28, 28), ink 255, or None without ink; the size; what is wrong with the file."""
    from edge_hdr_device.images import read_image
    from edge_hdr_device.locate import isolate

    try:
        picture = read_image(path, name="the file")
    except ImageError as error:
        return None, (0, 0), error.message
    size_px = picture.shape[1], picture.shape[0]
    try:
        return normalize(isolate(picture)), size_px, ""
    except ImageError:
        return None, size_px, ""


def _sample(
    file: str, row: NDArray[np.float32] | None, labels: tuple[str, ...], said: str, size_px: Size
) -> Sample:
    if row is None:
        return Sample(file, "", 0.0, 1.0, size_px)
    confidence = float(row.max())
    told = 1.0 - confidence if said == NON_DIGIT else confidence
    if said in labels:
        told = float(row[labels.index(said)])
    return Sample(file, labels[int(row.argmax())], confidence, 1.0 - told, size_px)
