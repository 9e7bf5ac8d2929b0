"""A crop under patches, and what a model says of each: asked once, whoever wants to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.patches import LEVELS, Fill, Patches, patches
from edge_hdr.explain.score import Score


@dataclass(frozen=True)
class Trial:
    """Patches of one size and fill, with float64 (P, classes), the log-probabilities under each."""

    patches: Patches
    scores: NDArray[np.float64]


class Trials:
    """What a model says of a crop and of that crop under patches.

    Args:
        crop: uint8 (28, 28), ink 255 on background 0.
        plain: float64 (classes,), log-probabilities of the crop itself.
        score: log-probabilities of a batch of crops.
    """

    def __init__(self, crop: NDArray[np.uint8], plain: NDArray[np.float64], score: Score) -> None:
        self.crop, self.plain = crop, plain
        self._score = score
        self._tried: dict[int, dict[Fill, Trial]] = {}

    def of(self, size_px: int) -> dict[Fill, Trial]:
        """Try every position of a square patch of `size_px` px, once with each fill."""
        if size_px not in self._tried:
            parts = {fill: patches(self.crop, size_px, fill) for fill in LEVELS}
            scores = self._score(np.concatenate([part.images for part in parts.values()]))
            cuts = np.cumsum([len(part.images) for part in parts.values()])[:-1]
            split = zip(parts.items(), np.split(scores, cuts), strict=True)
            self._tried[size_px] = {fill: Trial(part, share) for (fill, part), share in split}
        return self._tried[size_px]
