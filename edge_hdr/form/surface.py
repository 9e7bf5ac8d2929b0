"""How a page lies in a photo: in perspective, and bent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
STIFFNESS = 1e-3  # of the bend: keeps it small where hidden marks leave it open


@dataclass(frozen=True)
class Surface:
    """A map from the page to the photo.

    Attributes:
        homography: float64 (3, 3), from mm of the page to px of the photo.
        bend: float64 (8, 2), what is added to it in px, by the terms of `_terms`.
        size: width and height of the page in mm.
    """

    homography: NDArray[np.float64]
    bend: NDArray[np.float64]
    size: tuple[float, float]

    def at(self, points: Points) -> Points:
        """Say where points of the page, float64 (N, 2) in mm, lie in the photo, in px."""
        return _project(self.homography, points) + _terms(points, self.size) @ self.bend

    @property
    def px_per_mm(self) -> float:
        """Give the photo's resolution in the middle of the page."""
        middle = np.array(self.size) / 2
        right, down = np.array([0.5, 0.0]), np.array([0.0, 0.5])
        ends = self.at(np.array([middle - right, middle + right, middle - down, middle + down]))
        sides = np.stack((ends[1] - ends[0], ends[3] - ends[2]))
        return float(np.sqrt(abs(np.linalg.det(sides))))


def fit(page: Points, photo: Points, size: tuple[float, float]) -> Surface:
    """Fit a surface to points of which both places are known.

    Args:
        page: float64 (N, 2) in mm, N ≥ 16: the corners of four marks or more.
        photo: float64 (N, 2) in px.
        size: width and height of the page in mm.
    """
    import cv2

    homography = np.asarray(cv2.findHomography(page, photo, 0)[0], np.float64)
    terms = _terms(page, size)
    off = photo - _project(homography, page)
    stiff = STIFFNESS * len(page) * np.eye(terms.shape[1])
    bend = np.linalg.solve(terms.T @ terms + stiff, terms.T @ off)
    return Surface(homography, np.asarray(bend, np.float64), size)


def _project(homography: NDArray[np.float64], points: Points) -> Points:
    mapped = np.hstack((points, np.ones((len(points), 1)))) @ homography.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)


def _terms(points: Points, size: tuple[float, float]) -> Points:
    """Give the terms of a bent page, float64 (N, 8): what eight marks around it can tell apart.

    Source: the polynomials of the eight-node serendipity element.
    """
    u, v = (2 * points / np.array(size) - 1).T
    return np.stack((np.ones_like(u), u, v, u * v, u * u, v * v, u * u * v, u * v * v), axis=1)
