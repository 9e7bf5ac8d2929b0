"""The smallest patch that turns a reading into another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.occlusion import LEVELS, Fill, patches
from edge_hdr.explain.score import Score

LARGEST_PX = 8  # a larger patch hides half of a glyph, whose longer side has 20 px


@dataclass(frozen=True)
class Change:
    """A patch under which another class wins.

    Attributes:
        fill: what it paints, background ("erased") or ink ("inked").
        top: of the patch, in px of the crop.
        left: of the patch, in px of the crop.
        size_px: its side.
        label: index of the class that wins then.
        confidence: its probability then, in [0, 1].
        image: uint8 (28, 28), the crop with the patch, ink 255.
    """

    fill: Fill
    top: int
    left: int
    size_px: int
    label: int
    confidence: float
    image: NDArray[np.uint8]

    def to_dict(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Give the change as JSON-ready values; `labels` names the classes."""
        return {
            "fill": self.fill,
            "top": self.top,
            "left": self.left,
            "size_px": self.size_px,
            "label": labels[self.label],
            "confidence": round(self.confidence, 4),
        }


def least_change(
    crop: NDArray[np.uint8], score: Score, *, largest_px: int = LARGEST_PX
) -> Change | None:
    """Find the smallest square patch, erased or inked, that flips the decision.

    Every position of every size is tried, from 1 px up; among those of the smallest size that
    flip it, the one is given after which the new class is the surest.

    Args:
        crop: uint8 (28, 28), ink 255 on background 0.
        score: log-probabilities of a batch of crops.
        largest_px: where the search ends.

    Returns:
        The patch, None when none of these sizes flips it.
    """
    predicted = int(score(crop[None])[0].argmax())
    for size_px in range(1, largest_px + 1):
        tried = [patches(crop, size_px, fill) for fill in LEVELS]
        scores = score(np.concatenate([part.images for part in tried]))
        scores[scores.argmax(axis=1) == predicted] = -np.inf
        best = int(scores.max(axis=1).argmax())
        if scores[best].max() == -np.inf:
            continue
        part, place = (tried[0], best) if best < len(tried[0].images) else (
            tried[1], best - len(tried[0].images)
        )  # fmt: skip
        return Change(
            fill=part.fill,
            top=int(part.corners[place, 0]),
            left=int(part.corners[place, 1]),
            size_px=size_px,
            label=int(scores[best].argmax()),
            confidence=float(np.exp(scores[best].max())),
            image=part.images[place],
        )
    return None
