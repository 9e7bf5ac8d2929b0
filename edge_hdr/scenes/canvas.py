"""The picture while it is painted: ink and colour are laid on it piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.patch import Patch
from edge_hdr.scenes.pose import Points

Color = tuple[int, int, int]
FINER = 3  # times finer that paths are drawn before their edges are averaged


def pixels(image: Any) -> NDArray[np.uint8]:
    """Give what OpenCV made its exact type; it promises less than it keeps."""
    return np.asarray(image, np.uint8)


@dataclass(frozen=True)
class Cover:
    """Coverage of a part of the picture.

    Attributes:
        alpha: uint8 (h, w), 255 covers all.
        x: column of its left edge in the picture.
        y: row of its upper edge.
    """

    alpha: NDArray[np.uint8]
    x: int
    y: int


def project_patch(patch: Patch, corners: Points, size: tuple[int, int]) -> Cover | None:
    """Warp a patch into the picture.

    Args:
        patch: the ink.
        corners: float64 (4, 2), where its corners show, in px of the picture's edges.
        size: rows and columns of the picture.

    Returns:
        Its coverage, or None where it lies outside.
    """
    import cv2

    window = _window(corners, 2.0, size)
    if window is None:
        return None
    left, top, right, low = window
    height, width = patch.ink.shape
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    target = (corners - (left + 0.5, top + 0.5)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    alpha = cv2.warpPerspective(patch.ink, matrix, (right - left, low - top))
    return Cover(alpha.astype(np.uint8, copy=False), left, top)


def draw_path(points: Points, width_px: float, size: tuple[int, int]) -> Cover | None:
    """Draw a path of the pen, as coverage.

    Args:
        points: float64 (N, 2), px of the picture.
        width_px: width of the line; lines below a third of a pixel get paler instead.
        size: rows and columns of the picture.
    """
    import cv2

    window = _window(points, width_px / 2.0 + 1.5, size)
    if window is None:
        return None
    left, top, right, low = window
    fine = np.zeros(((low - top) * FINER, (right - left) * FINER), np.uint8)
    places = np.rint((points - (left, top)) * FINER * 16).astype(np.int32)
    thick = width_px * FINER
    cv2.polylines(fine, [places], False, min(255, round(255 * thick)), max(1, round(thick)), 8, 4)
    alpha = cv2.resize(fine, (right - left, low - top), interpolation=cv2.INTER_AREA)
    return Cover(alpha.astype(np.uint8, copy=False), left, top)


def lay(image: NDArray[np.uint8], cover: Cover, color: Color, strength: float = 1.0) -> None:
    """Colour what is covered, in place.

    Args:
        image: uint8 (H, W, 3), BGR.
        cover: within the image.
        color: BGR.
        strength: share of the colour at full coverage, 0 to 1.
    """
    rows, columns = cover.alpha.shape
    part = image[cover.y : cover.y + rows, cover.x : cover.x + columns]
    share = cover.alpha.astype(np.float32)[..., None] * (strength / 255.0)
    part[:] = np.rint(part + share * (np.array(color, np.float32) - part)).astype(np.uint8)


def extent(cover: Cover) -> tuple[int, int, int, int] | None:
    """Give the box (x, y, width, height) of what is covered by a quarter of the most."""
    import cv2

    most = int(cover.alpha.max(initial=0))
    if most < 8:
        return None
    x, y, width, height = cv2.boundingRect((cover.alpha >= most / 4.0).astype(np.uint8))
    return (cover.x + int(x), cover.y + int(y), int(width), int(height))


def _window(
    points: Points, margin: float, size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Give the part (left, top, right, bottom) of the picture around points, or None."""
    rows, columns = size
    left, top = (np.floor(points.min(axis=0) - margin)).astype(int).tolist()
    right, low = (np.ceil(points.max(axis=0) + margin)).astype(int).tolist()
    left, top, right, low = max(left, 0), max(top, 0), min(right, columns), min(low, rows)
    return (left, top, right, low) if right > left and low > top else None
