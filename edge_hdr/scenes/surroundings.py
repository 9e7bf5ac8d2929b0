"""What else is in the picture: the table around the page, stains on it, fingers that hold it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.canvas import Color, Cover, lay
from edge_hdr.scenes.noise import field
from edge_hdr.scenes.pose import Points, Pose
from edge_hdr.scenes.scene import Box, Clutter

TABLES: tuple[Color, ...] = (
    (60, 95, 140), (35, 55, 85), (110, 150, 185), (70, 70, 72), (205, 208, 210), (35, 32, 30),
    (120, 90, 60),
)  # fmt: skip
SKINS: tuple[Color, ...] = ((150, 175, 225), (120, 150, 205), (80, 110, 165), (50, 70, 110))
COFFEE: Color = (90, 130, 165)
MOST_STAINS = 9
SIDE_POINTS = 9


def lay_table(
    image: NDArray[np.uint8],
    pose: Pose,
    corners: Points,
    level: float,
    height_px: float,
    rng: np.random.Generator,
) -> None:
    """Show the table beyond the page's edges, in place.

    Args:
        image: uint8 (H, W, 3).
        pose: of the page.
        corners: float64 (N, 2) on the page, of all that is written.
        level: of the factor; the share of the page's sides that can be seen.
        height_px: of a digit on the page.
        rng: source of the edges, the table's colour and its grain.
    """
    import cv2

    shown, margins = rng.random(4) < level, rng.uniform(0.4, 2.5, 4) * (1.3 - level) * height_px
    pick, turned, grain = rng.random(3)
    if level <= 0.0 or not shown.any():
        return
    rows, columns = image.shape[:2]
    low, high = _page(image.shape[:2], pose, corners, np.where(shown, margins, np.inf))
    ring = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    along = np.linspace(0.0, 1.0, SIDE_POINTS, endpoint=False)[:, None]
    sides = [ring[i] + along * (ring[(i + 1) % 4] - ring[i]) for i in range(4)]
    edge = np.clip(pose.project(np.concatenate(sides)), -2000, 4000 + max(rows, columns))
    mask = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(mask, [np.rint(edge * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    color = TABLES[int(pick * len(TABLES))]
    wood = _wood((rows, columns), turned < 0.5, rng) * np.float32(0.02 + 0.1 * grain)
    small = cv2.resize(mask, (columns // 8, rows // 8), interpolation=cv2.INTER_AREA)
    near = cv2.GaussianBlur(small, (0, 0), 0.00125 * columns + 0.3).astype(np.float32)
    shade = (1.0 + wood) * (1.0 - cv2.resize(near, (columns, rows)) * np.float32(0.55 / 255.0))
    table = cv2.convertScaleAbs(cv2.merge([shade * tone for tone in color]))
    page = mask.astype(np.float32)
    image[:] = cv2.blendLinear(image, table, page, 255.0 - page)


def _page(
    size: tuple[int, int], pose: Pose, corners: Points, margins: NDArray[np.float64]
) -> tuple[Points, Points]:
    """Give the page's ends, (left, top) and (right, bottom), in px of the page.

    A side that is not shown lies just beyond the picture; much farther out it could lie behind the
    camera, and would be projected to the wrong side.

    Args:
        size: rows and columns of the picture.
        pose: of the page.
        corners: float64 (N, 2) on the page, of all that is written.
        margins: float64 (4,), left, top, right, bottom, from the writing on; infinite: not shown.
    """
    rows, columns = size
    beyond = 0.1 * columns
    seen = pose.page(np.array([[0.0, 0.0], [columns, 0.0], [0.0, rows], [columns, rows]]))
    low = np.maximum(corners.min(axis=0) - margins[:2], seen.min(axis=0) - beyond)
    high = np.minimum(corners.max(axis=0) + margins[2:], seen.max(axis=0) + beyond)
    return low, high


def _wood(size: tuple[int, int], across: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give long streaks, float32 (H, W), mean 0 and deviation about 1."""
    import cv2

    rows, columns = size
    short = (rows, max(1, columns // 24)) if across else (max(1, rows // 24), columns)
    streaks = cv2.resize(field(short, rng, 1.0).copy(), (columns, rows))
    return streaks.astype(np.float32, copy=False)


def lay_stains(
    image: NDArray[np.uint8],
    level: float,
    height_px: float,
    keep: Sequence[Box],
    rng: np.random.Generator,
) -> list[Clutter]:
    """Put stains, blots and specks on the page, in place.

    Args:
        image: uint8 (H, W, 3).
        level: of the factor; 1 for `MOST_STAINS`.
        height_px: of a digit in the picture.
        keep: boxes of digits, which blots leave free; rings and specks are anywhere.
        rng: source of it all.

    Returns:
        What was put there.
    """
    if level <= 0.0:
        return []
    rows, columns = image.shape[:2]
    found = []
    for _ in range(max(1, round(level * MOST_STAINS))):
        kind, size, at = rng.random(), rng.lognormal(0.0, 0.4), rng.random(2) * (columns, rows)
        if kind < 0.2:
            name, cover = "ring", _ring(1.6 * size * height_px, at, image.shape[:2], rng)
            color, strength = COFFEE, rng.uniform(0.3, 0.6)
        elif kind < 0.5:
            name, cover = "blot", _blot(0.35 * size * height_px, at, image.shape[:2], rng)
            color, strength = ((40, 35, 35), COFFEE)[int(rng.random() * 2)], rng.uniform(0.4, 0.95)
        else:
            name = "speck"
            cover = _blot(0.04 * size * height_px + 0.7, at, image.shape[:2], rng)
            color, strength = (40, 40, 45), rng.uniform(0.4, 1.0)
        if cover is None or (name == "blot" and _overlaps(_box(cover), keep)):
            continue
        lay(image, cover, color, strength)
        found.append(Clutter(name, _box(cover)))
    return found


def _ring(
    radius: float, at: Points, size: tuple[int, ...], rng: np.random.Generator
) -> Cover | None:
    """Give the ring that a cup leaves: a dark rim, paler inside, uneven."""
    cover, far = _disc(radius, at, size, rng, rough=0.02)
    if cover is None or far is None:
        return None
    rim = np.exp(-0.5 * ((far - 0.93) / 0.045) ** 2) + 0.12 * (far < 0.93)
    patchy = np.clip(0.7 + 0.35 * field(far.shape, rng, 0.15 * radius), 0.0, 1.0)
    return Cover((255 * np.clip(rim * patchy, 0, 1)).astype(np.uint8), cover.x, cover.y)


def _blot(
    radius: float, at: Points, size: tuple[int, ...], rng: np.random.Generator
) -> Cover | None:
    """Give a blot with a ragged outline."""
    cover, far = _disc(radius, at, size, rng, rough=0.25)
    if cover is None or far is None:
        return None
    soft = np.clip((1.0 - far) * max(1.0, 0.7 * radius) + 0.5, 0.0, 1.0)
    return Cover((255 * soft).astype(np.uint8), cover.x, cover.y)


def _disc(
    radius: float, at: Points, size: tuple[int, ...], rng: np.random.Generator, *, rough: float
) -> tuple[Cover | None, NDArray[np.float32] | None]:
    """Give a window around a place and how far each pixel is from it, in rough radii."""
    rows, columns = size
    reach = 1.6 * radius + 2
    left, top = max(0, int(at[0] - reach)), max(0, int(at[1] - reach))
    right, low = min(columns, int(at[0] + reach) + 1), min(rows, int(at[1] + reach) + 1)
    if right <= left or low <= top:
        return None, None
    y = np.arange(top, low, dtype=np.float32)[:, None] - at[1]
    x = np.arange(left, right, dtype=np.float32)[None, :] - at[0]
    angle, phases = np.arctan2(y, x), rng.uniform(0, 2 * np.pi, 3)
    waves = sum(np.cos((n + 2) * angle + phase) / (n + 2) for n, phase in enumerate(phases))
    far = np.hypot(x, y) / radius * (1.0 + rough * waves)
    return Cover(np.zeros(far.shape, np.uint8), left, top), far.astype(np.float32)


def lay_fingers(
    image: NDArray[np.uint8],
    level: float,
    keep: Sequence[Box],
    rng: np.random.Generator,
) -> list[Clutter]:
    """Let fingers reach in from the edges as far as they cover no digit, in place.

    Args:
        image: uint8 (H, W, 3).
        level: of the factor; 1 for six fingers that reach far.
        keep: boxes that stay free.
        rng: source of place, skin and length.
    """
    if level <= 0.0:
        return []
    skin = SKINS[int(rng.integers(len(SKINS)))]
    found = []
    side, start = int(rng.integers(4)), rng.uniform(0.1, 0.7)
    for number in range(max(1, round(6 * level))):
        if number in (1, 4):
            side, start = int(rng.integers(4)), rng.uniform(0.1, 0.7)
        start += 0.11
        length, width = rng.uniform(0.12, 0.2 + 0.25 * level), rng.uniform(0.07, 0.1)
        lean = 0.25 * rng.standard_normal()
        for shorter in (1.0, 0.6, 0.3):
            cover = _finger(image.shape[:2], side, start, length * shorter, width, lean)
            if cover is not None and not _overlaps(_box(cover), keep):
                _shade_finger(image, cover, skin)
                found.append(Clutter("finger", _box(cover)))
                break
    return found


def _finger(
    size: tuple[int, ...], side: int, start: float, length: float, width: float, lean: float
) -> Cover | None:
    """Give the coverage of a finger that comes in from a side (0 left, 1 top, 2 right, 3 foot)."""
    import cv2

    rows, columns = size
    unit = min(rows, columns)
    along = np.array([(1, lean), (lean, 1), (-1, lean), (lean, -1)][side])
    edge = np.array(
        [(0, start * rows), (start * columns, 0), (columns, start * rows), (start * columns, rows)][
            side
        ]
    )
    tip = edge + along * length * unit
    root = edge - along * width * unit
    mask = np.zeros((rows, columns), np.uint8)
    ends = [tuple(np.rint(point * 16).astype(int).tolist()) for point in (root, tip)]
    cv2.line(mask, ends[0], ends[1], 255, max(1, round(width * unit)), cv2.LINE_AA, 4)
    x, y, wide, high = cv2.boundingRect(mask)
    if wide == 0:
        return None
    return Cover(mask[y : y + high, x : x + wide].copy(), int(x), int(y))


def _shade_finger(image: NDArray[np.uint8], cover: Cover, skin: Color) -> None:
    """Lay a finger's skin, darker towards its sides, and the dark line that it throws."""
    import cv2

    inner = cv2.distanceTransform((cover.alpha > 127).astype(np.uint8), cv2.DIST_L2, 3)
    depth = inner / max(float(inner.max()), 1.0)
    lay(image, cover, skin)
    rim = (cover.alpha * np.clip(0.75 - 1.2 * depth, 0.0, 1.0)).astype(np.uint8)
    lay(image, Cover(rim, cover.x, cover.y), (30, 35, 60), 0.8)


def _box(cover: Cover) -> Box:
    return (cover.x, cover.y, cover.alpha.shape[1], cover.alpha.shape[0])


def _overlaps(box: Box, others: Sequence[Box], margin: int = 3) -> bool:
    x, y, width, height = box
    return any(
        x < left + wide + margin
        and left < x + width + margin
        and y < top + high + margin
        and top < y + height + margin
        for left, top, wide, high in others
    )
