from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import five, lit, paper, seven, zero

from edge_hdr_device.ink import faint_mask, find_ink, sharpen
from edge_hdr_device.pieces import Pieces, join, measure, plausible, union_boxes, weighted_median
from edge_hdr_device.rules import without_rules


def pieces_of(page: np.ndarray) -> tuple[Pieces, float]:
    ink = find_ink(page, light=False)
    return measure(sharpen(faint_mask(ink), ink), ink), ink.noise


def test_pieces_are_measured() -> None:
    page = paper()
    page[100:140, 200:210] = 40
    page[300:320, 0:30] = 130
    pieces, _ = pieces_of(page)
    # Smoothing by 3×3 moves a half-depth edge by nothing, a corner inwards by a pixel.
    assert pieces.boxes.tolist() == pytest.approx(
        np.array([[200, 100, 210, 140], [0, 300, 30, 320]]), abs=1
    )
    assert pieces.area == pytest.approx([10 * 40, 30 * 20], rel=0.2)
    assert pieces.level == pytest.approx([255 * (1 - 40 / 220), 255 * (1 - 130 / 220)], abs=12)
    assert pieces.touch == pytest.approx([0, 20], abs=2)


def test_weighted_median_follows_the_weight() -> None:
    values = np.array([1.0, 50.0, 60.0])
    assert weighted_median(values, np.array([1.0, 1.0, 1.0])) == 50
    assert weighted_median(values, np.array([5.0, 1.0, 1.0])) == 1  # 5 of 7 parts
    assert weighted_median(np.array([4.0]), np.array([2.0])) == 4


def test_texture_hardly_deeper_than_the_noise_is_no_ink() -> None:
    page = paper()
    zero(page, 100, 100, 80, ink=120)
    pieces, noise = pieces_of(page)
    depth = float(pieces.level.max())
    assert len(plausible(pieces, noise)) == 1
    assert len(plausible(pieces, depth / 4.9)) == 0


def test_among_specks_a_piece_must_stand_out_by_more_than_alone() -> None:
    page = paper()
    zero(page, 100, 100, 80, ink=120)
    alone, _ = pieces_of(page)
    for column in range(20):
        page[300:306, 20 + 30 * column : 26 + 30 * column] = 120
    among, _ = pieces_of(page)
    assert len(plausible(alone, float(alone.level.max()) / 6)) == 1
    assert len(plausible(among, float(among.level.max()) / 6)) == 0


def test_a_bar_above_joins_and_a_digit_beside_does_not() -> None:
    page = paper()
    five(page, 100, 100, 80)
    seven(page, 160, 100, 80)
    pieces, noise = pieces_of(page)
    pieces = plausible(pieces, noise)
    assert len(pieces) == 3
    assert sorted(len(rows) for rows in join(pieces)) == [1, 2]
    (joined,) = (rows for rows in join(pieces) if len(rows) == 2)
    top, bottom = union_boxes(pieces, [joined])[0, [1, 3]]
    assert (top, bottom) == pytest.approx((100, 180), abs=4)


def test_no_pieces_are_no_digits() -> None:
    pieces, noise = pieces_of(paper())
    assert join(plausible(pieces, noise)) == []


def test_a_mask_without_rules_comes_back_as_it_is() -> None:
    mask = np.zeros((300, 400), np.uint8)
    cv2.circle(mask, (200, 150), 60, 1, 5)
    assert np.array_equal(without_rules(mask), mask)


@pytest.mark.parametrize("across", [False, True])
def test_a_rule_goes_and_the_stroke_that_crosses_it_stays(across: bool) -> None:
    rule = np.zeros((300, 400), np.uint8)
    cv2.line(rule, (0, 150), (399, 158), 1, 2)
    stroke = np.zeros_like(rule)
    cv2.line(stroke, (200, 100), (215, 200), 1, 6)
    mask = rule | stroke
    if across:
        mask, rule, stroke = mask.T.copy(), rule.T.copy(), stroke.T.copy()
    cleaned = without_rules(mask)
    far = cv2.dilate(stroke, np.ones((9, 9), np.uint8)) == 0
    assert cleaned[far].sum() == 0
    assert cleaned[stroke > 0].mean() > 0.97


@pytest.mark.parametrize("phase", [0, 5, 12])
def test_a_rule_of_dashes_as_far_apart_as_can_be_goes(phase: int) -> None:
    mask = np.zeros((480, 640), np.uint8)
    for left in range(phase, 640, 25):
        mask[200:202, left : left + 13] = 1  # the least run of 640 px; 12 px are bridged
    assert without_rules(mask).sum() == 0


def test_a_rule_of_four_tenths_of_the_side_goes_and_a_shorter_one_stays() -> None:
    for length, kept in ((260, 0), (250, 2 * 250)):
        for left in (0, 190, 640 - length):
            mask = np.zeros((480, 640), np.uint8)
            mask[200:202, left : left + length] = 1
            assert without_rules(mask).sum() == kept


def test_digits_in_a_row_are_no_rule() -> None:
    page = paper()
    for column in range(9):
        seven(page, 20 + 68 * column, 200, 90, pen=8)  # their bars lie on one line
    ink = find_ink(lit(page, low=0.7), light=False)
    mask = faint_mask(ink)
    assert without_rules(mask).sum() > 0.98 * mask.sum()


def test_a_finger_as_high_as_the_digits_is_left_out() -> None:
    page = paper()
    zero(page, 100, 100, 60)
    zero(page, 200, 100, 60)
    page[300:360, 0:170] = 60  # enters from the left; wider than a digit may be
    pieces, noise = pieces_of(page)
    boxes = plausible(pieces, noise).boxes
    assert len(boxes) == 2
    assert boxes[:, 3].max() < 300


def test_parts_of_a_digit_whose_pen_broke_off_are_joined_beside_whole_ones() -> None:
    """The parts, of 40 and 44 px, are most of the ink, but 80 px high together they are digits."""
    page = paper()
    for left in (60, 160, 260):  # upper half ends at 140, lower begins at 136 beside its end
        cv2.polylines(page, [np.array([[left + 40, 100], [left, 102], [left, 140]])], False, 40, 8)
        lower = [[left + 12, 136], [left + 40, 140], [left + 40, 176], [left, 180]]
        cv2.polylines(page, [np.array(lower)], False, 40, 8)
    for left in (380, 480):
        zero(page, left, 100, 80)
    pieces, _ = pieces_of(page)
    assert len(pieces) == 8
    assert sorted(len(rows) for rows in join(pieces)) == [1, 1, 2, 2, 2]
