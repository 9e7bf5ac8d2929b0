"""Read photographed pages of a sheet as a device reads digits, and compare with what was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import DIGITS
from edge_hdr.errors import DataError, ImageError
from edge_hdr.evaluate import check_classes, evaluate_logits
from edge_hdr.evaluation import Evaluation
from edge_hdr.form.again import once
from edge_hdr.form.cut import CutBox
from edge_hdr.form.doubts import doubts
from edge_hdr.form.photo import Photo, normalized, see
from edge_hdr_device.classifier import Classifier


@dataclass(frozen=True)
class ReadBox:
    """A digit that was written into a box, and how it was read.

    Attributes:
        photo: index of its photo.
        cut: the box.
        crop: uint8 (28, 28), ink 255 on background 0, as the model saw it.
        label: what was read.
        confidence: of that, in [0, 1].
        accepted: whether the model's threshold lets it pass.
    """

    photo: int
    cut: CutBox
    crop: NDArray[np.uint8]
    label: str
    confidence: float
    accepted: bool

    @property
    def right(self) -> bool:
        """Tell whether it was read as what was asked for."""
        return self.label == self.cut.box.digit


@dataclass(frozen=True)
class SheetReading:
    """What came of the photos of a sheet.

    Attributes:
        photos: in the order given.
        boxes: the digits, in the order of photos, rows and columns.
        evaluation: of the digits against what was asked for.
        warnings: what speaks against the figures, a sentence each.
    """

    photos: tuple[Photo, ...]
    boxes: tuple[ReadBox, ...]
    evaluation: Evaluation
    warnings: tuple[str, ...]


def read_sheet(
    pictures: Sequence[tuple[str, Callable[[], NDArray[np.uint8]]]],
    classifier: Classifier,
    progress: Callable[[str, int, int | None], None] = lambda name, done, total: None,
    skip: Callable[[str, ImageError], None] | None = None,
) -> SheetReading:
    """Find the pages of photos, cut their boxes and read what is written in them.

    The same picture counts once, and so does a box that several photos of one paper show: each
    digit was written once, and the interval is that of so many written digits.

    Args:
        pictures: the name of each photo, and what loads it: uint8 (H, W) or (H, W, 3) BGR. One
            is held at a time.
        classifier: of the digits 0 to 9.
        progress: called with what is done, how many photos and of how many.
        skip: called with the name of a photo that is left out, and why; None: it is an error.

    Raises:
        ImageError: a photo shows no page of a sheet, or none of them does.
        DataError: all boxes are empty.
        ModelError: the model has other classes.
    """
    check_classes(classifier.labels, DIGITS)
    seen, same = _see(pictures, progress, skip)
    photos, repeats = once(seen)
    boxes = [
        (number, box)
        for number, photo in enumerate(photos)
        for box in photo.boxes
        if box.state == "written"
    ]
    if not boxes:
        raise _nothing_written(photos)
    read, evaluation = _read(boxes, classifier)
    return SheetReading(tuple(photos), read, evaluation, (*doubts(photos), *same, *repeats))


def _see(
    pictures: Sequence[tuple[str, Callable[[], NDArray[np.uint8]]]],
    progress: Callable[[str, int, int | None], None],
    skip: Callable[[str, ImageError], None] | None,
) -> tuple[list[Photo], list[str]]:
    """Cut the boxes of each different picture; say which ones are the same."""
    photos: list[Photo] = []
    same: list[str] = []
    names: dict[bytes, str] = {}
    for number, (name, load) in enumerate(pictures):
        progress("finding boxes", number, len(pictures))
        try:
            image = load()
            content = hashlib.sha256(np.ascontiguousarray(image).data).digest()
            if content in names:
                same.append(_said_again(name, names[content]))
                continue
            photos.append(see(name, image))
            names[content] = name
        except ImageError as error:
            if skip is None:
                raise
            skip(name, error)
    progress("finding boxes", len(pictures), len(pictures))
    if not photos:
        raise ImageError(
            f"none of {len(pictures)} photos shows a page of a sheet",
            hint="each failure is named above; `edge-hdr sheet` makes pages to photograph",
        )
    return photos, same


def _said_again(name: str, first: str) -> str:
    what = "was given twice" if name == first else f"is the same picture as {first}"
    return f"{name} {what}: it counts once"


def _nothing_written(photos: Sequence[Photo]) -> DataError:
    names = ", ".join(photo.name for photo in photos)
    if any(photo.count("outside") for photo in photos):
        return DataError(
            f"{names}: no box that is wholly in view is written in",
            hint="photograph the whole page, written on with a dark pen",
        )
    return DataError(
        f"{names}: all boxes are empty", hint="write digits into them, with a dark pen"
    )


def _read(
    boxes: list[tuple[int, CutBox]], classifier: Classifier
) -> tuple[tuple[ReadBox, ...], Evaluation]:
    crops = np.stack([normalized(box.image) for _, box in boxes])
    said = classifier.predict(crops)
    labels = np.array([DIGITS.index(box.box.digit) for _, box in boxes], np.int64)
    manifest = classifier.manifest
    evaluation = evaluate_logits(
        said.logits,
        labels,
        classes=DIGITS,
        temperature=manifest.temperature if manifest else 1.0,
        threshold=manifest.threshold if manifest else 0.0,
    )
    read = tuple(
        ReadBox(
            photo=number,
            cut=box,
            crop=crops[index],
            label=DIGITS[int(said.labels[index])],
            confidence=float(said.confidences[index]),
            accepted=bool(said.accepted[index]),
        )
        for index, (number, box) in enumerate(boxes)
    )
    return read, evaluation
