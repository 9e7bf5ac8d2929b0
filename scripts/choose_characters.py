"""Choose the characters that models are shown as non-digits: edge_hdr/exposure/characters.txt.

    python scripts/choose_characters.py

Of the letters and signs of many scripts that matplotlib's font has, those are left out that
resemble digits as `strokes` writes them, or the letters with which models are measured.
"""

from __future__ import annotations

import textwrap
import unicodedata
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.strokes import make_split
from edge_hdr.data.written import write
from edge_hdr.exposure.glyphs import draw, open_font
from edge_hdr.robustness.letters import letters
from edge_hdr_device.normalize import normalize
from edge_hdr_device.storage import write_atomic

OUT = Path(__file__).parents[1] / "edge_hdr" / "exposure" / "characters.txt"
SCRIPTS = (
    "ARABIC", "ARMENIAN", "CANADIAN", "COPTIC", "CYRILLIC", "GEORGIAN", "GREEK", "HEBREW", "LAO",
    "LATIN", "LISU", "MATHEMATICAL", "NKO", "OLD", "TIFINAGH",
)  # fmt: skip
CATEGORIES = ("Lu", "Ll", "Lo", "Sm")
LAST_CODE = 0x1D400  # beyond are the styled letters of mathematics
DIGITS = 5000  # that characters are compared with
HANDS = 40  # of each measured letter
LIKE_DIGIT, LIKE_LETTER = 0.88, 0.86  # cosines of softened pictures, judged on pages of characters
NEAREST = 3  # likeness is that to so many of them
SOFT_PX = 1.2


def codes() -> list[int]:
    """List the code points of the font that are letters or signs of the scripts."""
    return [
        code
        for code in sorted(open_font().get_charmap())
        if code < LAST_CODE
        and unicodedata.category(chr(code)) in CATEGORIES
        and unicodedata.normalize("NFKD", chr(code)) == chr(code)
        and unicodedata.name(chr(code), "?").split()[0] in SCRIPTS
        and draw(chr(code)).any()
    ]


def soft(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give softened pictures as vectors of length 1, float32 (N, 784)."""
    smooth = [cv2.GaussianBlur(image.astype(np.float32), (0, 0), SOFT_PX) for image in images]
    vectors = np.stack(smooth).reshape(len(images), -1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def likeness(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give float32 (N,), how near the nearest of others (M, D) come to each of `one` (N, D)."""
    return np.asarray(np.partition(one @ others.T, -NEAREST, axis=1)[:, -NEAREST], np.float32)


def main() -> None:
    """Choose and write them."""
    rng = np.random.default_rng(0)
    found = codes()
    shown = soft(np.stack([normalize(draw(chr(code))) for code in found]))
    like_digit = likeness(shown, soft(make_split(DIGITS, seed=0).images))
    measured = np.concatenate([write(letter, HANDS, rng) for letter in letters()])
    other = (like_digit <= LIKE_DIGIT) & (likeness(shown, soft(measured)) <= LIKE_LETTER)
    text = "".join(chr(code) for code, kept in zip(found, other, strict=True) if kept)
    write_atomic(OUT, ("\n".join(textwrap.wrap(text, 90)) + "\n").encode())
    print(f"{len(text)} of {len(found)} characters")


if __name__ == "__main__":
    main()
