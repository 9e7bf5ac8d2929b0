"""What a scene is: a picture of written numbers and everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Written:
    """One digit of a scene.

    Attributes:
        label: the digit, "0" to "9".
        box: (x, y, width, height) in px, the extent of its visible ink in the picture.
        line: number of the written line it stands on, from the top, from 0.
    """

    label: str
    box: Box
    line: int


@dataclass(frozen=True)
class Clutter:
    """Something in a scene that is no digit.

    Attributes:
        kind: what it is, as "letter", "minus", "frame", "finger".
        box: (x, y, width, height) in px; ruled paper and the like have none and are not listed.
    """

    kind: str
    box: Box


@dataclass(frozen=True)
class Scene:
    """A picture of written numbers with its truth.

    Attributes:
        image: uint8 (H, W, 3), BGR, as a camera gives it.
        digits: what is written, in reading order.
        clutter: what a reader has to leave out.
        factors: the level of everything that makes it hard, those above 0 only.
    """

    image: NDArray[np.uint8]
    digits: tuple[Written, ...]
    clutter: tuple[Clutter, ...]
    factors: dict[str, float]

    @property
    def text(self) -> str:
        """Give the digits, lines from top to bottom separated by "/"."""
        lines = groupby(self.digits, key=lambda digit: digit.line)
        return "/".join("".join(digit.label for digit in line) for _, line in lines)
