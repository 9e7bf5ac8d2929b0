"""Pages of a sheet, written on by strokes and photographed by the camera of `edge_hdr.scenes`."""

from __future__ import annotations

import io
from functools import cache

import cv2
import numpy as np

from edge_hdr.data.hand import draw_hands
from edge_hdr.data.render import draw_ink, rasterize
from edge_hdr.data.strokes import pick_allographs, write_glyphs
from edge_hdr.form.draw import page_figure
from edge_hdr.form.layout import Layout
from edge_hdr.form.marks import PageCode
from edge_hdr.scenes.camera import draw_camera, expose
from edge_hdr.scenes.light import light
from edge_hdr.scenes.pose import draw_pose, fit

PX_PER_MM = 6
PEN = 50  # grey level
TABLE = 80


def printed(code: PageCode, px_per_mm: float = PX_PER_MM):
    """Draw a page as a printer would, uint8 (H, W)."""
    return _printed(code, px_per_mm).copy()


@cache
def _printed(code: PageCode, px_per_mm: float):
    content = io.BytesIO()
    page_figure(Layout(code)).savefig(content, format="png", dpi=25.4 * px_per_mm)
    return cv2.imdecode(np.frombuffer(content.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)


def filled(code: PageCode, *, empty=(), black=(), seed: int = 0):
    """Write a page's digits into its boxes, but for some; the numbers are those of boxes."""
    page, rng = printed(code), np.random.default_rng(seed)
    boxes = Layout(code).boxes
    hands = draw_hands(rng, len(boxes))
    for index, box in enumerate(boxes):
        left, top, right, bottom = (
            round(PX_PER_MM * edge)
            for edge in (box.x, box.y, box.x + box.width, box.y + box.height)
        )
        if index in black:
            page[top - 2 : bottom + 2, left - 1 : right + 2] = PEN
        if index in empty or index in black:
            continue
        digit = int(box.digit)
        hand = hands.take(np.array([index]))
        glyph = write_glyphs(digit, pick_allographs(digit, 1, rng), hand, rng)[0]
        height = int(0.62 * (bottom - top))
        ink = rasterize(glyph, height_px=height, ink=draw_ink(rng), rng=rng)
        x = (left + right - ink.shape[1]) // 2
        y = (top + bottom - ink.shape[0]) // 2
        place = page[y : y + ink.shape[0], x : x + ink.shape[1]]
        darker = 255 - (255 - PEN) * (ink / 255.0)
        place[:] = np.minimum(place, darker.astype(np.uint8))
    return page


def photographed(page, size: tuple[int, int], *, turn: float = 0.0, seed: int = 0, **levels: float):
    """Take a picture of a page, uint8 (H, W, 3).

    Args:
        page: uint8 (H, W).
        size: rows and columns of the picture.
        turn: degrees that the page is turned by before `rotation` turns it further.
        seed: of all that is random.
        levels: of the factors of `edge_hdr.scenes`.
    """
    rng = np.random.default_rng(seed)
    height, width = page.shape
    scale = 0.9 * min(size[0] / height, size[1] / width)
    angle = np.radians(turn)
    rolled = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    pose = draw_pose(levels, size[1], rng)
    pose = fit(pose, corners @ rolled.T * scale, size, rng)
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    flat = pose.page(np.column_stack([x.ravel(), y.ravel()]).astype(float))
    wave = pose.height_px * np.sin(
        2 * np.pi * (flat @ pose.direction) / pose.length_px + pose.phase
    )
    places = flat - wave[:, None] * np.array([-pose.direction[1], pose.direction[0]])
    places = places @ rolled / scale + np.array([width, height]) / 2
    soft = cv2.GaussianBlur(page, (0, 0), 0.4 / scale) if scale < 1 else page
    map_x, map_y = places.T.reshape(2, *size).astype(np.float32)
    seen = cv2.remap(soft, map_x, map_y, cv2.INTER_LINEAR, borderValue=TABLE)
    camera = draw_camera(levels, 9 * PX_PER_MM * scale, rng)
    return expose(cv2.cvtColor(seen, cv2.COLOR_GRAY2BGR), light(levels, size, rng), camera, rng)
