from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr_device.tracking.consensus import Quorum
from edge_hdr_device.tracking.layout import Layout, Lines

BOXES = {1: (0, 0, 30, 40), 2: (40, 0, 30, 40), 3: (0, 80, 30, 40), 4: (40, 80, 30, 40)}


def members(*numbers: int) -> dict[int, NDArray[np.float64]]:
    return {number: np.array(BOXES[number], np.float64) for number in numbers}


def layout_after(*frames: Lines, numbers: tuple[int, ...] = (1, 2, 3, 4)) -> Layout:
    layout = Layout(Quorum(agree=3, share=0.6, forget=3))
    for seen in frames:
        layout.update(seen, members(*numbers))
    return layout


TWO_LINES: Lines = ((1, 2), (3, 4))
ONE_LINE: Lines = ((1, 2, 3, 4),)


def test_lines_are_those_that_frames_show() -> None:
    layout = layout_after(TWO_LINES, TWO_LINES, TWO_LINES)
    assert layout.lines == TWO_LINES
    assert layout.steady


def test_a_flicker_changes_no_line() -> None:
    layout = layout_after(*[TWO_LINES] * 6, ONE_LINE, ONE_LINE)
    assert layout.lines == TWO_LINES
    assert not layout.steady


def test_frames_that_agree_change_the_lines() -> None:
    assert layout_after(*[TWO_LINES] * 6, *[ONE_LINE] * 4).lines == ONE_LINE


@pytest.mark.parametrize("seen", [((1,), (3, 4)), ((1, 2),), ()])
def test_missed_digits_keep_their_place(seen: Lines) -> None:
    layout = layout_after(*[TWO_LINES] * 4, *[seen] * 9)
    assert layout.lines == TWO_LINES
    assert not layout.steady


def test_a_line_that_slopes_keeps_its_digits_while_one_is_missed() -> None:
    assert layout_after(*[ONE_LINE] * 4, *[((1, 3, 4),)] * 9).lines == ONE_LINE


def test_digits_that_do_not_belong_into_the_lines_are_passed_by() -> None:
    layout = layout_after(*[((9,), (1, 9, 2), (3, 4))] * 3)
    assert layout.lines == TWO_LINES
    assert layout.steady


def test_places_decide_where_no_frame_shows_all_digits() -> None:
    frames = [((2,), (3, 4)), ((1, 2), (4,)), ((1,), (3, 4)), ((1, 2), (3,))]
    assert layout_after(*frames).lines == TWO_LINES


def test_no_digits_have_no_lines() -> None:
    layout = layout_after(*[TWO_LINES] * 3)
    layout.update((), {})
    assert layout.lines == ()
    assert layout.steady
