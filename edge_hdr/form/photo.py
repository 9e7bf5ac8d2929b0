"""A photo of a page, and its boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import ImageError
from edge_hdr.form.cut import CutBox, cut
from edge_hdr.form.find import FoundPage, find_page
from edge_hdr.form.flat import flatten


@dataclass(frozen=True)
class Photo:
    """A photo of a page.

    Attributes:
        name: of the file.
        found: the page in it.
        boxes: all of its boxes, row by row.
        unsure: how many of those in the photo have a frame that is not where it should be.
    """

    name: str
    found: FoundPage
    boxes: tuple[CutBox, ...]
    unsure: int = 0

    @property
    def title(self) -> str:
        """Name the page."""
        return self.found.layout.code.name

    def count(self, state: str) -> int:
        """Count the boxes in a state."""
        return sum(box.state == state for box in self.boxes)


def see(name: str, image: NDArray[np.uint8]) -> Photo:
    """Find the page in a picture uint8 (H, W) or (H, W, 3) BGR, and cut its boxes.

    Raises:
        ImageError: it shows no page of a sheet.
    """
    found = find_page(image, name=name)
    page = flatten(image, found)
    unsure = int((page.inside & ~page.sure).sum())
    return Photo(name, found, tuple(cut(page)), unsure)


def normalized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a box's picture uint8 (h, w) into the form of MNIST; all zero without ink."""
    from edge_hdr_device.locate import isolate
    from edge_hdr_device.normalize import SIDE_PX, normalize

    try:
        return normalize(isolate(image))
    except ImageError:
        return np.zeros((SIDE_PX, SIDE_PX), np.uint8)
