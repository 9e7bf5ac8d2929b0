"""Drawn boxes at any angle: their walls go, what they hold and what stands beside them stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.cells import without_cells
from edge_hdr_device.components import components_of
from edge_hdr_device.locate import locate


def row(*, boxes: bool, gap: int = 0, angle_deg: float = 0.0) -> NDArray[np.uint8]:
    """Draw three sevens 70 px high in boxes of 100 px, so far apart, turned about the middle."""
    page = paper()
    for column in range(3):
        left = 150 + (100 + gap) * column
        seven(page, left + 25, 195, 70)
        if boxes:
            cv2.rectangle(page, (left, 180), (left + 100, 280), 40, 4, cv2.LINE_AA)
    turned = cv2.getRotationMatrix2D((320, 240), angle_deg, 1)
    return np.asarray(cv2.warpAffine(page, turned, (640, 480), borderValue=220), np.uint8)


def inked(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (page < 130).astype(np.uint8)


def without(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return without_cells(mask, components_of(mask).extents()[1])


@pytest.mark.parametrize("gap", [0, 8])
@pytest.mark.parametrize("angle_deg", [0, 7, -20])
def test_walls_go_and_what_they_hold_stays_to_the_pixel(angle_deg: float, gap: int) -> None:
    rest = without(inked(row(boxes=True, gap=gap, angle_deg=angle_deg)))
    assert np.array_equal(rest, inked(row(boxes=False, gap=gap, angle_deg=angle_deg)))


@pytest.mark.parametrize("angle_deg", [7, -15])
def test_boxes_side_by_side_on_a_turned_page_leave_no_bars(angle_deg: float) -> None:
    assert len(locate(row(boxes=True, gap=8, angle_deg=angle_deg))) == 3


def test_what_hangs_on_a_wall_outside_stays() -> None:
    page = row(boxes=True)
    zero(page, 449, 190, 80)  # its left side runs into the last box's wall
    alone = paper()
    zero(alone, 449, 190, 80)
    rest = without(inked(page))
    assert rest[:, 462:].sum() == inked(alone)[:, 462:].sum()


@pytest.mark.parametrize("shape", ["circle", "empty", "sheet"])
def test_what_is_no_cell_comes_back_as_it_is(shape: str) -> None:
    page = paper()
    if shape == "circle":
        cv2.circle(page, (320, 240), 80, 40, 5)
        seven(page, 300, 205, 70)
    elif shape == "empty":
        cv2.rectangle(page, (200, 150), (260, 250), 40, 5)
    else:
        cv2.rectangle(page, (20, 20), (620, 460), 40, 5)
        seven(page, 300, 150, 200)
    mask = inked(page)
    assert without(mask) is mask
