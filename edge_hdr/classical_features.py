"""Features of digits for classical classifiers: pixels, deskewed pixels, oriented gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 28
CELL_PX = 7
ORIENTATIONS = 9  # over the whole circle: a stroke has two edges of opposite gradients
CHUNK = 2000  # digits at a time, so that 60,000 need no gigabytes
_CLIP = 0.2  # of a normalized block, "L2-Hys"
_EPSILON = 1e-3
_UPRIGHT = 0.01  # vertical variance in px² under which a shape has no slant to speak of


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Flatten uint8 (N, 28, 28) to float32 (N, 784) in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def deskewed(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Flatten uint8 (N, 28, 28) to float32 (N, 784) in [0, 1] with slants made upright."""
    made = [deskew(image) for image in images]
    return pixels(np.stack(made) if made else images)


def deskew(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shear a digit about its centre of mass until its axis is vertical.

    Args:
        image: uint8 (28, 28), ink 255 on background 0.

    Returns:
        uint8 (28, 28).

    Source: Y. LeCun et al., Gradient-based learning applied to document recognition, 1998,
    section III-A, by second moments.
    """
    import cv2

    moments = cv2.moments(image)
    if moments["m00"] == 0 or moments["mu02"] / moments["m00"] < _UPRIGHT:
        return image
    slant = moments["mu11"] / moments["mu02"]
    middle = moments["m01"] / moments["m00"]
    shear = np.array([[1, slant, -slant * middle], [0, 1, 0]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, shear, (SIDE_PX, SIDE_PX), flags=flags), np.uint8)


def hog(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe digits by histograms of oriented gradients.

    Cells of 7×7 px with 9 signed orientations, a gradient shared by the two nearest ones; blocks
    of 2×2 cells at each cell, each block's norm brought to 1, clipped at 0.2, and to 1 again.

    Args:
        images: uint8 (N, 28, 28), ink 255 on background 0.

    Returns:
        float32 (N, 324) in [0, 1].

    Source: N. Dalal and B. Triggs, Histograms of oriented gradients for human detection, 2005.
    """
    parts = [_hog(images[at : at + CHUNK]) for at in range(0, max(len(images), 1), CHUNK)]
    return np.concatenate(parts)


def _hog(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    cells = _cell_histograms(images.astype(np.float32) / np.float32(255))
    blocks = np.concatenate(
        [cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]], axis=-1
    )
    blocks = np.minimum(_normalized(blocks), _CLIP)
    return _normalized(blocks).reshape(len(images), -1)


def _normalized(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.sqrt(np.square(blocks).sum(axis=-1, keepdims=True) + np.float32(_EPSILON**2))
    return np.asarray(blocks / norms, np.float32)


def _cell_histograms(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum gradients by cell and orientation: float32 (N, 28, 28) to (N, 4, 4, 9)."""
    across, down = np.zeros_like(ink), np.zeros_like(ink)
    across[:, :, 1:-1] = ink[:, :, 2:] - ink[:, :, :-2]
    down[:, 1:-1] = ink[:, 2:] - ink[:, :-2]
    strength = np.hypot(across, down)
    position = np.arctan2(down, across) * np.float32(ORIENTATIONS / (2 * np.pi)) % ORIENTATIONS
    lower = np.floor(position).astype(np.int64) % ORIENTATIONS  # rounding may reach the end
    above = strength * (position - np.floor(position))
    side = SIDE_PX // CELL_PX
    index = np.arange(len(ink))[:, None, None] * side**2
    rows = np.arange(SIDE_PX) // CELL_PX
    index = (index + rows[:, None] * side + rows) * ORIENTATIONS
    count = len(ink) * side**2 * ORIENTATIONS
    sums = np.bincount((index + lower).ravel(), (strength - above).ravel(), count)
    sums += np.bincount((index + (lower + 1) % ORIENTATIONS).ravel(), above.ravel(), count)
    return sums.astype(np.float32).reshape(-1, side, side, ORIENTATIONS)


FEATURES: Mapping[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
    "pixels": pixels,
    "deskewed": deskewed,
    "hog": hog,
}
