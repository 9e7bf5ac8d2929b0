"""Characters of many scripts, written like handwriting, as non-digits for training.

A few dozen letters of our own teach a model those letters; hundreds, from Armenian to Tifinagh,
teach it that ink may be anything. `characters.txt` lists them, `scripts/choose_characters.py` chose
them: none resembles a digit or a letter with which models are measured.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

Image = NDArray[np.uint8]
Random = np.random.Generator

FONT = "DejaVuSans.ttf"  # comes with matplotlib; its lines are of one width, as a pen's
SIZE_PT = 56  # at 72 dpi: px per em
MARGIN_PX = 16

SLANT, TURN, STRETCH = 0.25, 0.08, 0.22  # standard deviations: shear, radians, log of the width
BEND_PX, WAVE_PX = 1.6, 6.4  # of waves that deform a character
WIDTHS_PX = (-2, -1, -1, 0, 0, 0, 1, 1, 2, 3)  # what a pen adds to a line of about 5 px


def character(rng: Random) -> Image:
    """Write a character at random; uint8 (28, 28), ink 255 on background 0."""
    from edge_hdr_device.normalize import normalize

    known = characters()
    return normalize(_by_hand(draw(known[int(rng.integers(len(known)))]), rng))


@cache
def characters() -> str:
    """Give the characters, each once."""
    text = files("edge_hdr.exposure").joinpath("characters.txt").read_text(encoding="utf-8")
    return "".join(text.split())


def draw(text: str) -> Image:
    """Draw a character as the font has it, uint8 (H, W), ink 255 on background 0."""
    font = open_font()
    font.set_text(text)
    font.draw_glyphs_to_bitmap()
    return np.pad(np.asarray(font.get_image(), np.uint8), MARGIN_PX)


@cache
def open_font() -> FT2Font:
    """Open the font, once for the life of the process."""
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(mpl.get_data_path()) + "/fonts/ttf/" + FONT)
    font.set_size(SIZE_PT, 72)
    return font


def _by_hand(image: Image, rng: Random) -> Image:
    """Slant, turn, stretch and bend a character, and write it with another pen."""
    import cv2

    width = WIDTHS_PX[int(rng.integers(len(WIDTHS_PX)))]
    if width:
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(width) + 1,) * 2)
        image = np.asarray((cv2.dilate if width > 0 else cv2.erode)(image, pen), np.uint8)
    height, breadth = image.shape
    slant, turn, stretch = rng.normal(0, (SLANT, TURN, STRETCH))
    y, x = np.mgrid[:height, :breadth].astype(np.float32)
    y, x = y - height / 2, x - breadth / 2
    phase = rng.uniform(0, 2 * np.pi, 2)
    bend = rng.normal(0, BEND_PX, 2)
    x, y = (
        np.exp(-stretch) * x + (slant + turn) * y + bend[0] * np.sin(y / WAVE_PX + phase[0]),
        y - turn * x + bend[1] * np.sin(x / WAVE_PX + phase[1]),
    )
    columns, rows = ((x + breadth / 2).astype(np.float32), (y + height / 2).astype(np.float32))
    return np.asarray(cv2.remap(image, columns, rows, cv2.INTER_LINEAR), np.uint8)
