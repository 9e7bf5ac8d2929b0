"""When frames agree on a digit: votes of the last frames, and how many make an agreement."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.pipeline import UNREAD, Digit


@dataclass(frozen=True)
class Quorum:
    """How many frames make an agreement.

    Attributes:
        agree: frames that must say the same, at least.
        share: share of the frames of the window that must say the same, in (0.5, 1].
        forget: frames without a digit after which it has left.

    Raises:
        ConfigError: a number makes no sense.
    """

    agree: int
    share: float
    forget: int

    def __post_init__(self) -> None:
        if self.agree < 1:
            raise ConfigError(f"agree is {self.agree}", hint="give 1 or more frames")
        if self.forget < 1:
            raise ConfigError(f"forget is {self.forget}", hint="give 1 or more frames")
        if not 0.5 < self.share <= 1:
            raise ConfigError(f"share is {self.share}", hint="give more than 0.5, 1 at most")

    @property
    def window(self) -> int:
        """Give how many frames are remembered.

        Twice `agree`, so that two labels that take turns never have a majority; a single frame
        where one is enough, so that each frame speaks for itself.
        """
        return 1 if self.agree == 1 else 2 * self.agree

    def reached(self, votes: int, cast: int) -> bool:
        """Tell whether `votes` of the `cast` ones are an agreement."""
        return votes >= self.agree and votes >= math.ceil(self.share * cast - 1e-9)


class Votes:
    """What the last frames say of one digit.

    Attributes:
        label: what is agreed on; it stays until something else is. "?" where frames agree that it
            cannot be read, or for two windows on nothing; None where nothing is agreed on.
        settled: the window as it is now agrees, or nobody waits any longer for it to agree.
    """

    __slots__ = ("_counts", "_doubts", "_quorum", "_votes", "label", "settled")

    def __init__(self, quorum: Quorum) -> None:
        self.label: str | None = None
        self.settled = False
        self._quorum = quorum
        self._votes: deque[tuple[str, float] | None] = deque()
        self._counts: dict[str, int] = {}  # of accepted labels within the window
        self._doubts = 0  # frames that saw the digit since the last agreement

    def add(self, digit: Digit | None) -> None:
        """Count a frame: the digit as it was read, None where it was not seen."""
        self._cast(digit)
        label = max(self._counts, key=self._counts.__getitem__, default="")
        if self._quorum.reached(self._counts.get(label, 0), len(self._votes)):
            self.label, self.settled, self._doubts = label, True, 0
        elif digit is not None:
            self._doubt()
        elif not self._doubts:
            self.settled = False

    def _doubt(self) -> None:
        """Count a frame that saw the digit and brought no agreement on a label."""
        self._doubts += 1
        window, share = self._quorum.window, self._quorum.share
        unread = sum(cast is not None and cast[0] == UNREAD for cast in self._votes)
        if self._doubts >= window and unread >= share * window:
            self.label, self.settled = UNREAD, True
        elif self._doubts >= 2 * window:
            self.label, self.settled = UNREAD if self.seen >= share * window else None, True
        elif self._doubts == 1:
            self.settled = False

    def _cast(self, digit: Digit | None) -> None:
        """Add a vote, and take back the one that leaves the window."""
        if digit is None:
            self._votes.append(None)
        elif digit.accepted:
            self._votes.append((digit.label, digit.confidence))
            self._counts[digit.label] = self._counts.get(digit.label, 0) + 1
        else:
            self._votes.append((UNREAD, digit.confidence))
        if len(self._votes) > self._quorum.window:
            gone = self._votes.popleft()
            if gone is not None and gone[0] != UNREAD:
                self._counts[gone[0]] -= 1

    @property
    def seen(self) -> int:
        """Count the frames of the window that saw the digit."""
        return len(self._votes) - self._votes.count(None)

    @property
    def steady(self) -> bool:
        """Tell whether more frames like the last one would change nothing."""
        last = self._votes[-1] if self._votes else None
        return self.settled and last is not None and last[0] == self.label

    @property
    def confidence(self) -> float:
        """Give the mean confidence of the votes for `label`, in [0, 1]; 0 without any, and for "?".

        A rejected digit may have been sure of a label that a rule forbids: it says nothing here.
        """
        if self.label == UNREAD:
            return 0.0
        found = [cast[1] for cast in self._votes if cast is not None and cast[0] == self.label]
        return sum(found) / len(found) if found else 0.0
