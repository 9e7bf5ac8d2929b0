"""In which order and how many at a time: the waves of a fleet, and when they stop."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_hdr.errors import UsageError

DEFAULT = ("1", "10%", "100%")
MAX_FAIL = 0.2


def parse(text: str) -> tuple[str, ...]:
    """Read "1,10%,100%".

    Raises:
        UsageError: a part is neither a number of boards nor a share of them.
    """
    parts = tuple(part.strip() for part in text.split(","))
    for part in parts:
        _boards(part, 100)
    return parts


def parse_share(text: str) -> float:
    """Read "20%" as 0.2.

    Raises:
        UsageError: no share from 0% to 100%.
    """
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", text.strip())
    if not found or float(found[1]) > 100:
        raise UsageError(f"--max-fail {text!r} is no share", hint="for example 20%, or 0%")
    return float(found[1]) / 100


def sizes(waves: Sequence[str], boards: int) -> list[int]:
    """Divide boards into waves, each of at least one; the last takes all that are left.

    Args:
        waves: numbers ("3") and shares of all boards ("10%"), in their order.
        boards: how many there are.

    Raises:
        UsageError: a wave is neither.
    """
    result: list[int] = []
    left = boards
    for position, wave in enumerate(waves):
        size = min(left, _boards(wave, boards))
        if position == len(waves) - 1:
            size = left
        if size:
            result.append(size)
        left -= size
    return result


def _boards(wave: str, boards: int) -> int:
    found = re.fullmatch(r"(\d{1,6})(?:(\.\d+)?\s*(%))?", wave)
    number = float(found[1] + (found[2] or "")) if found else 0.0
    if not found or number <= 0 or (found[3] and number > 100):
        raise UsageError(
            f"--waves: {wave!r} is neither a number of boards nor a share of them",
            hint="for example 1,10%,100%",
        )
    return max(1, math.ceil(boards * number / 100)) if found[3] else int(number)


@dataclass
class Watch:
    """Count results and say when to stop.

    A fleet stops as soon as the boards that failed are more than a share of those in the waves so
    far. A board that does not answer says nothing of the release, so it does not count; yet a
    wave of several boards of which none was ever reached is the last.

    Args:
        sizes: of the waves.
        max_fail: share that may fail, in [0, 1].
    """

    sizes: Sequence[int]
    max_fail: float = MAX_FAIL
    wave: int = 0
    failed: int = 0
    unreachable: int = 0
    reached: int = 0
    stopped: str = field(default="")

    @property
    def begun(self) -> int:
        """Count the boards of the waves so far."""
        return sum(self.sizes[: self.wave])

    def begin_wave(self) -> None:
        """Count a wave."""
        self.wave += 1

    def end(self, result: str) -> str:
        """Count a board's result.

        Returns:
            Why to stop, told once; empty to go on.
        """
        self.failed += result == "failed"
        self.unreachable += result == "unreachable"
        self.reached += result not in {"unreachable", "skipped"}
        if self.stopped:
            return ""
        self.stopped = self._reason()
        return self.stopped

    def _reason(self) -> str:
        if self.failed > self.max_fail * self.begun:
            return (
                f"{self.failed} of the {self.begun} boards up to wave {self.wave} failed, "
                f"more than {self.max_fail:.0%}"
            )
        if self.unreachable == self.begun > 1:
            return f"none of the {self.begun} boards up to wave {self.wave} could be reached"
        return ""
