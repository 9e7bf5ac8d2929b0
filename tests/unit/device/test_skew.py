from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.locate import locate
from edge_hdr_device.skew import LEAST_DEG, skew_deg, turn

GREY = 220


def turned_page(angle_deg: float, lines: int = 3) -> NDArray[np.uint8]:
    """Draw lines of 7 1 0 0 7, and turn them so that they fall by an angle."""
    page = paper(640, 480)
    for row in range(lines):
        top = 130 + 80 * row
        seven(page, 160, top, 50)
        one(page, 225, top, 50)
        zero(page, 260, top, 50)
        zero(page, 320, top, 50)
        seven(page, 380, top, 50)
    place = cv2.getRotationMatrix2D((320, 240), -angle_deg, 1.0)
    return np.asarray(cv2.warpAffine(page, place, (640, 480), borderValue=GREY), np.uint8)


def line_of_boxes(angle_deg: float, count: int = 6, top: float = 0.0) -> NDArray[np.float64]:
    """Give boxes 24 × 40 px whose centres lie 60 px apart on a line that falls by an angle."""
    along = 60.0 * np.arange(count)[:, None]
    angle = np.radians(angle_deg)
    centre = along * (np.cos(angle), np.sin(angle)) + (-top * np.sin(angle), top * np.cos(angle))
    return around(centre)


def around(centre: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack((centre, centre)) + np.array([-12, -20, 12, 20])


@pytest.mark.parametrize("angle_deg", [-30, -14, 14, 22, 30])
def test_the_slope_of_lines_is_found(angle_deg: float) -> None:
    boxes = np.vstack([line_of_boxes(angle_deg, top=top) for top in (0, 75, 150)])
    assert skew_deg(boxes) == pytest.approx(angle_deg, abs=1)


@pytest.mark.parametrize("angle_deg", [0, LEAST_DEG - 2])
def test_a_small_slope_is_left(angle_deg: float) -> None:
    assert skew_deg(line_of_boxes(angle_deg)) == 0.0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_digits_have_no_slope(count: int) -> None:
    assert skew_deg(line_of_boxes(25, count=count)) == 0.0


def test_scattered_digits_have_no_slope() -> None:
    centre = np.random.default_rng(3).uniform(0, 500, (15, 2))
    assert skew_deg(around(centre)) == 0.0


def test_a_sloping_column_is_no_sloping_line() -> None:
    upright = line_of_boxes(20)[:, [1, 0, 3, 2]]  # its axes swapped: it leans by 20 degrees
    assert skew_deg(upright) == 0.0


def test_a_turned_picture_leads_back() -> None:
    page = paper(400, 300)
    cv2.circle(page, (320, 60), 6, 0, -1)
    turned = turn(page, 25.0)
    row, column = (float(side.mean()) for side in np.nonzero(turned.image < 100))
    back = turned.back[:, :2] @ (column + 0.5, row + 0.5) + turned.back[:, 2]
    assert back == pytest.approx((320.5, 60.5), abs=0.7)


@pytest.mark.parametrize("angle_deg", [-30, -18, 0, 18, 30])
def test_a_turned_page_is_read_in_order_from_upright_crops(angle_deg: float) -> None:
    page = turned_page(angle_deg)
    regions = locate(page)
    assert [region.line for region in regions] == [0] * 5 + [1] * 5 + [2] * 5
    narrow = [region.ink.shape[1] < 0.5 * region.ink.shape[0] for region in regions]
    assert narrow == 3 * [False, True, False, False, False]  # a leaning 1 would be wide


@pytest.mark.parametrize("angle_deg", [-30, 18])
def test_boxes_of_a_turned_page_hold_the_ink_of_the_page_itself(angle_deg: float) -> None:
    page = turned_page(angle_deg, lines=1)
    count, _, stats, _ = cv2.connectedComponentsWithStats((page < 130).astype(np.uint8))
    drawn = sorted(tuple(int(side) for side in row[:4]) for row in stats[1:count])
    found = sorted(region.box for region in locate(page))
    assert len(found) == len(drawn) == 5
    for got, expected in zip(found, drawn, strict=True):
        assert got == pytest.approx(expected, abs=4)
