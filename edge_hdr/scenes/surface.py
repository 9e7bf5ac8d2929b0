"""What is written on: paper plain, squared, ruled or coloured, blackboard, whiteboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.canvas import Color
from edge_hdr.scenes.noise import field
from edge_hdr.scenes.pose import Points, Pose

PRINTS: tuple[Color, ...] = ((205, 150, 110), (150, 150, 150), (190, 170, 90), (130, 120, 190))
DARKEST_PRINT = 0.5  # of the way from paper to ink


@dataclass(frozen=True)
class Surface:
    """What is written on.

    Attributes:
        color: BGR of what lies in full light.
        grain: deviation of its texture, as a share of its brightness.
        smear: deviation of its clouds, as a share of its brightness.
    """

    color: Color
    grain: float
    smear: float


def choose_surface(levels: Mapping[str, float], rng: np.random.Generator) -> Surface:
    """Choose the surface that the factors name; white paper without one."""
    tone, warmth, hue, rough = rng.uniform(0.0, 1.0, 4)
    black, white = levels.get("blackboard", 0.0), levels.get("whiteboard", 0.0)
    if black:
        base = np.array([(52, 50, 48), (62, 78, 48), (40, 38, 38)][int(hue * 3)])
        return Surface(_color(base * (0.8 + 0.5 * tone)), 0.05, 0.04 + 0.16 * black)
    if white:
        return Surface(_color(np.array((244, 242, 240)) - 10 * tone), 0.003, 0.004 + 0.01 * white)
    paper = np.array([236 - 14 * warmth, 240 - 4 * warmth, 240]) - 14 * tone
    tint = levels.get("coloured", 0.0)
    angle = 2 * np.pi * hue + np.array([0.0, 2.1, 4.2])
    paper = paper * (1.0 - tint * (0.25 + 0.3 * np.cos(angle)))
    return Surface(_color(paper), 0.004 + 0.018 * rough**2, 0.008)


def paint(surface: Surface, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Give a picture filled with the surface's colour, uint8 (H, W, 3)."""
    import cv2

    image = np.empty((*size, 3), np.uint8)
    cv2.rectangle(image, (0, 0), (size[1], size[0]), surface.color, cv2.FILLED)
    return image


def texture(
    surface: Surface, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Give the surface's brightness around 1, float32 (H, W): grain and clouds."""
    clouds = field(size, rng, 0.04 * max(size)) * surface.smear
    clouds += field(size, rng, 0.8) * surface.grain
    clouds += 1.0
    return clouds


def print_lines(
    image: NDArray[np.uint8],
    pose: Pose,
    levels: Mapping[str, float],
    *,
    height_px: float,
    color: Color,
    rng: np.random.Generator,
) -> None:
    """Draw the printed lines of squared or ruled paper, in place.

    Args:
        image: uint8 (H, W, 3).
        pose: of the page.
        levels: of the factors.
        height_px: of a digit on the page.
        color: BGR of the pen; the print is never darker than half way to it.
        rng: source of pitch, place and colour.
    """
    import cv2

    pick, pitch, shift_x, shift_y = rng.uniform(0.0, 1.0, 4)
    squared, ruled = levels.get("squared", 0.0), levels.get("ruled", 0.0)
    if not (squared or ruled):
        return
    step = height_px * ((0.5 + 0.9 * pitch) if squared else (1.2 + 1.0 * pitch))
    printed = np.array(PRINTS[int(pick * len(PRINTS))], np.float32)
    strength = 0.12 + 0.88 * max(squared, ruled)
    base = image[0, 0].astype(np.float32)
    reach = DARKEST_PRINT * np.abs(base - np.array(color)).mean()
    towards = printed - base
    towards *= strength * min(1.0, reach / max(1.0, float(np.abs(towards).mean())))
    tone = tuple(int(v) for v in np.clip(base + towards, 0, 255))
    paths = _grid(image.shape[:2], pose, step, (shift_x, shift_y), bool(squared))
    thick = max(1, round(0.035 * step))
    cv2.polylines(image, paths, False, tone, thick, cv2.LINE_AA, 4)


def _grid(
    size: tuple[int, int], pose: Pose, step: float, shift: tuple[float, float], squared: bool
) -> list[NDArray[np.int32]]:
    """Give the lines that show in a picture as paths in sixteenths of a pixel."""
    rows, columns = size
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float64)
    seen = pose.page(corners)
    low, high = seen.min(axis=0) - 0.1 * columns, seen.max(axis=0) + 0.1 * columns
    low, high = np.maximum(low, -4.0 * columns), np.minimum(high, 4.0 * columns)
    along = np.linspace(0.0, 1.0, 13)
    paths = []
    for axis in (0, 1) if squared else (1,):
        first = low[axis] - low[axis] % step + shift[axis] * step
        for place in np.arange(first, high[axis], step)[:400]:
            points = np.empty((len(along), 2))
            points[:, axis] = place
            points[:, 1 - axis] = low[1 - axis] + along * (high[1 - axis] - low[1 - axis])
            paths.append(np.rint(pose.project(points) * 16).astype(np.int32))
    return paths


def _color(values: Points) -> Color:
    blue, green, red = np.clip(np.rint(values), 0, 255).astype(int).tolist()
    return (blue, green, red)
