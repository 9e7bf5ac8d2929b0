"""The slope of a page's lines of digits, and pictures turned so that they are level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.lines import reading_order

STEEPEST_DEG = 40.0  # neighbours further off the level are of two lines
NEAR = 3.2  # of their heights' mean: how far apart, centre to centre, neighbours may be
ALIKE = 2.0  # height to height: digits that differ by more are no neighbours
AGREE_DEG = 9.0  # slopes between neighbours that differ by less from the common one agree
AGREEING = 0.6  # of the slopes at least agree, or there is no common one
LEAST_SLOPES = 2
REFINED_DEG = 3.0  # the common slope may be so far off
STRAY = 0.2  # of the height: digits lie so close to their line, on the mean, or it is none
LEAST_DEG = 9.0  # a smaller slope is left: reading order and classifier bear it


@dataclass(frozen=True)
class Turn:
    """A picture turned, with the way back.

    Attributes:
        image: uint8, (H, W) or (H, W, 3), large enough for the whole picture.
        back: float64 (2, 3), the affine map from px of `image` to px of the picture.
    """

    image: NDArray[np.uint8]
    back: NDArray[np.float64]


def skew_deg(boxes: NDArray[np.float64]) -> float:
    """Estimate how steeply the lines of a page fall to the right.

    Neighbours of like size vote on the slope, then straight lines through the lines of text that
    follow from it refine it.

    Args:
        boxes: float64 (N, 4), left, top, right, bottom in px, of digits.

    Returns:
        Degrees in [−40, 40], above 0 where lines fall; 0 where less than 9° or where the digits
        do not agree on a slope.
    """
    rough = _vote(boxes)
    if rough is None or abs(rough) < LEAST_DEG - REFINED_DEG:
        return 0.0
    slope = _refine(boxes, rough)
    return slope if LEAST_DEG <= abs(slope) <= STEEPEST_DEG else 0.0


def turn(image: NDArray[np.uint8], angle_deg: float) -> Turn:
    """Turn a picture so that lines that fall by an angle become level.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        angle_deg: above 0 the picture is turned counter-clockwise.
    """
    import cv2

    height, width = image.shape[:2]
    middle = (width / 2, height / 2)
    place = np.asarray(cv2.getRotationMatrix2D(middle, angle_deg, 1.0), np.float64)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    turned = corners @ place[:, :2].T + place[:, 2]
    place[:, 2] = place[:, 2] - turned.min(0)
    size = tuple(int(side) for side in np.ceil(np.ptp(turned, axis=0)))
    # Centres of pixels lie at whole numbers here, at halves in boxes.
    centred = place.copy()
    centred[:, 2] += place[:, :2] @ (0.5, 0.5) - 0.5
    pixels = cv2.warpAffine(
        image, centred, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    back = np.asarray(cv2.invertAffineTransform(place), np.float64)
    return Turn(np.asarray(pixels, np.uint8), back)


def _vote(boxes: NDArray[np.float64]) -> float | None:
    """Give the slope in degrees that most neighbours agree on; None where most do not."""
    slopes = _neighbour_slopes(boxes)
    if len(slopes) < LEAST_SLOPES:
        return None
    agree = np.abs(slopes[:, None] - slopes[None, :]) <= AGREE_DEG
    votes = agree.sum(1)
    if votes.max() < max(LEAST_SLOPES, AGREEING * len(slopes)):
        return None
    return float(np.median(slopes[agree[votes.argmax()]]))


def _neighbour_slopes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the slope in degrees from each digit to its nearest neighbour on the right."""
    if len(boxes) < 3:
        return np.zeros(0)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    height = boxes[:, 3] - boxes[:, 1]
    across, down = (centre[None, :, axis] - centre[:, axis, None] for axis in (0, 1))
    slope = np.degrees(np.arctan2(down, across))
    distance = np.hypot(across, down)
    share = height[:, None] / height[None, :]
    near = (distance <= NEAR * (height[:, None] + height[None, :]) / 2) & (across > 0)
    near = near & (np.abs(slope) <= STEEPEST_DEG) & (share <= ALIKE) & (share >= 1 / ALIKE)
    distance = np.where(near, distance, np.inf)
    nearest = distance.argmin(1)
    every = np.arange(len(boxes))
    mutual = near[every, nearest] & (distance.argmin(0)[nearest] == every)
    return np.asarray(slope[every, nearest][mutual], np.float64)


def _refine(boxes: NDArray[np.float64], rough_deg: float) -> float:
    """Fit straight lines to the lines of text; gives their common slope in degrees, 0 for none."""
    angle = np.radians(rough_deg)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    level = centre @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slopes, weights, strays = [], [], []
    for line in reading_order(np.hstack((level - 0.8 * half, level + 0.8 * half))):
        if len(line) < 2:
            continue
        x, y = (level[line] - level[line].mean(0)).T
        slope = float(x @ y / max(1e-9, x @ x))
        slopes.append(slope)
        weights.append(float(x @ x))
        if len(line) > 2:
            strays.append(float(np.abs(y - slope * x).mean() / half[line, 1].mean() / 2))
    if not slopes or (strays and np.median(strays) > STRAY):
        return 0.0
    return rough_deg + float(np.degrees(np.arctan(np.average(slopes, weights=weights))))
