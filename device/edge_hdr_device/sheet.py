"""Grounds that are written on, told from a table, a cloth or a hand around them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.ink import BACKGROUND_PX, Ink, shrink
from edge_hdr_device.pieces import MIN_HEIGHT_PX, Pieces

GLANCE = 4  # of the paper's smooth level every fourth px is looked at first
REACH_PX = 9  # of these: how far a smoothed step spreads
EVEN_LEVEL = 0.88  # of the highest level in reach: where it is nowhere lower, there is no step
CLOSE_PX = 7  # on the small picture: narrower strokes are no ground
CLOSE_SHARE = 0.35  # of the typical height: strokes are narrower than this too
DARKEST = 12  # darker grounds are alike
STEP = 0.12  # of the level's natural logarithm, within 3 px: where a ground ends
LEAST_GROUND = 0.03  # of the picture: a smaller part is a thick stroke or a gap, and no ground
SOLID_FILL, SOLID_ASPECT = 0.65, 0.5  # what fills more of its box, and is no bar, is a blot
WEAK = 0.4  # of the largest distinctness: a table's is less
WEAK_BOTH = 0.2  # of that times the share of the deepest ink: a shadow leaves the depth as it is
CERTAIN = 20.0  # what is so distinct from its ground's texture is ink


def on_paper(small: NDArray[np.uint8], ink: Ink, pieces: Pieces) -> NDArray[np.bool_]:
    """Tell which pieces lie on a ground that is written on.

    Steps of the level part a picture into grounds. Ink is distinct from the texture of the ground
    that it lies on; the grain of a table is that texture. A ground is left out where the most
    distinct piece is far less so than on another ground, and not as deep. Sheets may be several,
    and a shadow's inside is one of them. Where it is not clear, all stays.

    Args:
        small: uint8 (H, W), the picture.
        ink: the picture's.
        pieces: that ink's.

    Returns:
        bool (N,).
    """
    stay = np.ones(len(pieces), bool)
    like = (pieces.height >= MIN_HEIGHT_PX) & (pieces.touch == 0)
    if np.count_nonzero(like) < 2 or not _may_step(ink.paper):
        return stay
    typical = float(np.median(pieces.height[like]))
    solid = pieces.area > SOLID_FILL * pieces.width * pieces.height
    like &= ~(solid & (pieces.width > SOLID_ASPECT * pieces.height))
    scale = ink.paper.shape[1] / small.shape[1]
    calm, ground = _ground(small, ink, scale * typical)
    labels = _parts(ground)
    middle = ((pieces.boxes[:, :2] + pieces.boxes[:, 2:]) * (scale / 2)).astype(np.intp)
    x, y = np.minimum(middle, (labels.shape[1] - 1, labels.shape[0] - 1)).T
    own, level = labels[y, x], np.maximum(ground[y, x], np.uint8(1))
    contrast = level - ink.paper[y, x] * (1 - pieces.level / 255)
    present = np.unique(own[like & (own > 0)])
    if len(present) < 2:
        return stay
    best = np.zeros((len(present), 2))
    for row, label in enumerate(present):
        members = like & (own == label)
        best[row, 0] = contrast[members].max() / _texture(ground, calm, labels == label)
        best[row, 1] = (contrast[members] / level[members]).max()
    share = best / np.maximum(best.max(axis=0), 1e-6)
    weak = (best[:, 0] < CERTAIN) & (share[:, 0] < WEAK) & (share.prod(axis=1) < WEAK_BOTH)
    return np.asarray(~np.isin(own, present[weak]), bool)


def _may_step(paper: NDArray[np.uint8]) -> bool:
    """Tell at a glance whether a paper's smooth level changes faster than by a lamp's light."""
    import cv2

    glance = np.ascontiguousarray(paper[::GLANCE, ::GLANCE])
    square = np.ones((REACH_PX, REACH_PX), np.uint8)
    return bool((cv2.erode(glance, square) < EVEN_LEVEL * cv2.dilate(glance, square)).any())


def _ground(
    small: NDArray[np.uint8], ink: Ink, height_px: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give a small picture, its ink dark, and the same with its strokes closed: uint8 (h, w) each.

    Args:
        small: uint8 (H, W).
        ink: its ink.
        height_px: of a typical piece, on the small picture.
    """
    import cv2

    coarse = shrink(small, BACKGROUND_PX)
    calm = cv2.medianBlur(cv2.bitwise_not(coarse) if ink.light else coarse, 3)
    side = max(CLOSE_PX, round(CLOSE_SHARE * height_px) | 1)
    closed = cv2.morphologyEx(calm, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(calm, np.uint8), np.asarray(cv2.medianBlur(closed, 5), np.uint8)


def _parts(ground: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Number the parts of a picture in which the level nowhere steps: int32 (h, w), 0 for none."""
    import cv2

    full, table = _logarithms()
    logarithm = cv2.LUT(ground, table)
    steps = cv2.morphologyEx(logarithm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    even = np.asarray(steps <= round(STEP * full)).view(np.uint8)
    labels = cv2.connectedComponents(even, connectivity=4, ltype=cv2.CV_32S)[1]
    small = np.bincount(labels.ravel()) < LEAST_GROUND * labels.size
    small[0] = True
    return np.asarray(np.where(small[labels], 0, labels), np.int32)


@lru_cache(maxsize=1)
def _logarithms() -> tuple[float, NDArray[np.uint8]]:
    """Tabulate the natural logarithm of each level, in so many steps to 1: uint8 (256,)."""
    levels = np.log(np.maximum(np.arange(256), DARKEST) / DARKEST)
    full = float(255 / levels[-1])
    return full, np.rint(full * levels).astype(np.uint8)


def _texture(ground: NDArray[np.uint8], calm: NDArray[np.uint8], part: NDArray[np.bool_]) -> float:
    """Give how far below its ground a part of the picture typically is, in grey levels, ≥ 1."""
    away = ground[part].astype(np.int16) - calm[part]
    middle = float(np.median(away))
    # Whole levels are coarse: what lies above the median tells where between two it is.
    return max(1.0, middle + float(np.mean(away > middle)))
