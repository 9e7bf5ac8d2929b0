"""Connected components of a mask, held as runs of ink along its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPECK_AREA_PX = 4  # fewer pixels are noise, whatever the picture

Extents = tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Components:
    """The ink of a mask as runs: pixels side by side in a row, of one component.

    A stroke has some ten times fewer runs than pixels, and the paper has none, so that what is
    asked of runs costs little.

    Attributes:
        labels: int32 (H, W), 0 is paper.
        where: intp (M,), flat index of each ink pixel, rising.
        first: intp (R,), where in `where` each run starts.
        length: intp (R,), its pixels.
        owner: intp (R,), its label.
    """

    labels: NDArray[np.int32]
    where: NDArray[np.intp]
    first: NDArray[np.intp]
    length: NDArray[np.intp]
    owner: NDArray[np.intp]

    def per_pixel(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Give each ink pixel, uint8 (M,), the value of its label."""
        return np.repeat(values[self.owner], self.length)

    def pixels(self, label: int) -> NDArray[np.intp]:
        """Give the flat indices of a component's pixels, rising."""
        return np.asarray(self.where[np.repeat(self.owner == label, self.length)], np.intp)

    def typical(self, depth: NDArray[np.uint8], power: int = 2) -> NDArray[np.float64]:
        """Give each label's typical depth: the mean of its pixels weighted by a power of depth.

        So a digit decides, not the long faint line that it touches.

        Args:
            depth: uint8 (M,), of each ink pixel.
            power: the larger, the more the deepest pixels count.

        Returns:
            float64 (largest label + 1,); 0 where a label has no pixel.
        """
        real = depth.astype(np.float64)
        powers = real * real if power == 2 else real**power
        weight = np.bincount(self.owner, np.add.reduceat(powers, self.first))
        total = np.bincount(self.owner, np.add.reduceat(powers * real, self.first))
        return np.asarray(total / np.maximum(weight, 1e-9), np.float64)

    def extents(self) -> Extents:
        """Give labels (N,), boxes (N, 4) and areas (N,) of all components but specks.

        A box is left, top, right, bottom in px, right and bottom exclusive. OpenCV's own
        statistics take several times as long, because they visit the paper too.
        """
        areas = np.bincount(self.owner, self.length, minlength=1).astype(np.float64)
        large = areas >= SPECK_AREA_PX
        large[0] = False
        ids = np.flatnonzero(large)
        if not len(ids):
            return ids, np.zeros((0, 4)), np.zeros(0)
        chosen = np.flatnonzero(large[self.owner])
        chosen = chosen[np.argsort(self.owner[chosen], kind="stable")]
        row, left = np.divmod(self.where[self.first[chosen]], self.labels.shape[1])
        right = left + self.length[chosen]
        begin = np.searchsorted(self.owner[chosen], ids)
        end = np.append(begin[1:], len(chosen)) - 1
        sides = np.minimum.reduceat(left, begin), np.maximum.reduceat(right, begin)
        boxes = np.stack((sides[0], row[begin], sides[1], row[end] + 1), axis=1)
        return ids, boxes.astype(np.float64), areas[ids]


def components_of(mask: NDArray[np.uint8]) -> Components:
    """Find the components of a mask uint8 (H, W), 1 on ink; corners connect."""
    import cv2

    width = mask.shape[1]
    labels = np.zeros(mask.shape, np.int32)
    _, top, _, height = cv2.boundingRect(mask)
    top, bottom = top & ~1, top + height  # OpenCV numbers labels by pairs of rows
    if height:
        inked = labels[top:bottom]
        cv2.connectedComponents(mask[top:bottom], inked, connectivity=8, ltype=cv2.CV_32S)
    where = np.flatnonzero(mask[top:bottom].view(np.bool_)) + top * width
    starts = np.ones(len(where), np.bool_)
    np.not_equal(where[1:], where[:-1] + 1, out=starts[1:])
    starts[np.searchsorted(where, width * np.flatnonzero(mask[:, 0]))] = True
    first = np.flatnonzero(starts)
    length = np.diff(first, append=len(where))
    owner = labels.ravel()[where[first]].astype(np.intp)
    return Components(labels, where, first, length, owner)
