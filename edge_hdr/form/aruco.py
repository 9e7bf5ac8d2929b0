"""ArUco marks: how one looks, and which are seen in a picture; the only file that knows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS = 7  # of a mark's side: 5 of code and a black border
WORKING_PX = (1600, 3000)  # long sides on which marks are looked for; a larger one is the last
ENLARGE_BELOW_PX = 1500
SMALLEST_SHARE = 0.02  # of a mark's outline to the picture's long side
WINDOW_SHARE = 0.04  # of the long side: about a mark, for a threshold that shadows do not cross


@dataclass(frozen=True)
class Mark:
    """One mark in a picture.

    Attributes:
        number: what it carries.
        corners: float32 (4, 2), x and y in px, clockwise from the mark's own upper left.
    """

    number: int
    corners: NDArray[np.float32]

    def is_at(self, other: Mark) -> bool:
        """Tell whether two marks are the same one, seen twice."""
        return self.number == other.number and self.covers(other)

    def covers(self, other: Mark) -> bool:
        """Tell whether two marks lie at one place, whatever they carry."""
        apart = np.abs(self.corners.mean(0) - other.corners.mean(0)).max()
        return bool(apart < np.ptp(other.corners, 0).max() / 2)


def mark_pattern(number: int) -> NDArray[np.bool_]:
    """Give the cells of a mark, bool (7, 7), True where it is black."""
    import cv2

    drawn = cv2.aruco.generateImageMarker(_dictionary(), number, CELLS, borderBits=1)
    return np.asarray(drawn) < 128


def looks(grey: NDArray[np.uint8]) -> Iterator[list[Mark]]:
    """Look for marks, each time in another way: larger, then with shadows taken out.

    Args:
        grey: uint8 (H, W).

    Yields:
        The marks of each look, in px of the picture given.
    """
    for picture, scale in _sizes(grey):
        yield _detect(picture, scale)
    for picture, scale in _sizes(grey):
        yield _detect(_without_shadows(picture), scale)


def _sizes(grey: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Give the picture in each size worth trying, with its scale."""
    import cv2

    long_side = max(grey.shape)
    scales = [wanted / long_side for wanted in WORKING_PX if wanted < 0.8 * long_side]
    scales += [1.0] if long_side <= 1.5 * WORKING_PX[-1] else []
    scales += [2.0] if long_side < ENLARGE_BELOW_PX else []
    for scale in scales:
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=kind)
        yield np.asarray(resized, np.uint8), scale


def _without_shadows(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give black and white by the mean of each pixel's surroundings, smoothed for the corners."""
    import cv2

    window = int(WINDOW_SHARE * max(grey.shape)) | 1
    calm = cv2.GaussianBlur(grey, (3, 3), 0)
    parted = cv2.adaptiveThreshold(
        calm, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, max(3, window), 5
    )
    return np.asarray(cv2.GaussianBlur(parted, (3, 3), 0), np.uint8)


def _detect(grey: NDArray[np.uint8], scale: float) -> list[Mark]:
    import cv2

    detector: Any = cv2.aruco.ArucoDetector(_dictionary(), _settings())
    found, numbers, _ = detector.detectMarkers(grey)
    if numbers is None:
        return []
    # pixel centres: the middle of pixel i of a picture reduced by s lies at (i + 0.5) / s − 0.5
    return [
        Mark(int(number), ((np.reshape(corners, (4, 2)) + 0.5) / scale - 0.5).astype(np.float32))
        for number, corners in zip(np.ravel(numbers), found, strict=True)
    ]


def _settings() -> Any:
    import cv2

    settings = cv2.aruco.DetectorParameters()
    settings.minMarkerPerimeterRate = SMALLEST_SHARE
    settings.adaptiveThreshWinSizeMax = 53
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    return settings


def _dictionary() -> Any:
    import cv2

    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)
