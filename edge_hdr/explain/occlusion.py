"""Saliency by occlusion: what a patch of the crop is worth to each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.score import Score
from edge_hdr_device.normalize import INK_LEVEL, SIDE_PX

Fill = Literal["erased", "inked"]
# Two fills in place of one grey: grey is neither paper nor ink, so it would mix both questions.
LEVELS: dict[Fill, int] = {"erased": 0, "inked": 255}
SIZES_PX = (3, 6)  # the width of a stroke, and a piece of one
REACH_PX = 3  # as far from the glyph's box as a stroke is wide


@dataclass(frozen=True)
class Patches:
    """A crop under every position of a square patch that changes it.

    Attributes:
        size_px: side of the patch.
        fill: what it puts there.
        corners: int64 (P, 2), top and left of each in px of the crop.
        images: uint8 (P, 28, 28), ink 255 on background 0.
    """

    size_px: int
    fill: Fill
    corners: NDArray[np.int64]
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Occlusion:
    """What each place of a crop is worth to each class.

    Attributes:
        worth: by fill and size of patch: float64 (classes, 28, 28), in nats: the fall of a class's
            log-probability when the pixel is covered, mean over the patches that cover it. Above 0:
            what is there now argues for the class; below 0: against it.
    """

    worth: dict[Fill, dict[int, NDArray[np.float64]]]

    def of(self, fill: Fill, label: int) -> NDArray[np.float64]:
        """Give the map of one class, mean over the sizes of patch; float64 (28, 28)."""
        return np.asarray(np.mean([maps[label] for maps in self.worth[fill].values()], axis=0))

    def between(self, fill: Fill, label: int, other: int) -> NDArray[np.float64]:
        """Give what argues for one class rather than another; float64 (28, 28), in nats."""
        return self.of(fill, label) - self.of(fill, other)


def patches(crop: NDArray[np.uint8], size_px: int, fill: Fill) -> Patches:
    """Slide a patch over a crop, pixel by pixel; positions that change nothing are left out.

    Ink is tried within `REACH_PX` of the glyph's box only: normalizing would have scaled a glyph
    with ink farther off.

    Args:
        crop: uint8 (28, 28), ink 255 on background 0.
        size_px: side of the patch, 1 to 28.
        fill: "erased" paints background, "inked" full ink.
    """
    steps = np.arange(SIDE_PX - size_px + 1)
    corners = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    images = np.where(_masks(corners, size_px), np.uint8(LEVELS[fill]), crop)
    tried = (images != crop).any(axis=(1, 2))
    if fill == "inked":
        low, high = _reach(crop)
        tried &= ((corners >= low) & (corners + size_px <= high)).all(axis=1)
    return Patches(size_px, fill, corners[tried], images[tried])


def occlude(
    crop: NDArray[np.uint8], score: Score, *, sizes_px: tuple[int, ...] = SIZES_PX
) -> Occlusion:
    """Measure what each place of a crop is worth to each class.

    Args:
        crop: uint8 (28, 28), ink 255 on background 0.
        score: log-probabilities of a batch of crops; called once.
        sizes_px: sides of the patches.

    Source: M. Zeiler, R. Fergus, Visualizing and Understanding Convolutional Networks,
    arXiv 1311.2901, section 4.2.
    """
    rounds = [patches(crop, size, fill) for fill in LEVELS for size in sizes_px]
    scores = score(np.concatenate([crop[None], *(part.images for part in rounds)]))
    falls = np.split(scores[0] - scores[1:], np.cumsum([len(part.images) for part in rounds])[:-1])
    worth: dict[Fill, dict[int, NDArray[np.float64]]] = {fill: {} for fill in LEVELS}
    for part, fall in zip(rounds, falls, strict=True):
        worth[part.fill][part.size_px] = _spread(part, fall)
    return Occlusion(worth)


def _spread(part: Patches, fall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share falls float64 (P, classes) out to the pixels covered; float64 (classes, 28, 28).

    A position that is left out has a fall of 0 and counts as one.
    """
    size = part.size_px
    side = SIDE_PX + size - 1
    grid = np.zeros((fall.shape[1], side, side))
    rows, columns = part.corners.T + size - 1
    grid[:, rows, columns] = fall.T
    covering = np.lib.stride_tricks.sliding_window_view(grid, (size, size), axis=(1, 2))
    return np.asarray(covering.sum(axis=(-2, -1)) / _coverage(size))


def _coverage(size_px: int) -> NDArray[np.int64]:
    """Count the positions of a patch that cover each pixel; int64 (28, 28)."""
    steps = np.arange(SIDE_PX)
    last = SIDE_PX - size_px
    across = np.minimum(steps, last) - np.maximum(steps - size_px + 1, 0) + 1
    return np.outer(across, across)


def _reach(crop: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the glyph's box grown by `REACH_PX`: first and last row and column, exclusive."""
    ink = np.argwhere(crop >= INK_LEVEL)
    if not len(ink):
        return np.zeros(2, np.int64), np.full(2, SIDE_PX)
    return ink.min(axis=0) - REACH_PX, ink.max(axis=0) + 1 + REACH_PX


def _masks(corners: NDArray[np.int64], size_px: int) -> NDArray[np.bool_]:
    from_corner = np.arange(SIDE_PX) - corners[..., None]  # (P, 2, 28)
    inside = (from_corner >= 0) & (from_corner < size_px)
    return np.asarray(inside[:, 0, :, None] & inside[:, 1, None, :])
