"""The smallest patch that turns a reading into another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.patches import Fill
from edge_hdr.explain.trials import Trial, Trials

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
    trials: Trials, label: int | None = None, *, largest_px: int = LARGEST_PX
) -> Change | None:
    """Find the smallest square patch, erased or inked, that flips the decision.

    Every position of every size is tried, from 1 px up; among those of the smallest size that
    flip it, the one is given after which the new class is the surest. Of equally probable classes
    the first wins, as in the classifier.

    Args:
        trials: of the crop.
        label: index of the class that was read; by default the most probable one.
        largest_px: where the search ends.

    Returns:
        The patch, None when none of these sizes flips it.
    """
    read = int(trials.plain.argmax()) if label is None else label
    for size_px in range(1, largest_px + 1):
        found = [_surest(trial, read) for trial in trials.of(size_px).values() if len(trial.scores)]
        flips = [change for change in found if change is not None]
        if flips:
            return max(flips, key=lambda change: change.confidence)
    return None


def _surest(trial: Trial, read: int) -> Change | None:
    """Give the patch under which another class than `read` wins by the highest probability."""
    winners = trial.scores.argmax(axis=1)
    surest = np.where(winners == read, -np.inf, trial.scores.max(axis=1))
    place = int(surest.argmax())
    if surest[place] == -np.inf:
        return None
    top, left = trial.patches.corners[place].tolist()
    return Change(
        fill=trial.patches.fill,
        top=top,
        left=left,
        size_px=trial.patches.size_px,
        label=int(winners[place]),
        confidence=float(np.exp(surest[place])),
        image=trial.patches.images[place],
    )
