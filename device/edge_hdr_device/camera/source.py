"""What every camera has in common: a picture with its time, and the life of a source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """What a source gives at a time.

    Attributes:
        image: uint8 (H, W) grey or (H, W, 3) BGR; nobody writes into it after it was given.
        name: of the file that it comes from; empty for a camera.
        truth: the lines that are written on it, where the source knows them; else None.
    """

    image: NDArray[np.uint8]
    name: str = ""
    truth: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Frame:
    """A picture with its place in time.

    Attributes:
        picture: what was captured.
        number: counted from 1 over the whole run, also over a camera that came back.
        time_s: wall clock at the capture, in seconds since 1970; it may jump.
        monotonic_s: `time.monotonic()` at the capture; it never does.
    """

    picture: Picture
    number: int
    time_s: float
    monotonic_s: float

    @property
    def image(self) -> NDArray[np.uint8]:
        """Give the picture's pixels."""
        return self.picture.image


class Source(ABC):
    """A camera, stream, file or folder: made without touching it, opened, read, closed.

    Attributes:
        live: the newest picture counts and older ones may be lost; False where each picture is
            read in its turn.
        unrelated: each picture shows something else, so that nothing is followed between two.
        settle_s: for so long after it was opened, exposure and focus are still being found.
        skipped: pictures that arrived and were passed over undecoded, as a newer one waited.
    """

    live = True
    unrelated = False
    settle_s = 0.0
    skipped = 0

    @property
    @abstractmethod
    def description(self) -> str:
        """Name the source as people know it, as "imx708, 640×480"; without secrets."""

    @abstractmethod
    def open(self) -> None:
        """Take hold of the camera.

        Raises:
            CameraError: it is missing, busy, forbidden or has no usable format; the hint says what
                repairs it.
            ImageError, DependencyError: a file cannot be read; a package is not installed.
        """

    @abstractmethod
    def read(self) -> Picture | None:
        """Wait for the next picture; None at the end of a source that has one.

        Raises:
            CameraError: the camera has gone or gives no usable pictures; open it again.
            ImageError: this one picture cannot be read; the next may be.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the camera; also when it is not open, and from another thread."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
