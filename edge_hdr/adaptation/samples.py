"""A person's own labelled samples, read and normalized as a device does."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.adaptation.sources import labelled_files
from edge_hdr.data.dataset import Progress, Split
from edge_hdr.data.folder_index import LabelledFile
from edge_hdr.errors import DataError, ImageError

THREADS = 8
LISTED = 5  # so many unreadable files are named, the others counted
MOST = 5000  # with more, a build from the released weights is the better way
LEAST = 10  # digits: of fewer, those that are held back tell nothing
NO_DIGIT = -1


@dataclass(frozen=True)
class Samples:
    """Labelled samples of one hand.

    Attributes:
        name: of their folder.
        split: normalized; labels are the model's own, −1 what is no digit.
        files: path of each, below the folder.
        warnings: what was left out and why, a sentence each.
    """

    name: str
    split: Split
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.split)

    def facts(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Give JSON-ready what a manifest says of them: name, sha256, n, by_class."""
        counts = {name: int((self.split.labels == at).sum()) for at, name in enumerate(classes)}
        counts["none"] = int((self.split.labels == NO_DIGIT).sum())
        return {
            "name": self.name,
            "sha256": self.split.sha256(),
            "n": len(self),
            "by_class": {name: count for name, count in counts.items() if count},
        }


def read_samples(
    folder: Path, classes: tuple[str, ...], progress: Progress | None = None
) -> Samples:
    """Read a folder of labelled samples; see `sources.labelled_files` for its form.

    Files that cannot be read are left out and named in the warnings; so is a picture that is there
    twice, which could otherwise be learnt and held back at once. Two photos of one written digit
    differ in their pixels and are taken for two digits.

    Args:
        folder: any image format that OpenCV reads, any size and polarity, one digit an image.
        classes: what the model's outputs stand for.
        progress: called with "reading samples", the files read and the files in all.

    Raises:
        DataError: see `sources.labelled_files`; or fewer than `LEAST` are digits and
            readable, or there are too many.
    """
    files, guessed = labelled_files(folder, classes)
    if len(files) > MOST:
        raise DataError(
            f"{folder} has {len(files):,} samples, more than the {MOST:,} that adapt takes",
            hint=f"train on them: edge-hdr build --data {folder}",
        )
    _check_count(sum(file.label in classes for file in files))
    found = _read(files, progress)
    unread = [
        f"left out {_below(folder, file)}: {reason}"
        for file, (image, reason) in zip(files, found, strict=True)
        if image is None
    ]
    warnings = unread[:LISTED]
    if len(unread) > LISTED:
        warnings.append(f"left out {len(unread) - LISTED:,} more files that cannot be read")
    kept, doubled = _distinct(files, [image for image, _ in found])
    if doubled:
        warnings.append(doubled)
    if guessed:
        warnings.append(
            f"left out {guessed:,} samples that only a model has labelled; for these, "
            f"edge-hdr label {folder}"
        )
    _check_count(sum(file.label in classes for file, _ in kept), warnings)
    warnings += _unheard({file.label for file, _ in kept}, classes)
    images = np.array([image for _, image in kept], np.uint8)
    labels = [classes.index(f.label) if f.label in classes else NO_DIGIT for f, _ in kept]
    return Samples(
        name=folder.resolve().name,
        split=Split(images, np.array(labels, np.int64)),
        files=tuple(_below(folder, file) for file, _ in kept),
        warnings=tuple(warnings),
    )


def _read(
    files: Sequence[LabelledFile], progress: Progress | None
) -> list[tuple[NDArray[np.uint8] | None, str]]:
    """Read and normalize files in parallel, in order: the image, or why there is none."""
    found = []
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        try:
            for result in pool.map(_normalized, files):
                found.append(result)
                if progress is not None:
                    progress("reading samples", len(found), len(files))
        finally:  # an interruption must not wait for the files that are left
            pool.shutdown(cancel_futures=True)
    return found


def _normalized(file: LabelledFile) -> tuple[NDArray[np.uint8] | None, str]:
    """Give uint8 (28, 28), ink 255, or what is wrong with the file."""
    from edge_hdr_device.images import read_image
    from edge_hdr_device.locate import isolate
    from edge_hdr_device.normalize import normalize

    try:
        return normalize(isolate(read_image(file.path, name="the file"))), ""
    except ImageError as error:
        return None, error.message
    except OSError as error:
        return None, error.strerror or str(error)


def _distinct(
    files: Sequence[LabelledFile], images: Sequence[NDArray[np.uint8] | None]
) -> tuple[list[tuple[LabelledFile, NDArray[np.uint8]]], str]:
    """Keep one of equal pictures, and none of those that are labelled in two ways."""
    labels: dict[bytes, set[str]] = {}
    first: dict[bytes, tuple[LabelledFile, NDArray[np.uint8]]] = {}
    read = 0
    for file, image in zip(files, images, strict=True):
        if image is not None:
            digest = hashlib.sha256(image.tobytes()).digest()
            labels.setdefault(digest, set()).add(file.label)
            first.setdefault(digest, (file, image))
            read += 1
    kept = [first[digest] for digest, named in labels.items() if len(named) == 1]
    at_odds = [first[digest][0].path.name for digest, named in labels.items() if len(named) > 1]
    if read == len(kept):
        return kept, ""
    words = f"left out {read - len(kept):,} files that are there more than once"
    odds = f"; {at_odds[0]} is labelled in two ways" if at_odds else ""
    return kept, words + odds


def _unheard(labels: set[str], classes: tuple[str, ...]) -> list[str]:
    """Say of which classes there are no samples."""
    missing = [name for name in classes if name not in labels]
    if not missing:
        return []
    these = "it" if len(missing) == 1 else f"these {len(missing)}"
    return [f"no samples of {', '.join(missing)}: nothing is learnt about {these}"]


def _check_count(count: int, warnings: Sequence[str] = ()) -> None:
    if count >= LEAST:
        return
    left = f" ({warnings[0]})" if warnings else ""
    digits = "digit" if count == 1 else "digits"
    raise DataError(
        f"{count} labelled {digits}{left}; at least {LEAST} are needed",
        hint="ten of each class are a good start: edge-hdr sheet prints a page to write them on",
    )


def _below(folder: Path, file: LabelledFile) -> str:
    return str(file.path.relative_to(folder) if file.path.is_relative_to(folder) else file.path)
