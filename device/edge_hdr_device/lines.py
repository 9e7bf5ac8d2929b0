"""Reading order: boxes to lines of text, left to right, top to bottom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def reading_order(boxes: NDArray[np.float64]) -> list[list[int]]:
    """Put boxes into lines of text.

    From left to right each box joins the line whose last box overlaps it most in height, at least
    by half of the lower of the two; else it opens a line. So a line may slope. A line that opens
    late is put back where its height belongs.

    Args:
        boxes: float64 (N, 4), left, top, right, bottom in px.

    Returns:
        Lines from top to bottom, each a list of rows from left to right.
    """
    lines: list[list[int]] = []
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    for row in np.argsort(middle, kind="stable"):
        scores = [_overlap(boxes[line[-1]], boxes[row]) for line in lines]
        best = int(np.argmax(scores)) if scores else -1
        if best >= 0 and scores[best] >= 0.5:
            lines[best].append(int(row))
        else:
            lines.append([int(row)])
    return sorted(lines, key=lambda line: _height_at_left(boxes, line))


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the common height as a share of the lower box."""
    common = min(one[3], other[3]) - max(one[1], other[1])
    return float(common / min(one[3] - one[1], other[3] - other[1]))


def _height_at_left(boxes: NDArray[np.float64], line: list[int]) -> float:
    return float(np.mean(boxes[line][:, [1, 3]]))
