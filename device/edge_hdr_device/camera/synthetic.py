"""A camera that is none: numbers in handwriting on paper, for demos and tests without hardware."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.camera.pace import Pace
from edge_hdr_device.camera.source import Picture, Source

SHEETS = Path(__file__).with_name("hands.png")
CELL_PX, DIGIT_PX = 64, 44  # of a digit's cell on the sheets, and of the digit in it
FPS = 30.0
PAGE_S = 3.0  # how long a page lies before the camera
REACH_PX = 4  # how far the camera shakes when a page is laid down
SETTLE_S = 0.3  # in which the shaking falls to a third
NOISE = 2.2  # standard deviation of the sensor's noise, in grey levels
NOISE_PX = 64  # by how much the field of noise is larger than a frame
PENS = ((96, 48, 24), (140, 60, 30), (40, 36, 34), (70, 40, 50))  # BGR
LINE_COUNTS = (1, 1, 2, 2, 3)


@dataclass(frozen=True)
class Page:
    """A written page under its light.

    Attributes:
        image: uint8 (H + 2 × REACH_PX, W + 2 × REACH_PX, 3), BGR, dark ink on light paper.
        lines: the numbers on it, from the top.
    """

    image: NDArray[np.uint8]
    lines: tuple[str, ...]


class Synthetic(Source):
    """Numbers that change every few seconds, the same ones for the same seed.

    Args:
        seed: chooses numbers, hands, pens, light, shaking and noise.
        width: of a frame, in px, ≥ 64.
        height: of a frame, in px, ≥ 48.
        fps: frames a second; 0 is 30. A page lies for as many frames as fill three seconds.
        fast: give every frame as soon as the last one was taken, not at its time.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        width: int = 640,
        height: int = 480,
        fps: float = 0.0,
        fast: bool = False,
    ) -> None:
        self.live = not fast
        self._seed = seed
        self._width, self._height = width, height
        self._fps = fps or FPS
        self._pace = Pace(0.0 if fast else self._fps)
        self._page_frames = max(1, round(PAGE_S * self._fps))
        self._frame = 0
        self._page: Page | None = None
        self._noise: tuple[NDArray[np.uint8], ...] = ()
        self._rng = np.random.default_rng(seed)

    @property
    def description(self) -> str:
        """Name seed and size."""
        return f"synthetic:{self._seed}, {self._width}×{self._height}"

    def open(self) -> None:
        """Begin with the first page."""
        self._rng = np.random.default_rng(self._seed)
        self._noise = _noise(self._height, self._width, self._rng)
        self._frame, self._page = 0, None
        self._pace.start()

    def read(self) -> Picture:
        """Wait for the next frame's time and draw it."""
        self._pace.wait()
        number, since = divmod(self._frame, self._page_frames)
        self._frame += 1
        if self._page is None or since == 0:
            self._page = write_page((self._seed, number), self._width, self._height)
        return Picture(self._look(self._page, since / self._fps), truth=self._page.lines)

    def close(self) -> None:
        """End a wait for the next frame."""
        self._pace.stop()

    def _look(self, page: Page, since_s: float) -> NDArray[np.uint8]:
        """Take the page as the sensor sees it so long after it was laid down."""
        import cv2

        swing = REACH_PX * np.exp(-since_s / SETTLE_S)
        left, top = (
            REACH_PX + round(float(swing * np.cos(turns * 2 * np.pi * since_s)))
            for turns in (2.3, 3.1)
        )
        seen = page.image[top : top + self._height, left : left + self._width]
        x, y = (int(value) for value in self._rng.integers(0, NOISE_PX, 2))
        more, less = (field[y : y + self._height, x : x + self._width] for field in self._noise)
        return np.asarray(cv2.subtract(cv2.add(seen, more), less), np.uint8)


def write_page(seed: tuple[int, int], width: int, height: int) -> Page:
    """Write a page of one to three numbers in one hand.

    Args:
        seed: of the camera, and the page's number.
        width: of a frame, in px.
        height: of a frame, in px.
    """
    rng = np.random.default_rng(seed)
    count = int(rng.choice(LINE_COUNTS))
    lines = tuple(
        "".join(str(digit) for digit in rng.integers(0, 10, rng.integers(3, 7)))
        for _ in range(count)
    )
    return Page(_photograph(_write(lines, width, height, rng), rng), lines)


def _write(
    lines: tuple[str, ...], width: int, height: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Put the lines on the page's ink, uint8, digits well apart and clear of the frame."""
    longest = max(len(line) for line in lines)
    size = min(0.24 * height, 0.8 * height / (1.75 * len(lines)), 0.86 * width / (1.2 * longest))
    ink = np.zeros((height + 2 * REACH_PX, width + 2 * REACH_PX), np.uint8)
    hand = sheets()[:, int(rng.integers(sheets().shape[1]))]
    for row, line in enumerate(lines):
        y = ink.shape[0] / 2 + (row - (len(lines) - 1) / 2) * 1.75 * size
        x = 0.07 * width + rng.uniform(0, 1) * (0.86 * width - 1.2 * size * len(line))
        for digit in line:
            drop = 0.03 * size * rng.standard_normal()
            _put(ink, hand[int(digit)], x + 0.6 * size, y + drop, size)
            x += 1.2 * size
    return ink


def _put(ink: NDArray[np.uint8], cell: NDArray[np.uint8], x: float, y: float, size: float) -> None:
    """Lay one digit of a height in px with its middle at a place."""
    import cv2

    side = max(1, round(size * CELL_PX / DIGIT_PX))
    smaller = side < CELL_PX
    glyph = cv2.resize(
        cell, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    )
    left, top = round(x - side / 2), round(y - side / 2)
    place = ink[max(top, 0) : top + side, max(left, 0) : left + side]
    inside = glyph[max(-top, 0) :, max(-left, 0) :][: place.shape[0], : place.shape[1]]
    np.maximum(place, inside, out=place)


def _photograph(ink: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Put ink of one pen on paper under uneven light, uint8 (H, W, 3), BGR."""
    import cv2

    pen = np.array(PENS[int(rng.integers(len(PENS)))])
    tone, warmth = rng.uniform(222, 246), rng.uniform(0, 12)
    paper = np.array((tone - warmth, tone, tone + 2))
    cover = 0.92 * np.arange(256)[:, None, None] / 255
    table = np.rint(paper + cover * (pen - paper)).astype(np.uint8)
    drawn = cv2.LUT(cv2.merge([ink] * 3), table)
    light = cv2.resize(_light(rng), ink.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.multiply(drawn, cv2.merge([light] * 3), scale=1 / 255), np.uint8)


def _light(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Give a small picture of uneven light, a slope and a darker rim; 255 is full light."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, 32)] * 2, indexing="ij")
    angle, shade = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.3)
    bright = np.cos(angle) * x + np.sin(angle) * y - 0.4 * (x * x + y * y)
    low, high = bright.min(), bright.max()
    light = np.rint(255 * (1 - shade * (high - bright) / (high - low)))
    return np.asarray(light, np.uint8)


def _noise(height: int, width: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], ...]:
    """Make two fields, of what a sensor's noise adds and takes away, each uint8 (…, …, 3)."""
    shape = (height + NOISE_PX, width + NOISE_PX, 3)
    noise = np.rint(NOISE * rng.standard_normal(shape, np.float32))
    return tuple(np.clip(sign * noise, 0, 255).astype(np.uint8) for sign in (1, -1))


@cache
def sheets() -> NDArray[np.uint8]:
    """Read the sheets of digits.

    Returns:
        uint8 (10, hands, CELL_PX, CELL_PX), ink 255 on background 0.
    """
    from edge_hdr_device.images import read_image

    image = read_image(SHEETS)
    hands = image.shape[1] // CELL_PX
    cells = image.reshape(10, CELL_PX, hands, CELL_PX).swapaxes(1, 2)
    return np.asarray(np.ascontiguousarray(cells), np.uint8)
