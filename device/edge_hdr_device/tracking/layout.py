"""Which digits stand in which line: voted on by the last frames, as labels are."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.lines import reading_order
from edge_hdr_device.tracking.consensus import Quorum

Lines = tuple[tuple[int, ...], ...]  # numbers of tracks, line by line, from left to right


class Layout:
    """The lines that the digits agreed on form.

    Attributes:
        lines: numbers of tracks, line by line.
        steady: the last frame shows exactly these lines.
    """

    def __init__(self, quorum: Quorum) -> None:
        self.lines: Lines = ()
        self.steady = True
        self._quorum = quorum
        self._recent: deque[Lines] = deque(maxlen=quorum.window)

    def update(self, seen: Lines, members: Mapping[int, NDArray[np.float64]]) -> None:
        """Take in a frame.

        Where the last frames do not show all members together, each of many digits being missed
        now and then, their boxes decide.

        Args:
            seen: tracks of all digits of the frame, line by line.
            members: tracks that belong into the lines, whether the frame shows them or not; each
                with its box, float64 (4,), x, y, width, height in px.
        """
        self._recent.append(seen)
        if _only(seen, members) != self.lines:
            self.lines = self._vote(members) or self._hold(members) or _by_place(members)
        self.steady = _only(seen, members) == self.lines

    def _vote(self, members: Collection[int]) -> Lines:
        """Give the lines that enough of the last frames show; none where they do not agree."""
        shown = (_only(lines, members) for lines in self._recent)
        votes = Counter(lines for lines in shown if sum(map(len, lines)) == len(members))
        best, count = max(votes.items(), key=lambda item: item[1], default=((), 0))
        return best if self._quorum.reached(count, votes.total()) else ()

    def _hold(self, members: Collection[int]) -> Lines:
        """Give the lines as they are, if they hold just the members."""
        held = {number for line in self.lines for number in line}
        return self.lines if held == set(members) else ()


def _only(lines: Lines, members: Collection[int]) -> Lines:
    """Keep the members of lines, and the lines that have some."""
    kept = (tuple(number for number in line if number in members) for line in lines)
    return tuple(line for line in kept if line)


def _by_place(members: Mapping[int, NDArray[np.float64]]) -> Lines:
    if not members:
        return ()
    numbers, boxes = list(members), np.stack(list(members.values()))
    boxes[:, 2:] += boxes[:, :2]
    return tuple(tuple(numbers[row] for row in line) for line in reading_order(boxes))
