"""Where the veto begins, and what it then costs and spares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.context.gather import SEVERITIES
from edge_hdr.context.material import Material

LOSS = 0.003  # of the digits that would be accepted, at most so many are vetoed


@dataclass(frozen=True)
class Share:
    """Of how many regions how many are vetoed."""

    vetoed: int
    count: int


def threshold(scores: NDArray[np.float32], material: Material, loss: float = LOSS) -> float:
    """Choose below which score a region is vetoed.

    Args:
        scores: float32 (N,), of validation material.
        material: of the same.
        loss: share of the digits that the classifier accepts and the veto may cost.

    Returns:
        The largest that costs no more; the lowest score where there are no digits.
    """
    digits = np.sort(scores[material.digit & material.accepted])
    if not len(digits):
        return float(scores.min(initial=0.0))
    return float(digits[int(loss * len(digits))])


def auroc(scores: NDArray[np.float32], digit: NDArray[np.bool_]) -> float:
    """Give the chance that a digit scores above a non-digit, ties half; 0.5 without either.

    Source: J. A. Hanley, B. J. McNeil, Radiology 143, 1982.
    """
    others, digits = np.sort(scores[~digit]), scores[digit]
    if not len(others) or not len(digits):
        return 0.5
    below = np.searchsorted(others, digits, "left") + np.searchsorted(others, digits, "right")
    return float(below.mean() / 2 / len(others))


def shares(vetoed: NDArray[np.bool_], material: Material) -> dict[str, Share]:
    """Count what is vetoed, of digits and of others that the classifier accepts, by severity."""
    groups = {
        "digits": material.digit,
        "accepted digits": material.digit & material.accepted,
        "accepted others": ~material.digit & material.accepted,
    }
    found = {}
    for name, rows in groups.items():
        found[name] = Share(int((vetoed & rows).sum()), int(rows.sum()))
        for index, severity in enumerate(SEVERITIES):
            own = rows & (material.severity == index)
            found[f"{name}, {severity}"] = Share(int((vetoed & own).sum()), int(own.sum()))
    return found
