"""Maps of evidence as colours on a digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOR = np.array([255, 158, 64], np.float64)  # BGR, blue: argues for
AGAINST = np.array([40, 128, 255], np.float64)  # BGR, orange: argues against
GREY = 0.62  # of full ink, so that a colour on it is seen
FAINTEST = 1e-3  # nats: a map that stays below is a map of nothing


def limit_of(values: NDArray[np.float64]) -> float:
    """Give the strongest value of a map, never 0."""
    return max(float(np.abs(values).max(initial=0.0)), FAINTEST)


def paint(crop: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Lay a map over a digit: blue argues for, orange against, as strong as its share of the most.

    Args:
        crop: uint8 (28, 28), ink 255 on background 0.
        values: float64 (28, 28), of either sign.

    Returns:
        uint8 (28, 28, 3), BGR.
    """
    ink = crop[..., None] / 255
    strength = np.abs(values[..., None]) / limit_of(values)
    hue = np.where(values[..., None] > 0, FOR, AGAINST)
    base = 255 * GREY * ink
    lit = hue * (0.55 + 0.45 * ink)
    return np.asarray(np.rint(base + (lit - base) * strength**0.7), np.uint8)


def outline(
    image: NDArray[np.uint8], *, top: int, left: int, size_px: int, scale: int
) -> NDArray[np.uint8]:
    """Enlarge a digit and draw a frame around a patch of it.

    Args:
        image: uint8 (28, 28), ink 255 on background 0.
        top: of the patch, in px of the digit.
        left: of the patch, in px of the digit.
        size_px: its side.
        scale: how many times as large the result is.

    Returns:
        uint8 (28 · scale, 28 · scale, 3), BGR.
    """
    import cv2

    large = np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)
    canvas = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
    line = max(1, scale // 4)
    corner = (scale * left - line, scale * top - line)
    opposite = (scale * (left + size_px) + line - 1, scale * (top + size_px) + line - 1)
    cv2.rectangle(canvas, corner, opposite, AGAINST.tolist(), line)
    return np.asarray(canvas, np.uint8)
