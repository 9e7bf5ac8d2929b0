"""Rasterize glyphs: pen paths with widths to ink on a field of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edge_hdr.data.strokes import Glyph

SHIFT = 4  # fractional bits of OpenCV's coordinates
TILE_PX = 512  # side of the noise that ink is taken from


@dataclass(frozen=True)
class Ink:
    """How ink lies on paper.

    Attributes:
        bleed: how far edges soften, in parts of the height of a digit, ≥ 0.
        rough: how ragged edges are, 0 for clean, 1 for very.
        grain: how unevenly the line is filled, 0 for solid, 1 for a dry pen.
    """

    bleed: float = 0.0
    rough: float = 0.0
    grain: float = 0.0


PLAIN = Ink()


def draw_ink(rng: np.random.Generator) -> Ink:
    """Draw the ink of one pen at random: mostly clean, at times ragged or dry."""
    bleed, rough, grain = rng.uniform(0.0, 1.0, 3)
    return Ink(bleed=0.012 + 0.02 * bleed, rough=0.8 * rough**2, grain=0.6 * grain**6)


def margin_px(ink: Ink, height_px: int) -> int:
    """Give how many pixels `rasterize` leaves around a glyph's bounds for ink that bleeds."""
    return 2 + round(3 * ink.bleed * height_px)


def rasterize(
    glyph: Glyph,
    *,
    height_px: int,
    oversample: int = 2,
    ink: Ink = PLAIN,
    rng: np.random.Generator | None = None,
) -> NDArray[np.uint8]:
    """Draw a glyph on a field that fits it.

    Args:
        glyph: pen paths in heights of a digit.
        height_px: pixels per height of a digit, ≥ 4; two glyphs of one hand keep their sizes.
        oversample: how many times finer to draw before edges are averaged, ≥ 1; 1 gives hard
            edges, for a later reduction that softens them.
        ink: how the ink lies on the paper.
        rng: source of the ink's texture; without one the texture is always the same.

    Returns:
        uint8 (H, W), ink 255 on background 0, anti-aliased, with `margin_px` of background around.
    """
    import cv2

    scale = height_px * oversample
    margin = oversample * margin_px(ink, height_px)
    low, high = glyph.bounds()
    size = np.ceil((high - low) * height_px - 1e-6).astype(int) * oversample + 2 * margin
    fine = np.zeros((size[1], size[0]), np.uint8)
    for stroke in glyph.strokes:
        _draw_stroke(fine, (stroke.points - low) * scale + margin, stroke.widths * scale)
    if ink != PLAIN:
        fine = _lay_ink(fine, ink, scale, rng or np.random.default_rng(0))
    if oversample == 1:
        return fine
    reduced = (size[0] // oversample, size[1] // oversample)
    return cv2.resize(fine, reduced, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _draw_stroke(
    field: NDArray[np.uint8], points: NDArray[np.float64], widths: NDArray[np.float64]
) -> None:
    """Draw a path of changing width in runs of equal whole widths, with round ends."""
    import cv2

    fixed = np.rint(points * (1 << SHIFT)).astype(np.int32)
    thick = np.maximum(np.rint((widths[:-1] + widths[1:]) / 2.0), 1.0).astype(int)
    starts = [0, *(np.flatnonzero(np.diff(thick)) + 1).tolist(), len(thick)]
    for begin, end in pairwise(starts):
        run = [fixed[begin : end + 1]]
        cv2.polylines(field, run, False, 255, int(thick[begin]), cv2.LINE_8, SHIFT)


def _lay_ink(
    field: NDArray[np.uint8], ink: Ink, scale: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Soften and roughen the edges of solid ink and thin it out where the pen runs dry."""
    import cv2

    sigma = max(ink.bleed * scale, 0.3)
    reach = 2 * int(np.ceil(2 * sigma)) + 1
    soft = cv2.GaussianBlur(field.astype(np.float32), (reach, reach), sigma)
    if ink.rough > 0:
        edge = _noise(soft.shape, rng, 0.03 * scale) * (70.0 * ink.rough)
        steep = (soft + edge - 127.0) * (1.0 + ink.rough) + 127.0
        soft = np.where(soft > 8.0, steep, 0.0)
    if ink.grain > 0:
        dry = np.maximum(_noise(soft.shape, rng, 0.05 * scale) - 0.3, 0.0)
        soft = soft * (1.0 - np.minimum(ink.grain * dry, 0.95))
    return np.clip(soft, 0.0, 255.0).astype(np.uint8)


def _noise(shape: tuple[int, ...], rng: np.random.Generator, sigma: float) -> NDArray[np.float32]:
    """Cut a field (H, W) of smooth noise with mean 0 and deviation 1 from a fixed tile."""
    tile = _tile(max(1, round(sigma)))
    if max(shape) > TILE_PX:
        tile = np.tile(tile, (1 + shape[0] // TILE_PX, 1 + shape[1] // TILE_PX))
    top = int(rng.integers(tile.shape[0] - shape[0] + 1))
    left = int(rng.integers(tile.shape[1] - shape[1] + 1))
    return tile[top : top + shape[0], left : left + shape[1]]


@lru_cache(maxsize=16)
def _tile(sigma: int) -> NDArray[np.float32]:
    """Make the tile of noise with this many pixels of blur, the same in every process."""
    import cv2

    raw = np.random.default_rng(sigma).standard_normal((TILE_PX, TILE_PX)).astype(np.float32)
    smooth = cv2.GaussianBlur(raw, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    tile: NDArray[np.float32] = (smooth / smooth.std()).astype(np.float32)
    return tile
