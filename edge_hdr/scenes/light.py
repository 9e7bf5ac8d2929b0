"""The light on the page: how it falls off, what stands in it, how much there is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.pose import Pose

COARSE = 4  # pixels of the picture to one of the light
DARKEST_CORNER = 0.2
DIMMEST = 0.2
EXPOSED, MOST_GAIN = 0.7, 1.6  # mean of the light that a camera aims at, and its limit
DEEPEST_SHADOW = 0.25


def light(
    levels: Mapping[str, float], size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw the light, float32 (H, W), at most about 1."""
    import cv2

    rows, columns = size
    small = (max(2, -(-rows // COARSE)), max(2, -(-columns // COARSE)))
    coarse = _gradient(levels.get("gradient", 0.0), small, rng)
    coarse *= _shadow(levels.get("shadow", 0.0), small, rng)
    coarse *= np.clip(EXPOSED / float(coarse.mean()), 1.0, MOST_GAIN)
    coarse *= np.float32(DIMMEST ** levels.get("dim", 0.0))
    return cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR).astype(
        np.float32, copy=False
    )


def shading(pose: Pose, size: tuple[int, int]) -> NDArray[np.float32]:
    """Give the light on a curled page, float32 (H, W) around 1: slopes face it or turn away."""
    import cv2

    rows, columns = size
    small = (max(2, rows // 16), max(2, columns // 16))
    y, x = np.meshgrid(*((np.arange(side) + 0.5) * 16 for side in small), indexing="ij")
    along = pose.page(np.column_stack([x.ravel(), y.ravel()])) @ pose.direction
    angle = 2 * np.pi * along / pose.length_px + pose.phase
    steep = 2 * np.pi * pose.height_px / pose.length_px
    slope = (1.0 + 0.9 * steep * np.cos(angle)).reshape(small).astype(np.float32)
    return cv2.resize(slope, (columns, rows)).astype(np.float32, copy=False)


def _places(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give y as (H, 1) and x as (1, W), from −1 to 1."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in size)
    return y[:, None], x[None, :]


def _gradient(level: float, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Give light from a window or a lamp at one side: a slope and a curve, 1 where brightest."""
    angle, curve, off_x, off_y = rng.uniform(0.0, 1.0, 4)
    y, x = _places(size)
    slope = np.cos(2 * np.pi * angle) * x + np.sin(2 * np.pi * angle) * y
    bend = (x - off_x + 0.5) ** 2 + (y - off_y + 0.5) ** 2
    dark = (1.0 - curve) * slope + curve * bend
    dark -= dark.min()
    dark /= max(float(dark.max()), 1e-6)
    fallen: NDArray[np.float32] = np.float32(DARKEST_CORNER**level) ** dark
    return fallen


def _shadow(level: float, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Give the shadow of a wall's edge, of a head and shoulders, or of a phone and an arm."""
    import cv2

    kind, turn, soft = rng.uniform(0.0, 1.0, 3)
    place, reach, lean = rng.uniform(0.2, 0.8, 2), rng.uniform(0.5, 1.0), rng.uniform(-30, 30)
    if level <= 0.0:
        return np.ones(size, np.float32)
    rows, columns = size
    unit = min(rows, columns)
    mask = np.zeros(size, np.float32)
    middle = (round(place[0] * columns), round(place[1] * rows))
    if kind < 0.4:
        y, x = _places(size)
        at = np.cos(2 * np.pi * turn) * x + np.sin(2 * np.pi * turn) * y
        mask[at + 0.02 * np.sin(2.5 * (y - x) + lean) > place[0] - 0.5] = 1.0
    elif kind < 0.7:
        head = round(0.3 * reach * unit)
        cv2.ellipse(mask, middle, (head, round(1.25 * head)), lean / 3, 0, 360, 1.0, cv2.FILLED)
        shoulders = (middle[0] + round(lean / 90 * head), middle[1] + round(2.9 * head))
        cv2.ellipse(
            mask, shoulders, (round(2.4 * head), 2 * head), lean / 3, 0, 360, 1.0, cv2.FILLED
        )
    else:
        phone = cv2.boxPoints((middle, (0.35 * reach * unit, 0.7 * reach * unit), lean + 90 * turn))
        cv2.fillPoly(mask, [np.rint(phone).astype(np.int32)], 1.0)
        elbow = (round(turn * columns), rows + unit // 4)
        cv2.line(mask, middle, elbow, 1.0, max(1, round(0.22 * unit)))
    if place.sum() > 1.0 and kind >= 0.4:
        mask = np.ascontiguousarray(mask[::-1])
    sigma = (0.004 + 0.05 * soft**2) * max(size) + 0.4
    mask = cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32)
    return 1.0 - np.float32(1.0 - DEEPEST_SHADOW**level) * mask


def reflection(
    level: float, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Give the reflection of a lamp on a glossy board, float32 (H, W), as grey levels to add."""
    centre, width = rng.uniform(-0.9, 0.9, 2), rng.uniform(0.1, 0.35, 2)
    y, x = _places(size)
    far = ((x - centre[0]) / width[0]) ** 2 + ((y - centre[1]) / width[1]) ** 2
    added: NDArray[np.float32] = np.float32(150.0 * level) * np.exp(-0.5 * far).astype(np.float32)
    return added
