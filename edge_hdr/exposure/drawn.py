"""Non-digits drawn directly: signs, tangles, pairs, fragments, texture, lines and empty paper.

A scene's clutter is what its generator knows; these are the rest. None of the code of
`edge_hdr.robustness.non_digits` is used, for that measures models.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.allographs import Allograph
from edge_hdr.data.dataset import Split
from edge_hdr.data.written import of_strokes, write
from edge_hdr.exposure.letters import shapes
from edge_hdr.exposure.lookalike import is_bar

Image = NDArray[np.uint8]
Random = np.random.Generator

INK = 64
OPEN = (2, 3, 4, 5, 7)  # digits of which neither the upper nor the lower part is a digit
LEAST_SEGMENTS = 3  # of a rune: with two it may be a 7 or a 1
CLOSED = (1, 8)  # digits whose halves are a 1 or a 3
SURFACE_PX = (24, 96)  # sides of a piece of texture


def draw(count: int, digits: Split, rng: Random) -> NDArray[np.uint8]:
    """Draw non-digits, each of a kind drawn at random.

    Args:
        count: how many, ≥ 0.
        digits: labelled digits that pairs and fragments are made of, not only 1 and 8.
        rng: the only source of randomness.

    Returns:
        uint8 (count, 28, 28), ink 255 on background 0.
    """
    images = np.zeros((count, 28, 28), np.uint8)
    kinds = rng.choice(len(KINDS), size=count, p=np.array(SHARES) / sum(SHARES))
    for index, kind in enumerate(kinds):
        image = KINDS[kind](digits, rng)
        while is_bar(image) and KINDS[kind] is not _empty:
            image = KINDS[kind](digits, rng)
        images[index] = image
    return images


def _sign(digits: Split, rng: Random) -> Image:
    """Write a letter or a sign."""
    return _once(shapes()[rng.integers(len(shapes()))], rng)


def _once(shape: Allograph, rng: Random) -> Image:
    """Write a shape with a hand of its own."""
    (image,) = write(shape, 1, rng)
    return np.asarray(image, np.uint8)


def _tangle(digits: Split, rng: Random) -> Image:
    """Write two to five strokes of any form across each other, as unknown letters have them."""
    strokes = []
    for _ in range(int(rng.integers(2, 6))):
        points = rng.uniform(-0.5, 0.5, (int(rng.integers(2, 6)), 2))
        sharp = np.flatnonzero(rng.random(len(points)) < 0.4).tolist()
        strokes.append((points, sharp))
    return _once(of_strokes("tangle", strokes, fineness=float(rng.uniform(0.5, 1.0))), rng)


def _rune(digits: Split, rng: Random) -> Image:
    """Write a letter of no alphabet: a few strokes between the nine points of a grid."""
    strokes = []
    for points in rng.integers(2, 5, int(rng.integers(1, 4))):
        places = rng.choice(9, size=points, replace=False)
        sharp = [*range(points)] if rng.random() < 0.6 else []
        strokes.append((np.stack([places % 3 - 1, places // 3 - 1], axis=1) * (0.36, 0.5), sharp))
    if sum(len(points) - 1 for points, _ in strokes) < LEAST_SEGMENTS:
        return _rune(digits, rng)
    return _once(of_strokes("rune", strokes), rng)


def _pair(digits: Split, rng: Random) -> Image:
    """Set two or three digits beside each other, touching or nearly so."""
    from edge_hdr_device.normalize import normalize

    row = _glyph(digits, rng)[0]
    for _ in range(int(rng.choice([1, 1, 1, 2]))):
        row = _beside(row, _glyph(digits, rng)[0], int(rng.integers(-4, 4)), rng)
    return normalize(row)


def _beside(first: Image, second: Image, gap: int, rng: Random) -> Image:
    """Join two glyphs on about the same line, `gap` px apart or overlapping."""
    height = max(len(first), len(second))
    drop = int(rng.integers(0, 5))
    overlap = min(max(-gap, 0), first.shape[1] - 1, second.shape[1] - 1)
    width = first.shape[1] + second.shape[1] + max(gap, 0) - overlap
    field = np.zeros((height + drop, width), np.uint8)
    field[height - len(first) : height, : first.shape[1]] = first
    bottom = height + drop
    place = field[bottom - len(second) : bottom, width - second.shape[1] :]
    np.maximum(place, second, out=place)
    return field


def _fragment(digits: Split, rng: Random) -> Image:
    """Cut a digit in two, as a wrong cut or a broken stroke does, and keep one part."""
    from edge_hdr_device.normalize import normalize

    glyph, label = _glyph(digits, rng)
    while label in CLOSED:
        glyph, label = _glyph(digits, rng)
    across = label in OPEN and rng.random() < 0.5
    glyph = glyph if across else glyph.T
    kept = max(2, round(rng.uniform(0.3, 0.55) * len(glyph)))
    part = glyph[:kept] if rng.random() < 0.5 else glyph[-kept:]
    return normalize(np.ascontiguousarray(part if across else part.T))


def _glyph(digits: Split, rng: Random) -> tuple[Image, int]:
    """Give one digit without its margins, and its label."""
    index = int(rng.integers(len(digits)))
    ink = digits.images[index] > INK
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return digits.images[index], int(digits.labels[index])
    box = digits.images[index, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return box, int(digits.labels[index])


def _texture(digits: Split, rng: Random) -> Image:
    """Cut a piece out of a cloudy, grained, hatched or chequered surface."""
    from edge_hdr_device.normalize import normalize

    height, width = (int(side) for side in rng.integers(*SURFACE_PX, 2))
    make = (_clouds, _hatching, _cells)[int(rng.integers(3))]
    return normalize(np.clip(255 * make((height, width), rng), 0, 255).astype(np.uint8))


def _clouds(shape: tuple[int, int], rng: Random) -> NDArray[np.float64]:
    import cv2

    noise = rng.standard_normal(shape)
    wide, high = rng.uniform(0.4, 6.0, 2)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), wide, sigmaY=high), float)
    smooth /= smooth.std() + 1e-9
    steep, level = rng.uniform(0.5, 8.0), rng.uniform(-0.8, 0.8)
    return np.asarray(np.clip((smooth - level) * steep, 0, 1))


def _hatching(shape: tuple[int, int], rng: Random) -> NDArray[np.float64]:
    import cv2

    field = np.zeros(shape, np.uint8)
    reach = sum(shape)
    for angle in rng.uniform(0, np.pi, int(rng.integers(1, 3))):
        along, apart = np.array([np.cos(angle), np.sin(angle)]), rng.uniform(4, 16)
        for step in np.arange(-reach, reach, apart):
            middle = np.array(shape[::-1]) / 2 + (step + rng.normal()) * along[::-1] * (-1, 1)
            ends = np.rint([middle - reach * along, middle + reach * along]).astype(int)
            cv2.line(field, ends[0].tolist(), ends[1].tolist(), 255, int(rng.integers(1, 4)))
    return np.asarray(field / 255.0)


def _cells(shape: tuple[int, int], rng: Random) -> NDArray[np.float64]:
    side = rng.uniform(3, 14, 2)
    y, x = np.mgrid[: shape[0], : shape[1]]
    board = (y // side[0] + x // side[1]).astype(int) % 2
    specks = rng.random((1 + int(shape[0] // side[0]), 1 + int(shape[1] // side[1])))
    patches = specks[(y // side[0]).astype(int), (x // side[1]).astype(int)]
    return np.asarray(board * 1.0 if rng.random() < 0.5 else patches)


def _marks(digits: Split, rng: Random) -> Image:
    """Draw lines, corners and dots, as ruled paper and a pen that rests leave them."""
    import cv2

    from edge_hdr_device.normalize import normalize

    field = np.zeros((64, 64), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        kind, thick = int(rng.integers(3)), int(rng.integers(2, 9))
        a, b = rng.integers(8, 56, 2).tolist(), rng.integers(8, 56, 2).tolist()
        if kind == 0:
            cv2.ellipse(field, a, rng.integers(2, 14, 2).tolist(), 0, 0, 360, 255, -1)
        elif kind == 1:
            cv2.polylines(field, [np.array([a, [b[0], a[1]], b])], False, 255, thick)
        else:
            cv2.line(field, [4, a[1]], [60, b[1]], 255, thick)
    soft = cv2.GaussianBlur(field, (0, 0), float(rng.uniform(0.3, 2.0)))
    return normalize(np.asarray(soft, np.uint8))


def _empty(digits: Split, rng: Random) -> Image:
    """Show paper with nothing on it: noise, specks or a slope of light, as it is."""
    strength = rng.uniform(0, 80)
    grain = strength * rng.standard_normal((28, 28))
    slope = np.add.outer(*(rng.uniform(-60, 60) * np.linspace(-1, 1, 28) for _ in range(2)))
    specks = 255.0 * (rng.random((28, 28)) < rng.choice([0.0, 0.0, 0.01, 0.05]))
    paper = grain + max(0.0, rng.uniform(-1, 1)) * slope + specks
    return np.asarray(np.clip(np.rint(paper), 0, 255), np.uint8)


KINDS: tuple[Callable[[Split, Random], Image], ...] = (
    _sign, _rune, _tangle, _pair, _fragment, _texture, _marks, _empty,
)  # fmt: skip
SHARES = (6, 6, 4, 3, 3, 3, 2, 1)
