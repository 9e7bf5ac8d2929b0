from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.locate import Region, locate
from edge_hdr_device.touching import cuts


def zeros(count: int) -> NDArray[np.uint8]:
    """Draw 0 that are 60 × 100 px large and share 2 px with the next one."""
    page = paper()
    for number in range(count):
        zero(page, 200 + 58 * number, 150, 100)
    return page


def only_region(page: NDArray[np.uint8]) -> Region:
    (region,) = locate(page)
    return region


def test_touching_digits_are_cut_where_they_meet() -> None:
    region = only_region(zeros(2))
    assert region.box == pytest.approx((200, 150, 118, 100), abs=4)
    ends = [(first.box[0] + first.box[2], second.box[0]) for first, second in cuts(region)]
    # The digits meet at 259; a cut may leave some of the common stroke to either.
    assert any(end == pytest.approx(259, abs=5) == start for end, start in ends)


def test_parts_share_out_the_ink_and_keep_the_line() -> None:
    region = only_region(zeros(2))
    for hypothesis in cuts(region):
        total = sum(int(part.ink.astype(int).sum()) for part in hypothesis)
        assert 0.85 <= total / int(region.ink.astype(int).sum()) <= 1.0
        assert [part.line for part in hypothesis] == [region.line] * len(hypothesis)
        lefts = [part.box[0] for part in hypothesis]
        assert lefts == sorted(lefts)


def test_three_touching_digits_may_be_three() -> None:
    region = only_region(zeros(3))
    lefts = [[part.box[0] for part in way] for way in cuts(region) if len(way) == 3]
    assert any(left == pytest.approx([200, 258, 316], abs=7) for left in lefts)


def test_what_is_too_wide_for_a_digit_is_located_for_its_parts_only() -> None:
    page = zeros(4)  # 60 + 3 · 58 = 234 px wide, 100 px high
    assert locate(page) == []
    (region,) = locate(page, wide=True)
    assert not region.single
    assert region.box == pytest.approx((200, 150, 234, 100), abs=4)
    assert all(part.single for way in cuts(region) for part in way)
    assert 4 in {len(way) for way in cuts(region)}


def test_an_underline_is_not_located_even_for_its_parts() -> None:
    page = zeros(1)
    cv2.line(page, (190, 280), (400, 280), 40, 5)
    assert len(locate(page, wide=True)) == 1


def test_a_touching_digit_of_little_more_than_half_the_height_is_a_part() -> None:
    page = paper()
    zero(page, 200, 150, 100)
    zero(page, 258, 185, 60)
    heights = [[part.box[3] for part in way] for way in cuts(only_region(page))]
    assert any(found == pytest.approx([100, 60], abs=6) for found in heights)


def test_digits_that_lean_are_cut_along_their_lean() -> None:
    page = paper()
    for left in (200, 250):
        cv2.line(page, (left, 250), (left + 40, 150), 40, 9)  # 0.4 px aside for each px up
    cv2.line(page, (200, 250), (250, 250), 40, 9)  # a foot that reaches the neighbour's
    pairs = [way for way in cuts(only_region(page)) if len(way) == 2]
    # A line's box is 40 + 9 px wide; the foot may add 10. Upright cuts halve a line.
    assert any(
        all(part.box[2:] == pytest.approx((55, 109), abs=8) for part in way) for way in pairs
    )


@pytest.mark.parametrize("draw", [zero, one, seven])
def test_an_ordinary_digit_has_no_cuts(draw: type[zero]) -> None:
    page = paper()
    draw(page, 200, 150, 100)
    assert cuts(only_region(page)) == []


def test_hypotheses_share_parts() -> None:
    hypotheses = cuts(only_region(zeros(2)))
    parts = [part for hypothesis in hypotheses for part in hypothesis]
    by_box = {(part.box, part.ink.tobytes()): part for part in parts}
    assert len({id(part) for part in parts}) == len(by_box)


def test_parts_of_a_turned_region_lie_where_their_ink_does() -> None:
    region = only_region(zeros(2))
    quarter = np.array([[0.0, -1.0, 479.0], [1.0, 0.0, 0.0]])  # x, y → 479 − y, x
    for upright, turned in zip(cuts(region)[0], cuts(region.within(quarter))[0], strict=True):
        x, y, width, height = upright.box
        assert turned.box == pytest.approx((479 - y - height, x, height, width), abs=2)


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 3)])
def test_slivers_have_no_cuts(shape: tuple[int, int]) -> None:
    assert cuts(Region((0, 0, shape[1], shape[0]), 0, np.full(shape, 255, np.uint8))) == []
    assert cuts(Region((0, 0, 0, 0), 0, np.zeros(shape, np.uint8))) == []


def test_low_ends_of_a_bar_are_no_digits() -> None:
    tee = np.zeros((60, 120), np.uint8)
    cv2.line(tee, (5, 10), (115, 10), 255, 5)
    cv2.line(tee, (60, 10), (60, 55), 255, 5)
    ways = cuts(Region((0, 0, 120, 60), 0, tee))
    assert all(part.box[3] >= 0.5 * 48 for way in ways for part in way)
