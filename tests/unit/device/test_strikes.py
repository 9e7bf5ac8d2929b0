"""Lines under and through digits, fragments beside them, shadows over them, bold beside faint."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import five, lit, one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.components import components_of
from edge_hdr_device.ink import faint_mask, find_ink
from edge_hdr_device.locate import locate
from edge_hdr_device.strikes import without_strikes


def row(height: int = 80, top: int = 200) -> NDArray[np.uint8]:
    page = paper()
    for column in range(4):
        zero(page, 100 + 90 * column, top, height)
    return page


def heights(page: NDArray[np.uint8]) -> list[int]:
    return [region.box[3] for region in locate(page)]


@pytest.mark.parametrize("rise", [0, 6])
def test_a_stroke_through_four_digits_leaves_four_digits(rise: int) -> None:
    page = row()
    cv2.line(page, (90, 240 + rise), (430, 240 - rise), 40, 5, cv2.LINE_AA)
    assert heights(page) == pytest.approx([80] * 4, abs=5)


def test_an_underline_that_touches_its_digits_goes() -> None:
    page = row()
    cv2.line(page, (80, 279), (440, 281), 40, 5, cv2.LINE_AA)
    assert heights(page) == pytest.approx([80] * 4, abs=8)


def test_an_underline_below_a_digit_is_not_joined_to_it() -> None:
    page = paper()
    for left in (100, 300):
        seven(page, left, 200, 80)
        cv2.line(page, (left - 10, 290), (left + 55, 290), 40, 5, cv2.LINE_AA)
    assert heights(page) == pytest.approx([80, 80], abs=4)


def test_a_mask_without_wide_pieces_comes_back_as_it_is() -> None:
    mask = (row() < 128).astype(np.uint8)
    components = components_of(mask)
    assert without_strikes(mask, components.extents()[1], components.labels) is mask


def test_a_wide_word_without_a_line_comes_back_as_it_is() -> None:
    mask = np.zeros((200, 400), np.uint8)
    for column in range(6):
        cv2.circle(mask, (60 + 40 * column, 100), 21, 1, 4)
    components = components_of(mask)
    assert without_strikes(mask, components.extents()[1], components.labels) is mask


def test_a_fragment_beside_its_digit_joins_it() -> None:
    page = paper()
    for left in (100, 400):
        zero(page, left, 200, 80)
    hook = np.array([[252, 202], [246, 235], [268, 238]], np.int32)
    cv2.polylines(page, [hook], False, 40, 5, cv2.LINE_AA)
    one(page, 275, 215, 65)  # 2 px of paper lie between
    found = [region.box for region in locate(page)]
    assert len(found) == 3
    assert found[1][3] == pytest.approx(80, abs=5)


def test_digits_in_a_shadow_with_an_edge_are_found() -> None:
    page = row()
    page[:, 260:] = (page[:, 260:] * 0.45).astype(np.uint8)
    page = cv2.GaussianBlur(page, (9, 9), 0).astype(np.uint8)
    assert heights(page) == pytest.approx([80] * 4, abs=6)


def test_a_shadow_s_edge_is_no_ink() -> None:
    page = paper()
    page[100:400, 300:] = 100
    ink = find_ink(cv2.GaussianBlur(page, (15, 15), 0).astype(np.uint8), light=False)
    assert faint_mask(ink).mean() < 0.01


def test_a_thick_stroke_is_no_shadow() -> None:
    page = paper()
    seven(page, 150, 40, 400, pen=45)
    (region,) = locate(page)
    assert region.box[3] == pytest.approx(400, abs=10)


@pytest.mark.parametrize("deviation", [12, 20])
def test_a_noisy_picture_is_smoothed_and_read(deviation: int) -> None:
    page = lit(row(), low=0.9, noise=deviation)
    assert find_ink(page, light=False).blur_px
    assert heights(page) == pytest.approx([80] * 4, abs=8)
    assert not find_ink(lit(row(), low=0.9, noise=3), light=False).blur_px


def test_bold_writing_counts_for_more_than_faint_small_print() -> None:
    page = paper()
    five(page, 60, 100, 220, pen=14)
    for line in range(8):
        for column in range(12):
            zero(page, 300 + 25 * column, 40 + 45 * line, 20, pen=2, ink=160)
    (region,) = locate(page)
    assert region.box[3] == pytest.approx(220, abs=8)


def test_dark_digits_come_off_squares_with_thick_faint_lines() -> None:
    page = paper()
    for line in range(20, 640, 60):
        cv2.line(page, (line, 0), (line - 60, 479), 150, 5)
        cv2.line(page, (0, line), (639, line + 80), 150, 5)
    zero(page, 120, 190, 80, pen=7)
    seven(page, 420, 190, 80, pen=7)
    assert heights(page) == pytest.approx([80, 80], abs=5)
