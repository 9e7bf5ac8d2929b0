"""What a line must look like to be announced: a pattern, or a number of digits."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.pipeline import UNREAD

LINE_LIMIT = 64  # characters; a longer line matches no pattern
PROBE_LIMIT_S = 0.02  # of processor time, for one line


class Expectation:
    """A pattern that a line must match in full.

    Args:
        pattern: regular expression, as "[0-9]{5}"; empty takes every line.
        digits: shorthand for it: just so many digits; 0 is any number.

    Attributes:
        length: characters of every line that matches; None where they may differ or are not known.

    Raises:
        ConfigError: the pattern is no regular expression, or may run nearly for ever; the number
            makes no sense; or both are given.
    """

    def __init__(self, pattern: str = "", digits: int = 0) -> None:
        if pattern and digits:
            raise ConfigError(
                f"both a pattern ({pattern}) and {digits} digits are expected",
                hint="give one of expect and digits",
            )
        if not 0 <= digits <= LINE_LIMIT:
            raise ConfigError(f"digits is {digits}", hint=f"give 1 to {LINE_LIMIT}, or 0 for any")
        self.pattern = f"[0-9]{{{digits}}}" if digits else pattern
        self._compiled = _compile(self.pattern) if self.pattern else None
        self.length = digits or (_probe(self._compiled) if self._compiled else None)

    def matches(self, line: str) -> bool:
        """Tell whether a line may be announced; one with "?" only where nothing is expected."""
        if self._compiled is None:
            return True
        if UNREAD in line or len(line) > LINE_LIMIT:
            return False
        return self._compiled.fullmatch(line) is not None


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # as "possible nested set"
            return re.compile(pattern)
    except re.error as error:
        raise _no_pattern(pattern, error.msg, error.pos) from error
    except (Warning, OverflowError, RecursionError) as error:
        raise _no_pattern(pattern, str(error), None) from error


def _no_pattern(pattern: str, reason: str, position: int | None) -> ConfigError:
    where = pattern
    if position is not None:
        where = f"{pattern[:position]}⟨here⟩{pattern[position:]}"
    return ConfigError(
        f"the expected pattern is no regular expression: {reason}: {where}",
        hint='for five digits write "[0-9]{5}"',
    )


def _probe(pattern: re.Pattern[str]) -> int | None:
    """Try a pattern on ever longer lines, so that one like "(0+)+1" is refused, not run for years.

    Returns:
        The only length of line that matched; None where there are more or none.
    """
    lengths: set[int] = set()
    for line in _trial_lines(pattern.pattern):
        start = time.thread_time()
        if pattern.fullmatch(line):
            lengths.add(len(line))
        if time.thread_time() - start > PROBE_LIMIT_S:
            raise ConfigError(
                f"the expected pattern takes too long on a line of {len(line)} characters: "
                f"{pattern.pattern}",
                hint="put no repetition inside a repetition",
            )
    return lengths.pop() if len(lengths) == 1 and "|" not in pattern.pattern else None


def _trial_lines(pattern: str) -> Iterator[str]:
    """Write lines by growing length: what the pattern spells, or a bit of it, over and over."""
    spelled = "".join(character for character in pattern if character.isalnum())[:LINE_LIMIT]
    pairs = (spelled[at : at + 2] for at in range(len(spelled) - 1))
    cycles = list(dict.fromkeys([*"0123456789", *spelled, *pairs, spelled or "0"]))
    for length in range(1, LINE_LIMIT + 1):
        for cycle in cycles:
            line = (cycle * length)[:length]
            yield line
            yield f"{line}!"
