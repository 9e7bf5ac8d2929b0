"""Pictures that show no digit, in the form in which a device would classify them.

None of them is certain to look like no digit: a scribble may come out as an 8, and half of a
figure as a 1. So no model can reject all.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.allographs import Allograph
from edge_hdr.data.strokes import make_split
from edge_hdr.data.written import of_strokes, write
from edge_hdr.errors import UsageError, nearest
from edge_hdr.robustness.letters import letters as known_letters

Images = NDArray[np.uint8]
Random = np.random.Generator

TURNS = (8, 16)  # points that a scribble passes through
BOX_PX = (40, 120)  # sides of a piece of texture
WAVES = 3  # of which a texture is made
BLANK_DEVIATION = 24  # largest noise of blank paper, in grey levels of 255


def letters(count: int, rng: Random) -> Images:
    """Write letters without look-alikes among the digits, with the pens that write digits."""
    choice = rng.integers(len(known_letters()), size=count)
    images = np.zeros((count, 28, 28), np.uint8)
    for kind, letter in enumerate(known_letters()):
        index = np.flatnonzero(choice == kind)
        images[index] = write(letter, len(index), rng)
    return images


def scribbles(count: int, rng: Random) -> Images:
    """Scribble through points drawn at random, a pen that is never lifted."""
    return _stacked([write(_scribble(rng), 1, rng)[0] for _ in range(count)])


def texture(count: int, rng: Random) -> Images:
    """Cut pieces out of woven, striped and spotted surfaces."""
    return _stacked([_textured(rng) for _ in range(count)])


def blank(count: int, rng: Random) -> Images:
    """Show empty paper: noise of up to a tenth of full ink, as it is, not normalized."""
    deviation = rng.uniform(0, BLANK_DEVIATION, (count, 1, 1))
    noise = deviation * rng.standard_normal((count, 28, 28))
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def fragments(count: int, rng: Random) -> Images:
    """Cut out the right half of one digit and the left half of the next, as a wrong box does."""
    from edge_hdr_device.normalize import normalize

    digits = make_split(2 * count, seed=int(rng.integers(1 << 31)), workers=1).images
    gap = rng.integers(0, 3, count)
    images = np.zeros((count, 28, 28), np.uint8)
    for index in range(count):
        first, second = digits[2 * index, :, 14:], digits[2 * index + 1, :, :14]
        overlap = 3 + int(gap[index])  # of the margins around both digits
        images[index] = normalize(np.hstack([first[:, :-overlap], second[:, overlap:]]))
    return images


MAKERS: dict[str, Callable[[int, Random], Images]] = {
    "letters": letters,
    "scribbles": scribbles,
    "texture": texture,
    "fragments": fragments,
    "blank": blank,
}
KINDS = tuple(MAKERS)


def draw(kind: str, n: int, seed: int = 0) -> Images:
    """Draw pictures without a digit.

    Args:
        kind: one of `KINDS`.
        n: how many, ≥ 0.
        seed: the same kind, number and seed give the same bytes.

    Returns:
        uint8 (n, 28, 28), ink 255 on background 0, normalized except for blank paper.

    Raises:
        UsageError: the kind is unknown.
    """
    if kind not in MAKERS:
        raise UsageError(f"unknown kind of non-digit {kind!r}", hint=nearest(kind, KINDS))
    return MAKERS[kind](n, np.random.default_rng([seed, crc32(kind.encode())]))


def _stacked(images: list[Images]) -> Images:
    return np.stack(images) if images else np.zeros((0, 28, 28), np.uint8)


def _scribble(rng: Random) -> Allograph:
    points = rng.uniform(-0.5, 0.5, (int(rng.integers(*TURNS)), 2))
    corners = np.flatnonzero(rng.random(len(points)) < 0.3).tolist()
    return of_strokes("scribble", [(points, corners)], fineness=0.5)


def _textured(rng: Random) -> Images:
    """Add waves of any direction and length, harden them, and cut a piece out."""
    from edge_hdr_device.normalize import normalize

    height, width = rng.integers(*BOX_PX, 2)
    y, x = np.mgrid[:height, :width]
    angle, length = rng.uniform(0, np.pi, WAVES), rng.uniform(6, 30, WAVES)
    strength, phase = rng.uniform(0, 1, WAVES), rng.uniform(0, 2 * np.pi, WAVES)
    surface = 0.3 * rng.standard_normal((height, width))
    for a, px, s, p in zip(angle, length, strength, phase, strict=True):
        surface += s * np.sin(2 * np.pi * (x * np.cos(a) + y * np.sin(a)) / px + p)
    hard = 1 / (1 + np.exp(-rng.uniform(1, 6) * surface))
    return normalize(np.rint(255 * hard).astype(np.uint8))
