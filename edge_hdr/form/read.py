"""Read photographed pages of a sheet as a device reads digits, and compare with what was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import DIGITS
from edge_hdr.errors import DataError, ImageError
from edge_hdr.evaluate import check_classes, evaluate_logits
from edge_hdr.evaluation import Evaluation
from edge_hdr.form.cut import CutBox, cut
from edge_hdr.form.find import FoundPage, find_page
from edge_hdr.form.flat import flatten
from edge_hdr.form.marks import POSITIONS
from edge_hdr_device.classifier import Classifier

COARSE_PX = 3.0  # per mm of the page: a coarser photo loses thin strokes


@dataclass(frozen=True)
class Photo:
    """A photo of a page.

    Attributes:
        name: of the file.
        found: the page in it.
        boxes: all of its boxes, row by row.
    """

    name: str
    found: FoundPage
    boxes: tuple[CutBox, ...]

    @property
    def title(self) -> str:
        """Name the page."""
        return self.found.layout.code.name

    def count(self, state: str) -> int:
        """Count the boxes in a state."""
        return sum(box.state == state for box in self.boxes)


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
) -> SheetReading:
    """Find the pages of photos, cut their boxes and read what is written in them.

    Args:
        pictures: the name of each photo, and what loads it: uint8 (H, W) or (H, W, 3) BGR. One
            is held at a time.
        classifier: of the digits 0 to 9.
        progress: called with what is done, how many photos and of how many.

    Raises:
        ImageError: a photo shows no page of a sheet.
        DataError: all boxes are empty.
        ModelError: the model has other classes.
    """
    check_classes(classifier.labels, DIGITS)
    photos: list[Photo] = []
    for name, load in pictures:
        progress("finding boxes", len(photos), len(pictures))
        image = load()
        found = find_page(image, name=name)
        photos.append(Photo(name, found, tuple(cut(flatten(image, found)))))
    progress("finding boxes", len(photos), len(pictures))
    boxes = [
        (number, box)
        for number, photo in enumerate(photos)
        for box in photo.boxes
        if box.state == "written"
    ]
    if not boxes:
        names = ", ".join(photo.name for photo in photos)
        raise DataError(
            f"{names}: all boxes are empty", hint="write digits into them, with a dark pen"
        )
    read, evaluation = _read(boxes, classifier)
    return SheetReading(tuple(photos), read, evaluation, tuple(_warnings(photos)))


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


def normalized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a box's picture uint8 (h, w) into the form of MNIST; all zero without ink."""
    from edge_hdr_device.locate import isolate
    from edge_hdr_device.normalize import SIDE_PX, normalize

    try:
        return normalize(isolate(image))
    except ImageError:
        return np.zeros((SIDE_PX, SIDE_PX), np.uint8)


def _warnings(photos: Sequence[Photo]) -> list[str]:
    found = []
    for number, photo in enumerate(photos):
        scale = photo.found.surface.px_per_mm
        if scale < COARSE_PX:
            found.append(
                f"{photo.name} is coarse, {scale:.1f} px per mm of paper: come closer, or use a "
                "higher resolution"
            )
        if photo.found.marks < POSITIONS:
            found.append(
                f"{photo.name}: {photo.found.marks} of {POSITIONS} marks seen; where the others "
                "are, boxes may be cut less exactly"
            )
        code = photo.found.layout.code
        if code in [other.found.layout.code for other in photos[:number]]:
            found.append(f"{photo.name} shows {code.name} again; its digits count as others")
    return found
