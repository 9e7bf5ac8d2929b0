"""Regions of interest: parts of the frame that are read each by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.pipeline import Digit

SMALLEST_PX = 12  # no digit is found on less
_HINT = "write [NAME=]X,Y,WIDTH,HEIGHT in px, as meter=40,60,320,80, or in shares, as 0.1,0,0.5,0.2"

Box = tuple[int, int, int, int]

_ROI = re.compile(r"(?:([^=]*)=)?([^=]*)")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{0,9})?|\.[0-9]{1,9}")


@dataclass(frozen=True)
class Roi:
    """A rectangle of the frame.

    Attributes:
        name: what readings of it are called.
        x: left edge.
        y: upper edge.
        width: likewise in px, or in shares of the frame.
        height: likewise.
        relative: the four are shares of the frame's width and height, in [0, 1].
    """

    name: str = "frame"
    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 1.0
    relative: bool = True

    def box(self, width: int, height: int) -> Box:
        """Place the region in a frame, what lies outside cut off.

        Args:
            width: of the frame, in px.
            height: of the frame, in px.

        Returns:
            x, y, width, height in px.

        Raises:
            ConfigError: the region lies outside of the frame, or too little of it inside. A frame
                smaller than any digit is taken whole.
        """
        across, down = (width, height) if self.relative else (1, 1)
        left, right = (round(edge * across) for edge in (self.x, self.x + self.width))
        top, bottom = (round(edge * down) for edge in (self.y, self.y + self.height))
        right, bottom = min(right, width), min(bottom, height)
        if right - left < min(SMALLEST_PX, width) or bottom - top < min(SMALLEST_PX, height):
            raise ConfigError(
                f"region {self.name} covers {max(0, right - left)}×{max(0, bottom - top)} px of "
                f"the frame of {width}×{height}",
                hint=f"move it inside the frame; {SMALLEST_PX} px is the least for a digit",
            )
        return left, top, right - left, bottom - top

    def cut(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """Cut the region out of a frame.

        Args:
            image: uint8 (H, W) grey or (H, W, 3) BGR.

        Returns:
            A view into the frame, nothing is copied; and its left upper corner x, y in px.

        Raises:
            ConfigError: as `box`.
        """
        x, y, width, height = self.box(image.shape[1], image.shape[0])
        return image[y : y + height, x : x + width], (x, y)


def parse_rois(texts: Sequence[str]) -> tuple[Roi, ...]:
    """Read regions of interest as the user writes them.

    Args:
        texts: each "[NAME=]X,Y,WIDTH,HEIGHT" in px; or in shares of the frame, where no number is
            above 1 and each has a decimal point or is 0 or 1.

    Returns:
        The regions, those without a name called roi1, roi2, … by their place; the whole frame
        where there are none.

    Raises:
        ConfigError: one cannot be understood, or two have one name.
    """
    rois = tuple(_parse(text, f"roi{place}") for place, text in enumerate(texts, start=1))
    names = [roi.name for roi in rois]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two regions are called {name}", hint="give each its own name")
    return rois or (Roi(),)


def _parse(text: str, default: str) -> Roi:
    found = _ROI.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"region {text!r} has more than one =", hint=_HINT)
    name = default if found[1] is None else found[1].strip()
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"region {text!r}: the name {name!r} is no name",
            hint="letters, digits, - and _ make a name",
        )
    words = [word.strip() for word in found[2].split(",")]
    if len(words) != 4 or not all(_NUMBER.fullmatch(word) for word in words):
        raise ConfigError(f"region {text!r} is not four numbers, 0 or more each", hint=_HINT)
    values = [float(word) for word in words]
    relative = all(v <= 1 and ("." in w or v in {0, 1}) for v, w in zip(values, words, strict=True))
    _check(text, values, relative=relative)
    x, y, width, height = values
    return Roi(name, x, y, width, height, relative)


def _check(text: str, values: list[float], *, relative: bool) -> None:
    x, y, width, height = values
    if not relative and any(value % 1 for value in values):
        raise ConfigError(
            f"region {text!r} mixes px with shares of the frame",
            hint="give four whole numbers of px, or four shares of 1 at most",
        )
    if width == 0 or height == 0:
        raise ConfigError(f"region {text!r} is empty", hint="give a width and height above 0")
    if relative and (x >= 1 or y >= 1):
        raise ConfigError(
            f"region {text!r} lies outside of the frame", hint="x and y are shares below 1"
        )


def place(digits: Iterable[Digit], corner: tuple[int, int]) -> tuple[Digit, ...]:
    """Bring digits that were read in a region back into the frame.

    Args:
        digits: with boxes in px of the region.
        corner: the region's left upper corner x, y in px of the frame.

    Returns:
        The digits, with boxes in px of the frame.
    """
    if corner == (0, 0):
        return tuple(digits)
    return tuple(replace(digit, box=_moved(digit.box, corner)) for digit in digits)


def _moved(box: Box, by: tuple[int, int]) -> Box:
    return box[0] + by[0], box[1] + by[1], box[2], box[3]
