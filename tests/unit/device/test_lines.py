from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.lines import reading_order


def row_of_boxes(
    count: int, *, left: float, top: float, slope: float = 0.0, size: float = 40
) -> NDArray[np.float64]:
    x = left + 60.0 * np.arange(count)
    y = top + slope * (x - left)
    return np.stack((x, y, x + 0.6 * size, y + size), axis=1)


def test_one_line_is_read_from_left_to_right() -> None:
    boxes = row_of_boxes(4, left=10, top=50)[[2, 0, 3, 1]]
    assert reading_order(boxes) == [[1, 3, 0, 2]]


def test_two_lines_are_read_from_top_to_bottom() -> None:
    boxes = np.vstack((row_of_boxes(3, left=10, top=200), row_of_boxes(2, left=10, top=50)))
    assert reading_order(boxes) == [[3, 4], [0, 1, 2]]


def test_two_sloping_lines_are_kept_apart() -> None:
    # Over 9 steps of 60 px a slope of 0.15 falls by 81 px, more than the 70 px between the lines.
    upper = row_of_boxes(10, left=10, top=50, slope=0.15)
    lower = row_of_boxes(10, left=10, top=120, slope=0.15)
    assert upper[-1, 1] > lower[0, 1]
    assert reading_order(np.vstack((upper, lower))) == [list(range(10)), list(range(10, 20))]


def test_rising_lines_are_kept_apart() -> None:
    upper = row_of_boxes(8, left=10, top=200, slope=-0.15)
    lower = row_of_boxes(8, left=10, top=270, slope=-0.15)
    assert reading_order(np.vstack((lower, upper))) == [list(range(8, 16)), list(range(8))]


def test_a_column_is_one_line_a_digit() -> None:
    boxes = np.array(
        [[10.0 + 3 * row, 60.0 * row, 40.0 + 3 * row, 60.0 * row + 45] for row in (2, 0, 1)]
    )
    assert reading_order(boxes) == [[1], [2], [0]]


def test_a_lower_digit_stays_in_its_line() -> None:
    boxes = row_of_boxes(3, left=10, top=50)
    boxes[1, 1] += 18  # a small digit on the same base line
    assert reading_order(boxes) == [[0, 1, 2]]


def test_no_boxes_are_no_lines() -> None:
    assert reading_order(np.zeros((0, 4))) == []
