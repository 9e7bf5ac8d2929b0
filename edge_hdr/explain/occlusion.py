"""Saliency by occlusion: what a patch of the crop is worth to each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.patches import LEVELS, Fill, Patches
from edge_hdr.explain.trials import Trials
from edge_hdr_device.normalize import SIDE_PX

SIZES_PX = (3, 6)  # the width of a stroke, and a piece of one


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


def occlude(trials: Trials, *, sizes_px: tuple[int, ...] = SIZES_PX) -> Occlusion:
    """Measure what each place of a crop is worth to each class.

    Args:
        trials: of the crop.
        sizes_px: sides of the patches.

    Source: M. Zeiler, R. Fergus, Visualizing and Understanding Convolutional Networks,
    arXiv 1311.2901, section 4.2.
    """
    worth: dict[Fill, dict[int, NDArray[np.float64]]] = {fill: {} for fill in LEVELS}
    for size_px in sizes_px:
        for fill, trial in trials.of(size_px).items():
            worth[fill][size_px] = _spread(trial.patches, trials.plain - trial.scores)
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
