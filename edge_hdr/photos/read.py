"""Read labelled photos and judge what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import ModelError
from edge_hdr.photos.labels import Truth
from edge_hdr.photos.score import PhotoScore, score
from edge_hdr_device.images import read_image
from edge_hdr_device.pipeline import Reading

Tell = Callable[[str, int, int | None], None]


class PictureReader(Protocol):
    """What reads a picture: `edge_hdr_device.pipeline.Reader`, or another one beside it."""

    def read(self, image: NDArray[np.uint8]) -> Reading:
        """Read uint8 (H, W) grey or (H, W, 3) BGR."""
        ...


def read_photos(
    reader: PictureReader, folder: Path, truths: Sequence[Truth], tell: Tell | None = None
) -> list[PhotoScore]:
    """Read the photos of a folder, one after the other.

    Args:
        reader: what is measured.
        folder: where they lie.
        truths: what is written on them.
        tell: is told how far it is: words, photos done, photos in all.

    Raises:
        ImageError: a photo that is no picture; a figure over the others would be another figure.
    """
    found = []
    for done, truth in enumerate(truths, start=1):
        found.append(score(truth, reader.read(read_image(folder / truth.file))))
        if tell is not None:
            tell("reading photos", done, len(truths))
    return found


def check_labels(labels: Iterable[str]) -> None:
    """Make sure that a model's classes are digits, as the labels of photos are.

    Raises:
        ModelError: they are others.
    """
    strange = sorted(set(labels) - set("0123456789"))
    if strange:
        raise ModelError(
            f"the model has a class {strange[0]!r}; photos are labelled with digits",
            hint="give a model whose classes are 0 to 9",
        )
