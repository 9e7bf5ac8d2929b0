"""Letters and signs that look like no digit, for training.

They are a set apart from the letters of `edge_hdr.robustness.letters`, with which models are
measured: no shape is in both, though some of these are the lower case of a capital there.
"""

from __future__ import annotations

from functools import cache

from edge_hdr.data.allographs import Allograph
from edge_hdr.data.written import shape

ASPECT = 0.8  # width to height
# In the notation of `edge_hdr/data/allographs.txt`. What people write like a digit is left out.
SHAPES = {
    "d": "84 60, 60 46, 18 56, 6 80, 36 100, 70 92, 86 60 | 88 0, 86 60, 92 100",
    "e": "8 55, 60 50, 88 30, 60 4, 20 14, 4 55, 24 94, 60 98, 94 80",
    "n": "8 5, 12 98!, 18 40, 50 6, 82 24, 86 98",
    "r": "10 5, 14 98!, 18 42, 48 8, 88 10",
    "t": "42 0, 40 70, 56 98, 90 90 | 4 32, 86 30",
    "gamma": "8 0, 92 2 | 10 0, 8 100",
    "delta": "50 0, 4 98!, 96 98!, 50 0",
    "pi": "0 10, 100 4 | 28 8, 22 100 | 74 6, 80 100",
    "sigma": "92 4, 8 0!, 56 48!, 6 98!, 96 96",
    "psi": "6 4, 16 48, 50 62, 84 48, 94 4 | 50 0, 50 100",
    "omega": "2 98, 30 96!, 8 50, 22 8, 50 0, 78 8, 92 50, 70 96!, 98 98",
    "lambda": "10 0, 40 16, 92 100 | 46 30, 6 100",
    "xi": "6 2, 94 0 | 20 48, 80 50 | 4 98, 96 100",
    "zhe": "50 0, 50 100 | 2 2, 48 50!, 2 98 | 98 2, 52 50!, 98 98",
    "sha": "4 0, 6 98!, 94 98!, 96 0 | 50 2, 50 98",
    "yu": "6 0, 6 100 | 6 50, 40 50 | 68 4, 42 30, 42 74, 68 98, 96 74, 96 28, 68 4",
    "plus": "50 4, 50 96 | 2 50, 98 50",
    "equals": "2 34, 98 32 | 2 68, 98 66",
    "hash": "34 0, 24 100 | 74 0, 64 100 | 0 34, 100 30 | 0 70, 100 66",
    "percent": "90 0, 8 100 | 22 4, 6 20, 22 36, 38 20, 22 4 | 80 64, 62 80, 80 98, 96 80, 80 64",
    "ampersand": "96 98, 26 30, 30 4, 58 4, 60 26, 12 62, 14 92, 50 98, 90 56",
    "star": "50 0, 50 100 | 4 26, 96 74 | 96 26, 4 74",
    "root": "0 56, 16 50!, 34 98!, 56 2!, 100 2",
    "arrow": "0 50, 98 50 | 66 20, 100 50!, 66 80",
    "house": "50 0, 96 40!, 92 98!, 8 98!, 4 40!, 50 0",
    "tick": "0 58, 30 98!, 100 2",
    "spiral": "52 50, 66 40, 60 66, 30 60, 34 22, 78 16, 94 62, 60 98, 12 88, 4 30",
    "wave": "0 60, 14 28, 30 60, 46 88, 60 60, 76 28, 92 60, 100 76",
    "heart": "50 30, 30 0, 2 20, 14 60, 50 100!, 86 60, 98 20, 70 0, 50 30",
}


@cache
def shapes() -> tuple[Allograph, ...]:
    """Give the shapes, prepared once for the life of the process."""
    return tuple(shape(name, text, aspect=ASPECT) for name, text in SHAPES.items())
