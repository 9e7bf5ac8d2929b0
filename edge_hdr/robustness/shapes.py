"""Corruptions of the shape: shear, rotation, size, place, width of the strokes.

The form of the functions is that of `edge_hdr.robustness.pixels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.robustness.pixels import Floats, Random, each

CENTRE = 13.5  # of the pixels 0 to 27
FINE = 4  # how many times larger the strokes are drawn before their edges move


def shear(images: Floats, angle_rad: float, rng: Random) -> Floats:
    """Slant by this angle to the left or to the right; the strokes keep their length."""
    signs = _signs(len(images), rng)
    return _warp(
        images, [np.array([[1, np.sin(s * angle_rad)], [0, np.cos(angle_rad)]]) for s in signs]
    )


def rotate(images: Floats, angle_rad: float, rng: Random) -> Floats:
    """Turn by this angle to the left or to the right."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    signs = _signs(len(images), rng)
    return _warp(images, [np.array([[cos, s * sin], [-s * sin, cos]]) for s in signs])


def scale(images: Floats, factor: float, rng: Random) -> Floats:
    """Reduce to this share of the size."""
    return _warp(images, [np.eye(2) / factor] * len(images))


def translate(images: Floats, shift_px: int, rng: Random) -> Floats:
    """Move by so many pixels along both axes, each in a direction of its own."""
    shifts = shift_px * rng.choice([-1, 1], (len(images), 2))
    moved = np.zeros_like(images)
    for index, (down, right) in enumerate(shifts.tolist()):
        into, out = _overlap(down), _overlap(right)
        moved[index, into[0], out[0]] = images[index, into[1], out[1]]
    return moved


def thin(images: Floats, depth_px: float, rng: Random) -> Floats:
    """Take this width off both sides of every stroke."""
    return _edges(images, depth_px, thicker=False)


def thick(images: Floats, depth_px: float, rng: Random) -> Floats:
    """Add this width to both sides of every stroke."""
    return _edges(images, depth_px, thicker=True)


def _signs(count: int, rng: Random) -> list[int]:
    signs: list[int] = rng.choice([-1, 1], count).tolist()
    return signs


def _overlap(shift: int) -> tuple[slice, slice]:
    """Give where pixels go and where they come from along one axis."""
    if shift >= 0:
        return slice(shift, None), slice(None, 28 - shift)
    return slice(None, shift), slice(-shift, None)


def _warp(images: Floats, inverses: list[NDArray[np.float64]]) -> Floats:
    """Resample, each by its matrix (2, 2) from places in the result to places in the source."""
    import cv2

    centre = np.array([CENTRE, CENTRE])
    warped = np.empty_like(images)
    for index, inverse in enumerate(inverses):
        place = np.column_stack([inverse, centre - inverse @ centre])
        warped[index] = cv2.warpAffine(
            images[index], place, (28, 28), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
    return warped


def _edges(images: Floats, depth_px: float, *, thicker: bool) -> Floats:
    """Move all edges of the ink by a part of a pixel, on an enlarged picture."""
    import cv2

    across = 2 * round(FINE * depth_px) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
    change = cv2.MORPH_DILATE if thicker else cv2.MORPH_ERODE
    side = 28 * FINE

    def moved(image: Floats) -> Floats:
        large = cv2.resize(
            (255 * image).astype(np.uint8), (side, side), interpolation=cv2.INTER_LINEAR
        )
        small = cv2.resize(
            cv2.morphologyEx(large, change, kernel), (28, 28), interpolation=cv2.INTER_AREA
        )
        return np.asarray(small / np.float32(255), np.float32)

    return each(images, moved)
