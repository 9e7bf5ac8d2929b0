"""A sheet of all damages and non-digits, for people to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.robustness import corruptions, non_digits

Grey = NDArray[np.uint8]

PAPER, INK = 250, 32  # grey levels of the sheet and its words
GAP_PX = 6
WORD_PX = 9  # of width for a letter
WORD_SCALE = 0.48


def gallery(
    images: NDArray[np.uint8], *, examples: int = 4, columns: int = 2, scale: int = 2, seed: int = 0
) -> Grey:
    """Draw every kind of damage at its three severities, then every kind of non-digit.

    Args:
        images: uint8 (N, 28, 28), ink 255, N ≥ `examples`; the first ones are damaged.
        examples: digits a severity, ≥ 1.
        columns: of the sheet, ≥ 1.
        scale: enlargement, ≥ 1.
        seed: of the damage.

    Returns:
        uint8 (H, W), dark ink on light paper.
    """
    few, severities = images[:examples], corruptions.SEVERITIES
    rows = {
        kind: [corruptions.corrupt(few, kind, severity, seed) for severity in severities]
        for kind in corruptions.KINDS
    }
    for kind in non_digits.KINDS:
        drawn = non_digits.draw(kind, examples * len(severities), seed)
        rows[kind] = list(drawn.reshape(len(severities), examples, 28, 28))
    width = WORD_PX * max(map(len, rows)) + GAP_PX
    bands = [_band(kind.replace("_", " "), row, width, scale) for kind, row in rows.items()]
    bands += [np.full_like(bands[0], PAPER)] * (-len(bands) % columns)
    height = len(bands) // columns
    sheets = [np.concatenate(bands[at * height : (at + 1) * height]) for at in range(columns)]
    return np.pad(np.hstack(sheets), GAP_PX, constant_values=PAPER)


def png(sheet: Grey) -> bytes:
    """Encode a sheet uint8 (H, W) as PNG."""
    import cv2

    return bytes(cv2.imencode(".png", sheet)[1])


def _band(word: str, groups: list[NDArray[np.uint8]], width: int, scale: int) -> Grey:
    """Draw one kind: its name, then a strip for each severity."""
    import cv2

    strips = [255 - np.hstack(list(group)) for group in groups]
    large = [strip.repeat(scale, axis=0).repeat(scale, axis=1) for strip in strips]
    spaced = [np.pad(strip, ((GAP_PX, 0), (0, GAP_PX)), constant_values=PAPER) for strip in large]
    name = np.full((len(spaced[0]), width), PAPER, np.uint8)
    middle = (len(name) + GAP_PX) // 2 + 5
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(name, word, (GAP_PX, middle), font, WORD_SCALE, INK, 1, cv2.LINE_AA)
    return np.asarray(np.hstack([name, *spaced]), np.uint8)
