"""Lines of JSON to standard output, for a pipe or the journal."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from edge_hdr_device.publish.message import Kind, Message
from edge_hdr_device.publish.outlet import FIRST_WAIT_S, EndedError, Outlet

STDOUT = 1


class StdoutOutlet(Outlet):
    """One JSON object a line, each written out at once.

    It writes to the file descriptor itself: Python's own buffer would be flushed once more at the
    end, and hang or fail there when the reader is slow or gone. A reader that is slow delays only
    this output's thread. A line that was cut short, by a full disk say, is finished before another
    one is begun.

    Args:
        wants: the kinds of message that are written.
        on_closed: called once, from this output's thread, when the reader has gone for good, as
            `head` does after its last line.
        descriptor: to write to.
        first_wait_s: pause after the first failure.
    """

    def __init__(
        self,
        *,
        wants: frozenset[Kind],
        on_closed: Callable[[], None] = lambda: None,
        descriptor: int = STDOUT,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        super().__init__("stdout", wants=wants, first_wait_s=first_wait_s)
        self._descriptor = descriptor
        self._on_closed = on_closed
        self._closed = False
        self._begun: Message | None = None
        self._rest = b""

    @property
    def closed(self) -> bool:
        """Tell whether the reader has gone for good."""
        return self._closed

    def _open(self) -> None:
        """Take the standard output as it is."""

    def _send(self, message: Message) -> None:
        if message is not self._begun:
            line = message.to_json() + b"\n"
            self._write_rest()
            self._begun, self._rest = message, line
        self._write_rest()
        self._begun = None

    def _write_rest(self) -> None:
        while self._rest:
            try:
                self._rest = self._rest[os.write(self._descriptor, self._rest) :]
            except BlockingIOError:  # whoever shares the pipe has made it non-blocking
                select.select([], [self._descriptor], [])
            except BrokenPipeError:
                self._closed = True
                self._on_closed()
                raise EndedError("nobody reads the standard output any more") from None

    def _close(self) -> None:
        """Leave the standard output open: it is not ours."""
