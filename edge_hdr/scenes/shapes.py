"""Letters and signs that stand beside digits, as shapes that hands write like digits.

Letters that people write like digits are left out, and so are those that
`edge_hdr.robustness.letters` measures with: what is trained on must not be what is measured.
"""

from __future__ import annotations

from functools import cache

from edge_hdr.data.allographs import Allograph
from edge_hdr.data.written import shape

ASPECT = 0.75  # width to height
# In the notation of `edge_hdr/data/allographs.txt`, y = 0 the top and y = 100 the foot of a digit.
LETTERS = {
    "a": "70 42, 40 34, 14 56, 18 92, 42 100, 68 80, 72 40!, 72 84, 88 100",
    "d": "68 66, 44 42, 14 60, 16 92, 40 100, 68 80, 70 0!, 70 84, 84 100",
    "e": "14 70, 50 66, 74 56, 60 36, 30 40, 12 70, 28 98, 56 100, 80 84",
    "f": "74 8, 52 0, 38 16, 38 100 | 12 40, 68 38",
    "n": "12 38, 14 100! | 14 58, 38 36, 64 46, 68 100",
    "r": "18 38, 20 100! | 20 62, 40 40, 66 40",
    "t": "42 8, 42 84, 58 100, 78 90 | 14 34, 74 34",
    "y": "12 38, 36 84! | 70 36, 40 96, 14 140",
    "ß": "14 120, 16 20, 40 0, 66 16, 44 44!, 74 62, 62 96, 36 98",
    "&": "88 100, 30 30, 40 2, 64 12, 50 38, 14 68, 22 98, 56 96, 82 60",
    "@": "66 40, 40 34, 32 60, 48 72, 66 40!, 72 70, 92 62, 90 20, 50 0, 10 24, 8 76, 44 99, 84 90",
    "Γ": "86 6, 14 0!, 14 100",
    "Δ": "50 0, 4 100!, 96 100!, 50 0",
    "Π": "10 2, 12 100 | 86 2, 86 100 | 0 2, 100 0",
    "Ψ": "8 10, 16 52, 50 66, 86 50, 92 8 | 50 0, 50 100",
    "Ж": "50 0, 50 100 | 4 6, 48 50!, 4 98 | 96 4, 52 50!, 98 98",
    "Ш": "6 0, 6 98!, 94 98!, 94 0 | 50 2, 50 98",
    "Ю": "8 0, 8 100 | 8 50, 36 50 | 66 2, 38 40, 50 96, 80 98, 96 50, 84 6, 64 2",
}  # fmt: skip

OPERATORS = {
    "plus": "50 24, 50 84 | 18 54, 84 54",
    "times": "24 30, 78 82 | 78 30, 22 82",
    "star": "50 18, 50 70 | 24 30, 76 60 | 76 30, 24 60",
    "equals": "16 42, 86 42 | 16 66, 86 66",
    "divided": "18 54, 84 54 | 50 30, 52 32 | 50 78, 52 80",
    "slash": "86 -16, 4 116",
}
MINUS = {"minus": "10 54, 90 52", "dash": "30 54, 76 54", "wave": "6 56, 34 48, 62 58, 94 48"}
DOTS = {
    "point": "48 97, 52 99",
    "comma": "52 92, 54 102, 40 118",
    "colon": "48 40, 50 42 | 48 90, 50 92",
    "middle dot": "48 54, 52 56",
    "quotes": "40 -4, 36 18 | 60 -4, 56 18",
}

KINDS = {"letter": LETTERS, "operator": OPERATORS, "minus": MINUS, "dot": DOTS}


@cache
def shapes(kind: str) -> tuple[Allograph, ...]:
    """Give the shapes of a kind, a key of `KINDS`, prepared once for the life of the process."""
    return tuple(shape(name, text, aspect=ASPECT) for name, text in KINDS[kind].items())
