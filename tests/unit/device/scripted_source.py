"""A source that does what a test says, for what no real camera does on demand: to hang, to fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.settings import CameraConfig

LIMIT_S = 20.0  # for anything that is waited for; a test that passes never waits so long


def picture(level: int = 0) -> Picture:
    return Picture(np.full((4, 6), level, np.uint8))


class Scripted(Source):
    """Give pictures, raise errors and run functions in the order of a script."""

    def __init__(self, script: Iterable[Any], *, live: bool = True) -> None:
        self.live = live
        self._script: Iterator[Any] = iter(script)
        self.opened = self.closed = 0

    @property
    def description(self) -> str:
        return "scripted"

    def open(self) -> None:
        self.opened += 1

    def read(self) -> Picture | None:
        step = next(self._script, None)
        if callable(step):
            step = step()
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Picture) else None

    def close(self) -> None:
        self.closed += 1


class Hanging(Scripted):
    """Give one picture, then hang until the test lets go."""

    def __init__(self) -> None:
        self.hanging, self.let_go = threading.Event(), threading.Event()
        super().__init__([picture(1), self._hang, picture(2)])

    def _hang(self) -> Picture:
        self.hanging.set()
        assert self.let_go.wait(LIMIT_S)
        return picture(99)


def scripted(*sources: Source, rotate: int = 0, stall_s: float = 5.0) -> Capture:
    """Capture from one source after the other, as each fails; the last one is made again."""
    waiting = [sources[0], *sources]  # the first is asked for its description before it starts
    return Capture(
        CameraConfig(rotate=rotate, stall_s=stall_s),
        make=lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0],
        first_wait_s=0.01,
        longest_wait_s=0.05,
    )


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.005)
