"""The least number of edits between what is written and what was read, digit by digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[int | None, int | None]  # a place in what is written, and one in what was read


@dataclass(frozen=True)
class Edits:
    """How a text differs from the right one.

    Attributes:
        pairs: in reading order, a place in each text; None in the second where a digit was missed,
            None in the first where one was invented.
        missed: how many were not read.
        invented: how many were read that are not there.
        confused: how many were read as another one.
    """

    pairs: tuple[Pair, ...]
    missed: int
    invented: int
    confused: int

    @property
    def total(self) -> int:
        """Count all edits: the edit distance."""
        return self.missed + self.invented + self.confused


def edits(
    expected: Sequence[str], got: Sequence[str], weights: Sequence[float] | None = None
) -> Edits:
    """Align two texts at the least number of edits.

    Of several ways with as few edits, the one with the most right items is taken, by their weight:
    of two equal digits side by side where one is written, the surer one is the right one.

    Args:
        expected: digits, or whole lines.
        got: likewise.
        weights: of the items of `got`, > 0; all alike by default.

    Source: V. I. Levenshtein, 1966; the table is filled row by row.
    """
    steps = _steps(expected, got, weights or [1.0] * len(got))
    pairs: list[Pair] = []
    row, column = len(expected), len(got)
    while row or column:
        down, right = steps[row][column]
        row, column = row - down, column - right
        pairs.append((row if down else None, column if right else None))
    pairs.reverse()
    both = [(i, j) for i, j in pairs if i is not None and j is not None]
    return Edits(
        pairs=tuple(pairs),
        missed=len(expected) - len(both),
        invented=len(got) - len(both),
        confused=sum(expected[i] != got[j] for i, j in both),
    )


def _steps(
    expected: Sequence[str], got: Sequence[str], weights: Sequence[float]
) -> list[list[tuple[int, int]]]:
    """Give, for each pair of beginnings, the last step of the best way there: down, right."""
    costs = [(column, 0.0) for column in range(len(got) + 1)]  # edits, less the weight of the right
    steps = [[(0, 1)] * (len(got) + 1)]
    for row, wanted in enumerate(expected):
        below = [(row + 1, 0.0)]
        ways = [(1, 0)]
        for column, given in enumerate(got):
            count, weight = costs[column]
            same = wanted == given
            choices = (
                (count + (not same), weight - weights[column] * same, 1, 1),
                (costs[column + 1][0] + 1, costs[column + 1][1], 1, 0),
                (below[column][0] + 1, below[column][1], 0, 1),
            )
            best = min(choices, key=lambda way: way[:2])
            below.append(best[:2])
            ways.append(best[2:])
        costs = below
        steps.append(ways)
    return steps
