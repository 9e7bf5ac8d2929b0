"""Judge what a locator found in a scene: a digit, none, or neither clearly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.exposure.material import NON_DIGIT

UNCLEAR = -2  # neither a digit nor something else that a model could be taught
HELD = 0.6  # share of a digit's box that a box must cover to hold the digit
SEPARATE = 0.65  # overlap with one digit from which on a second one only reaches into its box
FRAGMENT = 0.45  # what shows less of a digit is to be doubted; half of one may look like another
APART = 0.1  # of either box: what overlaps less has nothing to do with the digit
MARGIN_PX = 1.0  # boxes are known to about a pixel, and a 1 is a few pixels wide
MARGIN_SHARE = 0.03

Boxes = NDArray[np.float64]


# The least overlap from which on a box is that of a digit. A cut leaves the height as it is, so its
# boxes agree too easily.
REGION, CUT = 0.6, 0.8


def judge(
    found: Boxes, truth: Boxes, labels: NDArray[np.int64], same: float = REGION
) -> NDArray[np.int64]:
    """Label what was found.

    Args:
        found: float64 (N, 4), x, y, width and height of what was located, in px.
        truth: float64 (M, 4), the same of the written digits.
        labels: int64 (M,), the digits.
        same: least intersection over union with a digit; `CUT` for the parts of a cut.

    Returns:
        int64 (N,): the digit, −1 for a non-digit (two digits together, a fragment of one, anything
        else), −2 where it is unclear.
    """
    if not len(truth):
        return np.full(len(found), NON_DIGIT, np.int64)
    common, found_areas, truth_areas = _areas(_grown(found), _grown(truth))
    overlap = common / (found_areas[:, None] + truth_areas[None, :] - common)
    covered, inside = common / truth_areas[None, :], common / found_areas[:, None]
    held = (covered >= HELD).sum(axis=1)
    alone = np.maximum(covered, inside).max(axis=1) < APART
    fragment = (inside.max(axis=1) > HELD) & (covered.max(axis=1) < FRAGMENT)
    result = np.full(len(found), UNCLEAR, np.int64)
    together = (held > 1) & (overlap.max(axis=1) < SEPARATE)
    result[alone | fragment | together] = NON_DIGIT
    digit = (overlap.max(axis=1) >= same) & (held <= 1)
    result[digit] = labels[overlap.argmax(axis=1)][digit]
    return result


def _grown(boxes: Boxes) -> Boxes:
    """Give the corners of boxes, grown by a margin on each side."""
    margin = MARGIN_PX + MARGIN_SHARE * boxes[:, 2:].max(axis=1, keepdims=True)
    return np.hstack([boxes[:, :2] - margin, boxes[:, :2] + boxes[:, 2:] + margin])


def _areas(first: Boxes, second: Boxes) -> tuple[Boxes, Boxes, Boxes]:
    """Give the common areas (N, M) of boxes by their corners, and the areas of either."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    return common, *((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second))
