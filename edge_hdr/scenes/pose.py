"""How the page lies before the camera: turned, tilted and curled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

FOCAL = 1.2  # focal length of a phone's camera, in widths of its picture
MOST_TURN = np.radians(30.0)
MOST_TILT = np.radians(45.0)
MOST_CURL = 0.1  # of the picture's width
FRAME = 0.03  # of the picture that stays free around the writing


@dataclass(frozen=True)
class Pose:
    """The way from the page to the picture.

    Attributes:
        matrix: float64 (3, 3), homography from page px to picture px.
        height_px: amplitude of the curl's wave, in page px.
        length_px: its wavelength.
        phase: its phase at the page's origin, in radians.
        direction: unit vector along which it waves, float64 (2,).
    """

    matrix: Points
    height_px: float
    length_px: float
    phase: float
    direction: Points

    def project(self, points: Points) -> Points:
        """Give the picture's px, float64 (N, 2), of points on the page, float64 (N, 2)."""
        moved = points + self._wave(points @ self.direction)[:, None] * self._across
        homogeneous = np.column_stack([moved, np.ones(len(moved))]) @ self.matrix.T
        projected: Points = homogeneous[:, :2] / homogeneous[:, 2:]
        return projected

    def page(self, points: Points) -> Points:
        """Give the places on the page, curl left out, that show at these px of the picture."""
        homogeneous = np.column_stack([points, np.ones(len(points))]) @ np.linalg.inv(self.matrix).T
        places: Points = homogeneous[:, :2] / homogeneous[:, 2:]
        return places

    @property
    def _across(self) -> Points:
        return np.array([-self.direction[1], self.direction[0]])

    def _wave(self, along: Points) -> Points:
        wave: Points = self.height_px * np.sin(2 * np.pi * along / self.length_px + self.phase)
        return wave


def draw_pose(levels: Mapping[str, float], width_px: int, rng: np.random.Generator) -> Pose:
    """Draw a pose for a page whose origin is the point that the camera looks at."""
    side, towards, phase, length, way = rng.uniform(0.0, 1.0, 5)
    turn = MOST_TURN * levels.get("rotation", 0.0) * (1.0 if side < 0.5 else -1.0)
    tilt = MOST_TILT * levels.get("perspective", 0.0)
    # People hold a camera too low or too high more often than to one side.
    angle = np.pi * (0.5 + np.floor(2 * towards)) + 0.9 * np.sin(2 * np.pi * 3 * towards)
    matrix = _pinhole(turn, tilt, angle, FOCAL * width_px)
    lean = 0.5 * np.pi * (way - 0.5)
    return Pose(
        matrix,
        height_px=MOST_CURL * width_px * levels.get("curl", 0.0) * (0.7 + 0.3 * length) / 2.0,
        length_px=(0.9 + 1.1 * length) * width_px,
        phase=2 * np.pi * phase,
        direction=np.array([np.cos(lean), np.sin(lean)]),
    )


def _pinhole(turn: float, tilt: float, angle: float, focal: float) -> Points:
    """Give the homography of a plane at the distance of the focal length."""
    cos, sin = np.cos(turn), np.sin(turn)
    rolled = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    axis = np.array([np.cos(angle + np.pi / 2), np.sin(angle + np.pi / 2), 0.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    tilted = np.eye(3) + np.sin(tilt) * cross + (1 - np.cos(tilt)) * cross @ cross
    rotation = tilted @ rolled
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], [0.0, 0.0, focal]])
    matrix: Points = np.diag([focal, focal, 1.0]) @ plane / focal
    return matrix


def fit(pose: Pose, corners: Points, size: tuple[int, int], rng: np.random.Generator) -> Pose:
    """Move the camera so that everything that is written is in the picture.

    Args:
        pose: a pose around the page's origin.
        corners: float64 (N, 2) on the page, of all that must be seen.
        size: rows and columns of the picture.
        rng: chooses the place in the picture, the middle more often than the edges.
    """
    rows, columns = size
    place = rng.beta(2.0, 2.0, 2)
    seen = pose.project(corners)
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = FRAME * min(rows, columns)
    room = np.array([columns, rows]) - 2 * margin
    scale = min(1.0, float((room / np.maximum(high - low, 1.0)).min()))
    shift = margin + place * (room - scale * (high - low)) - scale * low
    moved = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]], [0.0, 0.0, 1.0]])
    return replace(pose, matrix=moved @ pose.matrix)
