"""What lies beneath the ink: the paper's level and noise, and how strong noise is calmed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.grain import local_offset_and_noise
from edge_hdr_device.paper import DARKEST_PAPER, offset_and_noise, spread

SMOOTH_PX = 100  # a picture of this size or smaller is not smoothed: its strokes are thin
FLOOR = 14  # of 255: fainter than this is no ink even on noiseless paper
NOISE_FACTOR = 4.2  # ink is at least so many standard deviations of the paper's noise deep
MUCH = 5.0  # of 255: a deviation of the paper that may be uneven light instead
BLURS = ((12.0, 7), (5.0, 5))  # deviation of the paper, of 255, and the filter's side, in px
CALM_PX = 7  # a noise that calls for a filter this wide is taken out by non-local means
CALM = 1.8  # of the noise's deviation: strength of that
RESIDUE = 0.4  # of the noise: what of it counts after that, in spots far apart
TAIL = 1.3  # times the noise that is left: it is no longer normal
TEXTURE = 0.6  # of the noise: what of it may look like ink after that, if it is a texture


@dataclass(frozen=True)
class Ground:
    """What lies beneath the ink.

    Attributes:
        paper: uint8 (h, w), its level on a small picture.
        level: uint8 (H, W), the same enlarged.
        noise: its standard deviation, as a share of the level.
        texture: as much as `noise`, or more where a filter may have made shapes of it.
        limits: uint8 (h, w), the least depth of ink in each place; None where it is `FLOOR` or the
            noise's all over.
    """

    paper: NDArray[np.uint8]
    level: NDArray[np.uint8]
    noise: float
    texture: float
    limits: NDArray[np.uint8] | None = None


def calm_ground(
    dark: NDArray[np.uint8], paper: NDArray[np.uint8], *, tight: bool
) -> tuple[NDArray[np.uint8], Ground, int]:
    """Take noise out of a picture as far as it calls for that, and measure what is beneath the ink.

    Args:
        dark: uint8 (H, W), dark ink.
        paper: uint8 (h, w), a first estimate of the paper's level.
        tight: one digit may fill the picture.

    Returns:
        The picture; its ground; the side of the filter against noise, in px, or 0.
    """
    import cv2

    large = max(dark.shape) > SMOOTH_PX
    if large:
        dark = np.asarray(cv2.GaussianBlur(dark, (3, 3), 0), np.uint8)
    ground = _ground(dark, paper, tight=tight)
    blur_px = _blur_against(ground.noise) if large else 0
    if not blur_px:
        return dark, ground, 0
    before = ground.noise if blur_px >= CALM_PX else 0.0
    dark = _calmed(dark, blur_px, ground.noise * float(np.median(ground.level)))
    ground = _ground(dark, paper, tight=tight, least=RESIDUE * before)
    if before:
        texture = max(TAIL * ground.noise, TEXTURE * before)
        ground = replace(ground, texture=texture)
    return dark, ground, blur_px


def _ground(
    dark: NDArray[np.uint8], paper: NDArray[np.uint8], *, tight: bool, least: float = 0.0
) -> Ground:
    """Measure how noisy the paper is and bring its level to the most frequent pixels.

    Where that seems much, it is looked at place by place: it may be uneven light instead.

    Args:
        dark: uint8 (H, W), dark ink.
        paper: uint8 (h, w), a first estimate of the paper's level.
        tight: one digit may fill the picture.
        least: the noise is at least that, as a share of the level.
    """
    import cv2

    level = spread(paper, dark.shape)
    offset, noise = offset_and_noise(dark, level)
    if 255 * noise > MUCH and not tight:
        offsets, noises = local_offset_and_noise(dark, level, noise)
        noises = np.maximum(noises, least)
        paper = _corrected(paper, np.asarray(cv2.resize(offsets, paper.shape[::-1]), np.float32))
        limits = np.clip(255 * NOISE_FACTOR * noises, FLOOR, 254).astype(np.uint8)
        typical = float(np.median(noises))
        return Ground(paper, spread(paper, dark.shape), typical, typical, limits)
    if abs(offset) > 1 / 64:
        paper = _corrected(paper, offset)
        level = spread(paper, dark.shape)
    noise = max(noise, least)
    return Ground(paper, level, noise, noise)


def _corrected(paper: NDArray[np.uint8], offset: NDArray[np.float32] | float) -> NDArray[np.uint8]:
    return np.asarray(np.clip(paper * (1 - offset), DARKEST_PAPER, 255), np.uint8)


def _blur_against(noise: float) -> int:
    """Choose the side of the filter that a paper's noise calls for; 0 on a calm one."""
    return next((side for limit, side in BLURS if 255 * noise > limit), 0)


def _calmed(dark: NDArray[np.uint8], blur_px: int, noise: float) -> NDArray[np.uint8]:
    """Take noise out of a picture; strokes keep their contrast better than by a filter alone.

    Args:
        dark: uint8 (H, W).
        blur_px: side of the filter that fits the noise.
        noise: standard deviation of the paper, in grey levels.
    """
    import cv2

    if blur_px < CALM_PX or min(dark.shape) < 2 * CALM_PX:
        return np.asarray(cv2.GaussianBlur(dark, (blur_px, blur_px), 0), np.uint8)
    half = cv2.resize(dark, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    calm = cv2.fastNlMeansDenoising(half, None, CALM * noise, 3, 11)
    whole = cv2.resize(calm, dark.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(whole, (3, 3), 0), np.uint8)
