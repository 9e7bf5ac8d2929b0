"""Printed lines fainter than the writing: they go by their depth, however they run."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.ink import faint_mask, find_ink
from edge_hdr_device.locate import locate
from edge_hdr_device.prints import without_print

SQUARE_PX = 45


def squared(level: int, *, bend: float = 0.0) -> NDArray[np.uint8]:
    """Print squares on paper, their lines bent into waves so many px high."""
    page = paper()
    along = np.arange(0, 661, 4)
    wave = bend * np.sin(along / 90)
    for place in range(10, 700, SQUARE_PX):
        for line in (np.stack((along, place + wave), 1), np.stack((place + wave, along), 1)):
            cv2.polylines(page, [np.rint(line).astype(np.int32)], False, level, 2, cv2.LINE_AA)
    return page


def write(page: NDArray[np.uint8], ink: int = 40) -> NDArray[np.uint8]:
    """Write 0 and 7, the 0's left side along a line of the print."""
    zero(page, 10 + 2 * SQUARE_PX - 3, 190, 80, pen=7, ink=ink)
    seven(page, 420, 190, 80, pen=7, ink=ink)
    return page


def cleaned(page: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give a page's mask, and what is left of it without print."""
    ink = find_ink(page, light=False)
    mask = faint_mask(ink)
    return mask, without_print(mask, ink.depth)


def sides(page: NDArray[np.uint8]) -> NDArray[np.int_]:
    """Give left, top, right, bottom of all that is found."""
    boxes = np.array([region.box for region in locate(page)])
    boxes[:, 2:] += boxes[:, :2]
    return boxes


@pytest.mark.parametrize("bend", [0.0, 8.0])
@pytest.mark.parametrize("level", [185, 140])
def test_squares_go_and_every_stroke_stays_whole(level: int, bend: float) -> None:
    _, rest = cleaned(write(squared(level, bend=bend)))
    written = (write(paper()) < 100).astype(np.uint8)
    assert rest[written > 0].mean() > 0.99
    assert rest[cv2.dilate(written, np.ones((9, 9), np.uint8)) == 0].sum() == 0


@pytest.mark.parametrize("bend", [0.0, 8.0])
def test_digits_along_the_lines_of_squares_are_found_whole(bend: float) -> None:
    bare, found = sides(write(paper())), sides(write(squared(140, bend=bend)))
    assert len(bare) == 2
    assert found == pytest.approx(bare, abs=4)  # a stub of a line of 3 px may stay on each side


def test_lines_as_deep_as_the_writing_are_left_to_their_course() -> None:
    mask, rest = cleaned(write(squared(40)))
    assert rest is mask


def test_lines_deeper_than_the_writing_do_not_take_it_with_them() -> None:
    mask, rest = cleaned(write(squared(40), ink=150))
    assert rest is mask


def test_bold_and_faint_writing_without_a_net_comes_back_as_it_is() -> None:
    page = write(paper())
    for column in range(4):
        zero(page, 100 + 100 * column, 320, 80, ink=160)
    mask, rest = cleaned(page)
    assert rest is mask


def test_faint_writing_between_ruled_lines_stays() -> None:
    page = write(paper())
    for row in (120, 230, 440):
        cv2.line(page, (0, row), (639, row), 150, 2)
    zero(page, 300, 300, 80, ink=150)
    _, rest = cleaned(page)
    faint = paper()
    zero(faint, 300, 300, 80)
    assert rest[faint < 100].mean() > 0.99
    assert rest[438:443].sum() == 0
