"""Letters that look like no digit, as allographs that hands write like digits.

Models are measured with them, so none of them is drawn for training: see
`edge_hdr.exposure.letters`.
"""

from __future__ import annotations

from functools import cache

from edge_hdr.data.allographs import Allograph
from edge_hdr.data.written import shape

ASPECT = 0.75  # width to height
# In the notation of `edge_hdr/data/allographs.txt`. Left out are C D G I J L O Q S Y Z and B, which
# people write like 0 0 6 1 1 1 0 9 5 4 2 and 8, and X, which the scenes have as a sign of times.
SHAPES = {
    "A": "0 100, 50 0!, 100 100 | 20 62, 80 62",
    "E": "95 0, 5 0!, 5 100!, 95 100 | 5 50, 80 50",
    "F": "95 0, 5 0!, 5 100 | 5 48, 78 48",
    "H": "5 0, 5 100 | 95 0, 95 100 | 5 50, 95 50",
    "K": "5 0, 5 100 | 90 0, 8 56!, 95 100",
    "M": "0 100, 10 0!, 50 70!, 90 0!, 100 100",
    "N": "5 100, 5 0!, 95 100!, 95 0",
    "P": "10 100, 10 0!, 60 0, 92 14, 90 38, 60 52, 10 52",
    "R": "10 100, 10 0!, 60 0, 92 14, 90 36, 60 48, 12 50!, 95 100",
    "T": "0 0, 100 0 | 50 0, 50 100",
    "U": "5 0, 5 60, 25 96, 50 100, 75 96, 95 60, 95 0",
    "V": "0 0, 50 100!, 100 0",
    "W": "0 0, 25 100!, 50 30!, 75 100!, 100 0",
    "h": "10 0, 10 100!, 14 64, 45 46, 80 56, 86 100",
    "k": "10 0, 10 100 | 80 40, 12 72!, 90 100",
    "m": "0 30, 4 100!, 8 46, 28 30, 46 48, 48 100!, 52 46, 74 30, 94 48, 98 100",
    "w": "0 30, 22 98, 46 44!, 74 98, 98 30",
}


@cache
def letters() -> tuple[Allograph, ...]:
    """Give the letters, prepared once for the life of the process."""
    return tuple(shape(name, text, aspect=ASPECT) for name, text in SHAPES.items())
