"""A crop under every position of a square patch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.normalize import INK_LEVEL, SIDE_PX

Fill = Literal["erased", "inked"]
# Two fills in place of one grey: grey is neither paper nor ink, so it would mix both questions.
LEVELS: dict[Fill, int] = {"erased": 0, "inked": 255}
REACH_PX = 3  # as far from the glyph's box as a stroke is wide


@dataclass(frozen=True)
class Patches:
    """A crop under every position of a square patch that changes it.

    Attributes:
        size_px: side of the patch.
        fill: what it puts there.
        corners: int64 (P, 2), top and left of each in px of the crop.
        images: uint8 (P, 28, 28), ink 255 on background 0.
    """

    size_px: int
    fill: Fill
    corners: NDArray[np.int64]
    images: NDArray[np.uint8]


def patches(crop: NDArray[np.uint8], size_px: int, fill: Fill) -> Patches:
    """Slide a patch over a crop, pixel by pixel; positions that change nothing are left out.

    Ink is tried within `REACH_PX` of the glyph's box only: normalizing would have scaled a glyph
    with ink farther off.

    Args:
        crop: uint8 (28, 28), ink 255 on background 0.
        size_px: side of the patch, 1 to 28.
        fill: "erased" paints background, "inked" full ink.
    """
    steps = np.arange(SIDE_PX - size_px + 1)
    corners = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    images = np.where(_masks(corners, size_px), np.uint8(LEVELS[fill]), crop)
    tried = (images != crop).any(axis=(1, 2))
    if fill == "inked":
        low, high = _reach(crop)
        tried &= ((corners >= low) & (corners + size_px <= high)).all(axis=1)
    return Patches(size_px, fill, corners[tried], images[tried])


def _reach(crop: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the glyph's box grown by `REACH_PX`: first and last row and column, exclusive."""
    ink = np.argwhere(crop >= INK_LEVEL)
    if not len(ink):
        return np.zeros(2, np.int64), np.full(2, SIDE_PX)
    return ink.min(axis=0) - REACH_PX, ink.max(axis=0) + 1 + REACH_PX


def _masks(corners: NDArray[np.int64], size_px: int) -> NDArray[np.bool_]:
    from_corner = np.arange(SIDE_PX) - corners[..., None]  # (P, 2, 28)
    inside = (from_corner >= 0) & (from_corner < size_px)
    return np.asarray(inside[:, 0, :, None] & inside[:, 1, None, :])
