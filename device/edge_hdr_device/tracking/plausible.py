"""Whether a number may follow the one before it: a meter never runs back, nor leaps."""

from __future__ import annotations

WRAP_SHARE = 0.1  # of all numbers of a length: one that starts again at 0 has gone less far
REPORTED_LIMIT = 32  # values remembered as reported


class Plausibility:
    """The rules that a region's number keeps, and the number that they hold back.

    Only the first line is looked at. What was accepted last is remembered when it leaves the
    picture, as the next photo of the same meter comes later.

    Args:
        monotonic: a lower number is held back.
        largest_step: a number that differs by more is held back; 0 is off.
        accept_after_s: a held-back reading that stands so long is accepted; 0 is never.
        length: digits of the number, where it is always the same; then 99999 is followed by 00000.
    """

    def __init__(
        self,
        *,
        monotonic: bool = False,
        largest_step: float = 0.0,
        accept_after_s: float = 0.0,
        length: int | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._largest_step = largest_step
        self._accept_after_s = accept_after_s
        self._length = length
        self._last = ""
        self._held: tuple[str, ...] = ()
        self._held_since_s = 0.0
        self._reported: set[str] = set()

    @property
    def holding(self) -> bool:
        """Tell whether a reading is held back that may be accepted in time."""
        return bool(self._held) and self._accept_after_s > 0

    def check(self, lines: tuple[str, ...], monotonic_s: float) -> str:
        """Say why a reading must be held back; empty when it need not.

        Args:
            lines: on which frames agree; not empty.
            monotonic_s: seconds of a clock that never jumps.
        """
        reason = self._reason(lines[0])
        if not reason:
            return ""
        if lines != self._held:
            self._held, self._held_since_s = lines, monotonic_s
        ripe = self.holding and monotonic_s - self._held_since_s >= self._accept_after_s
        return "" if ripe else reason

    def accept(self, lines: tuple[str, ...]) -> None:
        """Take note of a reading that is announced."""
        self._last = lines[0] if _is_number(lines[0]) else self._last
        self.release()
        self._reported.clear()

    def release(self) -> None:
        """Take note that the reading held back stands no longer."""
        self._held = ()

    def is_news(self, text: str) -> bool:
        """Tell, once, that a held-back reading was not reported since one was accepted."""
        if text in self._reported:
            return False
        if len(self._reported) >= REPORTED_LIMIT:
            self._reported.clear()
        self._reported.add(text)
        return True

    def _reason(self, line: str) -> str:
        if not (self._monotonic or self._largest_step):
            return ""
        if not _is_number(line):
            return f"{line} is no whole number"
        step = self._step(line) if self._last else 0
        if self._monotonic and step < 0:
            return f"{line} is lower than {self._last}"
        if self._largest_step and abs(step) > self._largest_step:
            return f"{line} is {abs(step)} from {self._last}, more than {self._largest_step:g}"
        return ""

    def _step(self, line: str) -> int:
        """Give how far the number went, through 0 where that is near."""
        step = int(line) - int(self._last)
        if self._length is None:
            return step
        numbers = 10**self._length
        through_zero = step + numbers if step < 0 else step - numbers
        return through_zero if abs(through_zero) < WRAP_SHARE * numbers else step


def _is_number(line: str) -> bool:
    return line.isascii() and line.isdigit()
