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
    spans: list[tuple[float, float]] = boxes[:, 1::2].tolist()
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    for row in np.argsort(middle, kind="stable").tolist():
        scores = [_overlap(spans[line[-1]], spans[row]) for line in lines]
        best = max(scores, default=0.0)
        if best >= 0.5:
            lines[scores.index(best)].append(row)
        else:
            lines.append([row])
    return sorted(lines, key=lambda line: sum(sum(spans[row]) for row in line) / len(line))


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Give the common height of two spans, top and bottom, as a share of the lower one."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common / min(one[1] - one[0], other[1] - other[0])
