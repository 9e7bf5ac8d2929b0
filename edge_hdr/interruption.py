"""Hold Ctrl-C and SIGTERM back while native code runs that no exception may cut."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptions_held() -> Iterator[Callable[[], None]]:
    """Note an interruption instead of raising it; TensorFlow's heap is harmed when one cuts a call.

    Yields:
        A function to be called between native calls: it raises KeyboardInterrupt when there was a
        signal. A second signal raises at once.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
