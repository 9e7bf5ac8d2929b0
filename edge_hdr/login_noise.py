"""What a login shell prints before every command, kept apart from what the command prints."""

from __future__ import annotations

from collections.abc import Callable

MARK = b"\x01edge-hdr\x02\n"
MARKED = ("sh", "-c", "printf '\\001edge-hdr\\002\\n'; exec \"$@\"", "sh")  # before a command


class AfterMark:
    """Pass on the bytes that come after the mark; before it, a start file's words are dropped."""

    def __init__(self, on_bytes: Callable[[bytes], object]) -> None:
        self._on_bytes = on_bytes
        self._before = b""
        self._has_begun = False

    def take(self, data: bytes) -> None:
        """Take a piece."""
        if not self._has_begun:
            dropped, mark, data = (self._before + data).partition(MARK)
            self._has_begun = bool(mark)
            self._before = dropped[-len(MARK) :]
        if data:
            self._on_bytes(data)
