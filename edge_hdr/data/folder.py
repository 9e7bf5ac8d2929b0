"""A user's own images: a folder of any image files, each put through the device's normalization."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data import splits
from edge_hdr.data.dataset import Dataset, Progress, Split
from edge_hdr.data.folder_index import LabelledFile, class_names, index, is_only_test
from edge_hdr.errors import DataError, ImageError
from edge_hdr_device.normalize import normalize

TEST_SHARE = 0.15
LISTED = 10  # so many unreadable files are named, the others counted
THREADS = 8


@dataclass(frozen=True)
class Digit:
    """What one file gave.

    Attributes:
        file: the file and its class.
        image: uint8 (28, 28), ink 255 on background 0; None when the file is unusable.
        digest: sha256 of the file's content.
        reason: why it is unusable, else empty.
    """

    file: LabelledFile
    image: NDArray[np.uint8] | None
    digest: bytes
    reason: str = ""


def load_folder(
    folder: Path, *, seed: int, strict: bool = False, progress: Progress | None = None
) -> Dataset:
    """Read a folder of labelled images.

    Sub-folders `train/` and `test/`, where both exist, are the splits; with `test/` alone the
    training split is empty. Else 15 % of the images are held out for the test, stratified.
    Unusable files are left out and listed in the warnings.

    Args:
        folder: one sub-folder a class, or `labels.csv`; any image format that OpenCV reads, any
            size and polarity, one digit an image.
        seed: of the held-out split.
        strict: refuse a folder with an unusable file.
        progress: called with "reading images", the files read and the files in all.

    Raises:
        DataError: no images, one class only, a class without a usable image, a wrong
            `labels.csv`, or, under `strict`, an unusable file.
    """
    only_test = is_only_test(folder)
    apart = only_test or ((folder / "train").is_dir() and (folder / "test").is_dir())
    test_files = index(folder / "test") if apart else []
    files = [] if only_test else index(folder / "train") if apart else index(folder)
    classes = class_names(files or test_files)
    _check_known(test_files, classes)
    digits = _read([*files, *test_files], progress)
    usable = [digit for digit in digits if digit.image is not None]
    warnings = _left_out(folder, [digit for digit in digits if digit.image is None], strict=strict)
    given = {id(file) for file in test_files}
    train = [digit for digit in usable if id(digit.file) not in given]
    test = [digit for digit in usable if id(digit.file) in given]
    _check_covered(test if only_test else train, classes, least=1 if apart else 2)
    if not apart:
        train, test = _hold_out(train, classes, seed)
    return Dataset(
        name=folder.resolve().name,
        train=_split(train, classes),
        test=_split(test, classes),
        source=f"folder {_without_home(folder)}",
        test_name=f"{folder.resolve().name} test" + ("" if apart else " (15 % held out)"),
        classes=classes,
        warnings=(*warnings, *_absent(test, classes), *_leaks(folder, train, test)),
    )


def _read(files: Sequence[LabelledFile], progress: Progress | None) -> list[Digit]:
    """Read and normalize files in parallel, in order."""
    digits = []
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        try:
            for digit in pool.map(_digit, files):
                digits.append(digit)
                if progress is not None:
                    progress("reading images", len(digits), len(files))
        finally:  # an interruption must not wait for the files that are left
            pool.shutdown(cancel_futures=True)
    return digits


def _digit(file: LabelledFile) -> Digit:
    from edge_hdr_device.images import read_image
    from edge_hdr_device.locate import isolate

    try:
        content = file.path.read_bytes()
        image = normalize(isolate(read_image(content, name="the file")))
    except ImageError as error:
        return Digit(file, None, b"", error.message)
    except OSError as error:
        return Digit(file, None, b"", error.strerror or str(error))
    return Digit(file, image, hashlib.sha256(content).digest())


def _check_known(test_files: Sequence[LabelledFile], classes: tuple[str, ...]) -> None:
    for file in test_files:
        if file.label not in classes:
            raise DataError(
                f"test/ has the class {file.label}, which train/ lacks",
                hint="name the classes alike in train/ and test/",
            )


def _check_covered(train: Sequence[Digit], classes: tuple[str, ...], *, least: int) -> None:
    """Refuse a class that has fewer usable images than a split needs."""
    for name in classes:
        count = sum(digit.file.label == name for digit in train)
        if count < least:
            raise DataError(
                f"class {name} has too few usable images: {count}, at least {least} needed",
                hint="add images of it, or remove the class",
            )


def _hold_out(
    digits: Sequence[Digit], classes: tuple[str, ...], seed: int
) -> tuple[list[Digit], list[Digit]]:
    count = max(len(classes), round(TEST_SHARE * len(digits)))
    held = splits.mark(_split(digits, classes).labels, count, seed=seed)
    sides: tuple[list[Digit], list[Digit]] = ([], [])
    for digit, is_held in zip(digits, held, strict=True):
        sides[int(is_held)].append(digit)
    return sides


def _split(digits: Sequence[Digit], classes: tuple[str, ...]) -> Split:
    images = [digit.image for digit in digits if digit.image is not None]
    labels = [classes.index(digit.file.label) for digit in digits]
    return Split(np.array(images, np.uint8).reshape(-1, 28, 28), np.array(labels, np.int64))


def _left_out(folder: Path, unusable: Sequence[Digit], *, strict: bool) -> list[str]:
    lines = [f"{_relative(folder, digit)}: {digit.reason}" for digit in unusable]
    if strict and lines:
        raise DataError(
            f"unusable files: {len(lines)}, the first is {lines[0]}",
            hint="replace or remove them, or leave out --strict",
        )
    more = [f"left out {len(lines) - LISTED} more files"] if len(lines) > LISTED else []
    return [f"left out {line}" for line in lines[:LISTED]] + more


def _absent(test: Sequence[Digit], classes: tuple[str, ...]) -> list[str]:
    present = {digit.file.label for digit in test}
    return [
        f"the test split has no images of class {name}" for name in classes if name not in present
    ]


def _leaks(folder: Path, train: Sequence[Digit], test: Sequence[Digit]) -> list[str]:
    """Report files whose content is in both splits."""
    known = {digit.digest for digit in train}
    shared = [_relative(folder, digit) for digit in test if digit.digest in known]
    if not shared:
        return []
    return [
        f"test files that are in the training split too: {len(shared)}, the first is {shared[0]}; "
        "figures on the test split are too good"
    ]


def _relative(folder: Path, digit: Digit) -> str:
    path = digit.file.path
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _without_home(folder: Path) -> str:
    path = folder.resolve()
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):  # it lies elsewhere, or the user has no home
        return str(path)
