"""Crop to 28×28: the one normalization that training, evaluation and devices share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 28
GLYPH_PX = 20
INK_LEVEL = 32  # below an eighth of full ink a pixel is an edge's tail, not the glyph


def normalize(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring one glyph into the form of MNIST.

    The glyph's longer side becomes 20 px with its aspect kept (area resampling, so edges stay
    soft), full ink becomes 255, and the centre of mass goes to the centre of the field.

    Args:
        ink: uint8 (H, W), ink bright on background 0, any size, one glyph.

    Returns:
        uint8 (28, 28), ink 255 on background 0; all zero when there is no ink.

    Source: the size and centring of Y. LeCun's description of MNIST.
    """
    import cv2

    x, y, width, height = cv2.boundingRect((ink >= INK_LEVEL).view(np.uint8))
    field = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    if width == 0 or height == 0:
        return field
    scale = GLYPH_PX / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    crop = ink[y : y + height, x : x + width]
    glyph = np.asarray(cv2.resize(crop, size, interpolation=interpolation), np.uint8)
    peak = int(glyph.max())
    if 0 < peak < 255:
        glyph = np.asarray(cv2.convertScaleAbs(glyph, alpha=255.0 / peak), np.uint8)
    left, top = _offset(glyph)
    field[top : top + size[1], left : left + size[0]] = glyph
    return field


def _offset(glyph: NDArray[np.uint8]) -> tuple[int, int]:
    """Find where a glyph's corner goes so that its centre of mass is the field's centre."""
    import cv2

    moments = cv2.moments(glyph)
    mass = moments["m00"] or 1.0
    height, width = glyph.shape
    left = round(SIDE_PX / 2 - moments["m10"] / mass)
    top = round(SIDE_PX / 2 - moments["m01"] / mass)
    return min(max(left, 0), SIDE_PX - width), min(max(top, 0), SIDE_PX - height)
