"""Paper whose printed lines run at an angle to the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.locate import locate
from edge_hdr_device.rules import without_rules
from edge_hdr_device.tilted import sheared, slopes, straightened


def squared(angle_deg: float, width: int = 640, height: int = 480) -> NDArray[np.uint8]:
    """Draw lines 50 px apart in both directions as a mask, 1 on lines of 2 px."""
    mask = np.zeros((height, width), np.uint8)
    along = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    for direction in (along, along[::-1] * (-1, 1)):
        across = direction[::-1] * (-1, 1)
        for step in range(-800, 801, 50):
            middle = np.array([width, height]) / 2 + step * across
            ends = np.rint([middle - 900 * direction, middle + 900 * direction]).astype(int)
            cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 1, 2)
    return mask


@pytest.mark.parametrize("angle_deg", [-20, 12])
def test_the_slopes_of_both_families_are_proposed(angle_deg: int) -> None:
    level, upright = slopes(squared(angle_deg))
    tangent = np.tan(np.radians(angle_deg))
    step = np.tan(np.radians(2.0))  # lines are told apart by 1.5°
    assert min(abs(slope - tangent) for slope in level) <= step
    assert min(abs(slope + tangent) for slope in upright) <= step


def test_writing_proposes_no_slope() -> None:
    mask = np.zeros((480, 640), np.uint8)
    for x in range(40, 600, 60):
        zero(mask, x, 200, 50, ink=1)
        seven(mask, x, 300, 50, ink=1)
    assert slopes(mask) == ([], [])


@pytest.mark.parametrize("slope", [-0.4, 0.0, 0.13])
def test_a_shear_makes_its_slope_level_and_is_undone_exactly(slope: float) -> None:
    turned = np.zeros((300, 200), np.uint8)  # axes swapped
    x = np.arange(300)
    turned[x, np.rint(100 + slope * (x - 150)).astype(int)] = 1
    level = sheared(turned, slope)
    rows = np.flatnonzero(level.any(axis=0))
    assert np.ptp(rows) <= 1  # both the line and the shear are rounded
    assert (straightened(level, slope, 200) == turned).all()


@pytest.mark.parametrize("angle_deg", [-20, 12])
def test_lines_at_an_angle_are_taken_out_of_a_mask(angle_deg: int) -> None:
    mask = squared(angle_deg)
    assert without_rules(mask).sum() < 0.1 * mask.sum()


@pytest.mark.parametrize("angle_deg", [-17, 12, 25])
def test_digits_on_squared_paper_that_lies_askew_are_found(angle_deg: int) -> None:
    page = paper()
    page[squared(angle_deg) > 0] = 140
    zero(page, 125, 195, 80, pen=7)
    seven(page, 425, 195, 80, pen=7)
    found = [region.box for region in locate(page)]
    assert [box[:2] for box in found] == [
        pytest.approx(at, abs=6) for at in [(125, 195), (422, 195)]
    ]
    assert [box[3] for box in found] == pytest.approx([80, 80], abs=10)  # a stub of a line may stay
