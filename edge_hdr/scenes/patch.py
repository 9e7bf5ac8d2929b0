"""A piece of ink before it lies on the page: coverage on a small field of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FINENESS = 1.5  # pixels of a patch to a pixel of the page, so that turning it costs no sharpness


@dataclass(frozen=True)
class Patch:
    """Ink of one sign.

    Attributes:
        ink: uint8 (h, w), full ink 255 on 0, without a margin.
        density: pixels of the patch per pixel of the page, > 0.
    """

    ink: NDArray[np.uint8]
    density: float

    @property
    def width(self) -> float:
        """Its width on the page, in px."""
        return float(self.ink.shape[1]) / self.density

    @property
    def height(self) -> float:
        """Its height on the page, in px."""
        return float(self.ink.shape[0]) / self.density


def trimmed(ink: NDArray[np.uint8], density: float) -> Patch:
    """Make a patch of a field of ink, without the empty rows and columns around it.

    Args:
        ink: uint8 (h, w), full ink 255.
        density: pixels of the field per pixel of the page; much finer fields are reduced.
    """
    import cv2

    x, y, width, height = cv2.boundingRect(ink)
    if width == 0:
        return Patch(np.zeros((1, 1), np.uint8), density)
    cut = ink[y : y + height, x : x + width]
    share = FINENESS / density
    if share < 0.8:
        size = (max(1, round(width * share)), max(1, round(height * share)))
        cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        density *= size[1] / height
    return Patch(cut, density)
