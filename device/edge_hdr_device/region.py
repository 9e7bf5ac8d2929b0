"""One digit found in a picture, and where its ink lies there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.normalize import INK_LEVEL


@dataclass(frozen=True)
class Region:
    """One digit found in a picture.

    Attributes:
        box: x, y, width, height in px of the picture given.
        line: number of its line of text, from the top, from 0.
        ink: uint8 (h, w), ink bright on background 0, other pieces masked out; its size is that of
            the box, or of the box on a reduced picture, with a small margin.
        place: float64 (2, 3), the affine map from px of `ink` to px of the picture; None for a
            region whose ink fills its box.
        single: it may be one digit; False where it is too wide for that, and only its parts may.
    """

    box: tuple[int, int, int, int]
    line: int
    ink: NDArray[np.uint8]
    place: NDArray[np.float64] | None = None
    single: bool = True

    def part(self, ink: NDArray[np.uint8], left: int, top: int) -> Region:
        """Give a region of a part of the ink.

        Args:
            ink: uint8 (h, w), the part's ink.
            left: column of the region's ink at which the part's begins.
            top: its row.
        """
        place = self._place()
        place[:, 2] += place[:, :2] @ (left, top)
        return Region(box_of(ink, place), self.line, ink, place)

    def within(self, back: NDArray[np.float64]) -> Region:
        """Give the region in a larger picture, or one that was turned.

        Args:
            back: float64 (2, 3), the affine map from px of the region's picture to px of that.
        """
        inner = self._place()
        place = np.hstack((back[:, :2] @ inner[:, :2], back[:, :2] @ inner[:, 2:] + back[:, 2:]))
        return replace(self, box=box_of(self.ink, place), place=place)

    def _place(self) -> NDArray[np.float64]:
        """Give the map from px of the ink to px of the picture."""
        if self.place is not None:
            return self.place.copy()
        left, top, right, bottom = box_of_ink(self.ink)
        x, y, width, height = self.box
        scale = width / max(1, right - left), height / max(1, bottom - top)
        return np.array([[scale[0], 0, x - scale[0] * left], [0, scale[1], y - scale[1] * top]])


def box_of_ink(ink: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Give left, top, right, bottom of what of a crop uint8 (h, w) is ink; all 0 for none."""
    import cv2

    x, y, width, height = cv2.boundingRect((ink >= INK_LEVEL).view(np.uint8))
    return x, y, x + width, y + height


def box_of(ink: NDArray[np.uint8], place: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Give x, y, width, height in the picture of a crop's ink.

    Args:
        ink: uint8 (h, w), ink bright.
        place: float64 (2, 3), the affine map from px of the crop to px of the picture.
    """
    import cv2

    if place[0, 1] == 0 == place[1, 0]:
        left, top, right, bottom = box_of_ink(ink)
        corners = np.array([[left, top], [right, bottom]], np.float64)
    else:
        points = cv2.findNonZero((ink >= INK_LEVEL).view(np.uint8))
        corners = np.zeros((1, 2)) if points is None else points.reshape(-1, 2) + np.float64(0.5)
    placed = corners @ place[:, :2].T + place[:, 2]
    low, high = np.floor(placed.min(0) + 1e-6), np.ceil(placed.max(0) - 1e-6)
    x, y, width, height = (int(value) for value in (*low, *(high - low)))
    return x, y, width, height
