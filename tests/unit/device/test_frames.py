"""Drawn boxes around digits: they go, what they hold stays; blots beside faint writing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.components import components_of
from edge_hdr_device.frames import without_frames
from edge_hdr_device.locate import locate

BOX_PX = 100


def row(*, boxes: int, box: bool = True, drop: int = 0) -> NDArray[np.uint8]:
    """Draw sevens 70 px high, each in a box of 100 px that shares a side with its neighbour's."""
    page = paper()
    for column in range(boxes):
        left, top = 80 + BOX_PX * column, 180 + drop * column
        seven(page, left + 25, top + 15, 70)
        if box:
            cv2.rectangle(page, (left, top), (left + BOX_PX, top + BOX_PX), 40, 4, cv2.LINE_AA)
    return page


def opened(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    components = components_of(mask)
    return without_frames(mask, components, components.extents())


def boxes(page: NDArray[np.uint8]) -> NDArray[np.int_]:
    return np.array([region.box for region in locate(page)])


@pytest.mark.parametrize("count", [1, 4])
def test_digits_in_boxes_side_by_side_are_found_as_without(count: int) -> None:
    bare = boxes(row(boxes=count, box=False))
    assert len(bare) == count
    assert boxes(row(boxes=count)) == pytest.approx(bare, abs=2)


def test_boxes_that_are_not_quite_in_line_go_too() -> None:
    bare = boxes(row(boxes=3, box=False, drop=12))
    assert boxes(row(boxes=3, drop=12)) == pytest.approx(bare, abs=2)


def test_a_digit_that_touches_its_box_comes_off_it() -> None:
    page = row(boxes=2)
    cv2.line(page, (160, 197), (182, 197), 40, 5, cv2.LINE_AA)  # the first 7 goes to the side
    found = boxes(page)
    assert len(found) == 2
    assert found[:, 3] == pytest.approx([70, 70], abs=6)


def test_a_tilted_page_of_boxes_gives_its_digits() -> None:
    turned = cv2.getRotationMatrix2D((320, 240), 3, 1)
    page = cv2.warpAffine(row(boxes=4), turned, (640, 480), borderValue=220)
    assert boxes(np.asarray(page, np.uint8))[:, 3] == pytest.approx([70] * 4, abs=10)


def test_a_row_of_digits_without_boxes_comes_back_as_it_is() -> None:
    mask = (row(boxes=4, box=False) < 128).astype(np.uint8)
    assert opened(mask) is mask


def test_an_empty_box_may_be_a_zero_and_stays() -> None:
    page = paper()
    cv2.rectangle(page, (200, 150), (260, 250), 40, 5)
    mask = (page < 128).astype(np.uint8)
    assert opened(mask) is mask


def test_an_eight_with_straight_sides_stays() -> None:
    page = paper()
    for top in (150, 200):
        cv2.rectangle(page, (200, top), (260, top + 50), 40, 5)
    mask = (page < 128).astype(np.uint8)
    assert opened(mask) is mask


def test_squared_paper_that_the_picture_cuts_off_is_not_opened() -> None:
    mask = np.zeros((480, 640), np.uint8)
    mask[::60], mask[:, ::60] = 1, 1
    zero_page = paper()
    zero(zero_page, 200, 130, 80)
    mask = np.maximum(mask, (zero_page < 128).astype(np.uint8))
    assert opened(mask) is mask


def test_a_dark_blot_does_not_hide_faint_writing() -> None:
    page = paper()
    for column in range(3):
        seven(page, 200 + 100 * column, 200, 70, ink=165)
    bare = boxes(page)
    assert len(bare) == 3
    cv2.ellipse(page, (90, 240), (36, 30), 20, 0, 360, 20, -1, cv2.LINE_AA)
    assert boxes(page) == pytest.approx(bare, abs=2)


@pytest.mark.parametrize(("count", "found"), [(12, 12), (2, 2)])
def test_faint_writing_on_noisy_paper_is_no_texture(count: int, found: int) -> None:
    page = paper(level=200)
    for index in range(count):
        zero(page, 60 + 90 * (index % 6), 120 + 140 * (index // 6), 80, ink=171)
    noise = np.random.default_rng(1).normal(0, 12, page.shape)
    noisy = np.clip(page + noise, 0, 255).astype(np.uint8)
    assert len(locate(noisy)) == found
