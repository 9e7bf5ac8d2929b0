"""Digits drawn with OpenCV's lines and ellipses, for tests that must not depend on a font."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PAPER, INK = 220, 40


def paper(width: int = 640, height: int = 480, level: int = PAPER) -> NDArray[np.uint8]:
    return np.full((height, width), level, np.uint8)


def zero(
    image: NDArray[np.uint8], x: int, y: int, height: int, *, pen: int = 5, ink: int = INK
) -> None:
    """Draw a 0 whose outline fills the box x, y, 0.6 × height, height."""
    axes = (round(0.3 * height) - pen // 2, height // 2 - pen // 2)
    centre = (x + round(0.3 * height), y + height // 2)
    cv2.ellipse(image, centre, axes, 0, 0, 360, ink, pen, cv2.LINE_AA)


def one(
    image: NDArray[np.uint8], x: int, y: int, height: int, *, pen: int = 5, ink: int = INK
) -> None:
    cv2.line(image, (x, y + pen // 2), (x, y + height - pen // 2), ink, pen, cv2.LINE_AA)


def seven(
    image: NDArray[np.uint8], x: int, y: int, height: int, *, pen: int = 5, ink: int = INK
) -> None:
    points = np.array([[0, 0], [0.6, 0], [0.25, 1]]) * (height - pen) + (x, y + pen // 2)
    cv2.polylines(image, [np.rint(points).astype(np.int32)], False, ink, pen, cv2.LINE_AA)


def five(
    image: NDArray[np.uint8], x: int, y: int, height: int, *, pen: int = 5, ink: int = INK
) -> None:
    """Draw a 5 whose top bar does not touch its body: two pieces of ink."""
    bar = y + pen // 2
    left, right = x + round(0.12 * height), x + round(0.55 * height)
    cv2.line(image, (left, bar), (right, bar), ink, pen, cv2.LINE_AA)
    stem = bar + 2 * pen + 2
    cv2.line(image, (left, stem), (left, y + height // 2), ink, pen, cv2.LINE_AA)
    radius = height // 4 - pen // 2
    centre = (left + radius // 2, y + height - pen // 2 - radius)
    cv2.ellipse(image, centre, (radius, radius), 0, -110, 130, ink, pen, cv2.LINE_AA)


def lit(image: NDArray[np.uint8], *, low: float = 0.4, noise: float = 0.0) -> NDArray[np.uint8]:
    """Darken a picture towards its right edge and add noise."""
    light = np.linspace(1.0, low, image.shape[1])[None, :]
    grain = np.random.default_rng(0).normal(0, noise, image.shape) if noise else 0.0
    return np.clip(image * light + grain, 0, 255).astype(np.uint8)
