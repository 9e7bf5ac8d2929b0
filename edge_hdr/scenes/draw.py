"""Draw a scene: numbers written on a page, which lies before a camera."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.scenes.camera import Camera, draw_camera, expose
from edge_hdr.scenes.canvas import Cover, draw_path, extent, lay, project_patch
from edge_hdr.scenes.factors import draw_levels
from edge_hdr.scenes.layout import Placed, Sign, compose, digit_height, place
from edge_hdr.scenes.light import light, reflection, shading
from edge_hdr.scenes.marks import CELL, draw_marks
from edge_hdr.scenes.mnist_hand import SplitHand
from edge_hdr.scenes.patch import Patch
from edge_hdr.scenes.pen import Pen, choose_pen, dry_out
from edge_hdr.scenes.pose import Points, Pose, draw_pose, fit
from edge_hdr.scenes.scene import Box, Clutter, Scene, Written
from edge_hdr.scenes.shapes import shapes
from edge_hdr.scenes.stroke_hand import StrokeHand
from edge_hdr.scenes.surface import choose_surface, paint, print_lines, texture
from edge_hdr.scenes.surroundings import lay_fingers, lay_stains, lay_table

WIDTH_PX, HEIGHT_PX = 640, 480
STROKES_SHARE = 0.4  # of the scenes are written with strokes instead of the given digits
STAGES = ("levels", "text", "hand", "layout", "pose", "surface", "pen", "marks", "light", "camera")


def draw_scene(
    digits: Split,
    *,
    seed: int,
    severity: str = "moderate",
    factors: Mapping[str, float] | None = None,
    width_px: int | None = None,
    height_px: int | None = None,
) -> Scene:
    """Draw one scene.

    Each stage has a random stream of its own, so that a change of one factor leaves everything
    else as it was.

    Args:
        digits: normalized digits that numbers are written with, labels 0 to 9; a part of the
            scenes is written with strokes instead.
        seed: the same seed and arguments give the same bytes.
        severity: a key of `factors.SEVERITIES`, which draws the level of each factor.
        factors: levels in [0, 1] that are set instead of drawn.
        width_px: of the picture; None for 640, or in proportion to the height.
        height_px: of the picture; None for 480, or in proportion to the width.

    Raises:
        UsageError: there is no such severity or factor.
    """
    size = _size(width_px, height_px)
    rngs = _streams(digits, seed)
    levels = draw_levels(severity, factors, rngs["levels"])
    digit_px = digit_height(levels, size, rngs["text"])
    pen = choose_pen(levels, rngs["pen"])
    placed = _write(digits, levels, size, digit_px, pen, rngs)
    pose, placed = _frame(placed, levels, digit_px, size, rngs["pose"])
    return _photograph(_Page(placed, pose, pen, digit_px, size), levels, rngs)


@dataclass(frozen=True)
class _Page:
    """What is written, with what, and how it lies before the camera."""

    placed: list[Placed]
    pose: Pose
    pen: Pen
    digit_px: float
    size: tuple[int, int]

    @cached_property
    def corners(self) -> Points:
        """Give the corners of everything on the page, float64 (N, 4, 2)."""
        return np.array([item.corners() for item in self.placed])

    @cached_property
    def shown(self) -> Points:
        """Give where these corners are in the picture, float64 (N, 4, 2)."""
        return self.pose.project(self.corners.reshape(-1, 2)).reshape(-1, 4, 2)

    @cached_property
    def scale(self) -> float:
        """Give the typical px of the picture to one of the page."""
        before, after = (
            np.linalg.norm(places[:, 3] - places[:, 0], axis=1)
            for places in (self.corners, self.shown)
        )
        return float(np.median(after / before))


def _photograph(
    page: _Page, levels: dict[str, float], rngs: Mapping[str, np.random.Generator]
) -> Scene:
    """Paint a page and take its picture."""
    around, on_paper, holding = rngs["marks"].spawn(3)
    surface = choose_surface(levels, rngs["surface"])
    digit_px = page.digit_px * page.scale
    camera = draw_camera(levels, digit_px, rngs["camera"])
    image = paint(surface, page.size)
    print_lines(
        image,
        page.pose,
        levels,
        height_px=page.digit_px,
        color=page.pen.color,
        rng=rngs["surface"],
    )
    corners = page.corners.reshape(-1, 2)
    table = levels.get("table", 0.0)
    lay_table(image, page.pose, corners, table, page.digit_px, around)
    written, clutter = _lay_writing(image, page, camera)
    keep = [digit.box for digit in written]
    clutter += _lay_marks(image, page, levels, camera, rngs["marks"])
    clutter += lay_stains(image, levels.get("stains", 0.0), digit_px, keep, on_paper)
    clutter += lay_fingers(image, levels.get("fingers", 0.0), keep, holding)
    lit = light(levels, page.size, rngs["light"]) * texture(surface, page.size, rngs["surface"])
    if levels.get("curl"):
        lit *= shading(page.pose, page.size)
    gloss = levels.get("whiteboard")
    glare = reflection(gloss, page.size, rngs["light"]) if gloss else None
    picture = expose(image, lit, camera, rngs["camera"], glare=glare)
    return Scene(picture, tuple(written), tuple(clutter), levels)


def _streams(digits: Split, seed: int) -> dict[str, np.random.Generator]:
    """Give each stage its random numbers.

    They depend on the digits as well: a scene of a test set must not repeat, where it is written
    with strokes, one that was trained on under the same seed.
    """
    mark = zlib.crc32(np.ascontiguousarray(digits.images[:16]).tobytes(), len(digits))
    parts = np.random.SeedSequence([seed, mark]).spawn(len(STAGES))
    return {name: np.random.default_rng(p) for name, p in zip(STAGES, parts, strict=True)}


def _size(width_px: int | None, height_px: int | None) -> tuple[int, int]:
    """Give rows and columns."""
    if width_px is None and height_px is None:
        return HEIGHT_PX, WIDTH_PX
    if width_px is None:
        return int(height_px or 0), round((height_px or 0) * WIDTH_PX / HEIGHT_PX)
    return height_px or round(width_px * HEIGHT_PX / WIDTH_PX), width_px


def _write(
    digits: Split,
    levels: Mapping[str, float],
    size: tuple[int, int],
    digit_px: float,
    pen: Pen,
    rngs: Mapping[str, np.random.Generator],
) -> list[Placed]:
    """Write the text of a scene in one hand and put it on the page."""
    rng = rngs["hand"]
    lines = compose(levels, size, digit_px, rngs["text"])
    width = max(pen.width, 1.1 / digit_px)
    strokes = StrokeHand(height_px=digit_px, width=width, rng=rng)
    hand: StrokeHand | SplitHand = strokes
    if rng.random() >= STROKES_SHARE and len(digits):
        hand = SplitHand(digits, height_px=digit_px, width=width, rng=rng, otherwise=strokes)
    labels = [int(sign.label) for line in lines for sign in line if sign.kind == "digit"]
    inks = iter(hand.write(labels))
    patches = []
    for line in lines:
        row = []
        for sign in line:
            patch = next(inks) if sign.kind == "digit" else _write_sign(sign, strokes, rng)
            factor = float(np.exp(0.05 * rng.standard_normal()))
            factor *= float(np.exp(0.3 * levels.get("uneven", 0.0) * rng.standard_normal()))
            patch = replace(patch, density=patch.density / float(np.clip(factor, 0.5, 2.0)))
            row.append(dry_out(patch, pen, digit_px, rng))
        patches.append(row)
    return place(
        lines,
        patches,
        levels=levels,
        height_px=digit_px,
        line_px=width * digit_px,
        rng=rngs["layout"],
    )


def _write_sign(sign: Sign, hand: StrokeHand, rng: np.random.Generator) -> Patch:
    choice = shapes(sign.kind)
    return hand.write_shape(choice[int(rng.integers(len(choice)))])


def _frame(
    placed: list[Placed],
    levels: Mapping[str, float],
    digit_px: float,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Pose, list[Placed]]:
    """Put the writing's middle at the page's origin and aim the camera at it."""
    margin = 1.5 * CELL * digit_px if levels.get("frames") else 0.0
    corners = np.concatenate([item.corners(margin) for item in placed])
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2.0
    moved = [replace(item, x=item.x - middle[0], y=item.y - middle[1]) for item in placed]
    pose = draw_pose(levels, size[1], rng)
    return fit(pose, corners - middle, size, rng), moved


def _lay_writing(
    image: NDArray[np.uint8], page: _Page, camera: Camera
) -> tuple[list[Written], list[Clutter]]:
    """Lay the ink of everything that is written and find where it shows."""
    written, clutter = [], []
    for item, corners in zip(page.placed, page.shown, strict=True):
        cover = project_patch(item.patch, corners, page.size)
        if cover is None:
            continue
        lay(image, cover, page.pen.color, page.pen.strength)
        box = _seen(cover, camera, page.size)
        if box is None:
            continue
        if item.sign.kind == "digit":
            written.append(Written(item.sign.label, box, item.line))
        else:
            clutter.append(Clutter(item.sign.kind, box))
    return written, clutter


def _lay_marks(
    image: NDArray[np.uint8],
    page: _Page,
    levels: Mapping[str, float],
    camera: Camera,
    rng: np.random.Generator,
) -> list[Clutter]:
    """Lay underlines, boxes and lines through digits, all by the pen that wrote them."""
    clutter = []
    line_px = max(0.6, page.pen.width * page.digit_px * page.scale)
    for mark in draw_marks(levels, page.placed, page.digit_px, rng):
        cover = draw_path(page.pose.project(mark.path), line_px * mark.share, page.size)
        if cover is None:
            continue
        lay(image, cover, page.pen.color, page.pen.strength)
        box = _seen(cover, camera, page.size)
        if box is not None:
            clutter.append(Clutter(mark.kind, box))
    return clutter


def _seen(cover: Cover, camera: Camera, size: tuple[int, ...]) -> Box | None:
    """Give the box of the ink as the camera blurs it, cut off at the picture's edges."""
    reach = camera.reach_px
    if reach:
        padded = np.pad(cover.alpha, reach)
        cover = Cover(camera.blur(padded), cover.x - reach, cover.y - reach)
    box = extent(cover)
    if box is None:
        return None
    left, top = max(box[0], 0), max(box[1], 0)
    right, low = min(box[0] + box[2], size[1]), min(box[1] + box[3], size[0])
    return (left, top, right - left, low - top)
