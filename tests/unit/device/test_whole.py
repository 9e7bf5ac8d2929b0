"""A tight picture taken for one digit: noise, patches, lines and outlines that hide it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr_device.normalize import normalize
from edge_hdr_device.outline import filled
from edge_hdr_device.whole import whole

SIDE_PX = 84


def three(pen: int = 7) -> NDArray[np.uint8]:
    """Draw a 3 of about 60 px on white paper."""
    page = np.full((SIDE_PX, SIDE_PX), 255, np.uint8)
    for centre, radius in ((28, 15), (56, 14)):
        cv2.ellipse(page, (38, centre), (14, radius), 0, -140, 90, 0, pen, cv2.LINE_AA)
    cv2.ellipse(page, (38, 56), (14, 14), 0, 80, 150, 0, pen, cv2.LINE_AA)
    return page


def read(page: NDArray[Any]) -> NDArray[np.uint8]:
    region = whole(page.astype(np.uint8))
    assert region is not None
    return normalize(region.ink)


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Give the correlation of two pictures, 1 where they are the same."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def as_it_is() -> NDArray[np.uint8]:
    return normalize(255 - three())


def test_a_clean_digit_is_as_it_is() -> None:
    assert alike(read(three()), as_it_is()) > 0.95


def test_its_box_is_in_px_of_the_picture() -> None:
    region = whole(cv2.resize(three(), (140, 140)).astype(np.uint8))
    assert region is not None
    x, y, width, height = cv2.boundingRect((three() < 128).astype(np.uint8))
    drawn = [round(side * 140 / SIDE_PX) for side in (x, y, width, height)]
    assert region.box == pytest.approx(drawn, abs=140 / 28 + 3)  # one of its 28 px, and edges


def test_a_colour_picture_and_its_negative_are_the_same_digit() -> None:
    page = np.repeat(255 - three()[:, :, None], 3, axis=2)
    assert alike(read(page), as_it_is()) > 0.95


@pytest.mark.parametrize("upright", [True, False])
def test_paper_that_is_dark_at_two_sides_is_still_paper(upright: bool) -> None:
    page = three()
    for band in (slice(0, 27), slice(57, SIDE_PX)):
        where = (slice(None), band) if upright else (band, slice(None))
        page[where] = 255 - page[where]
    assert alike(read(page), as_it_is()) > 0.85


def test_single_pixels_of_noise_are_mended() -> None:
    small = cv2.resize(three(), (28, 28), interpolation=cv2.INTER_AREA)
    draw = np.random.default_rng(0).random(small.shape)
    small[draw < 0.06], small[draw > 0.94] = 0, 255
    page = cv2.resize(small, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    assert alike(read(page), as_it_is()) > 0.85


def test_faint_stains_are_left_out() -> None:
    page = three()
    stained = np.full_like(page, 255)
    cv2.circle(stained, (70, 15), 14, 190, -1)
    cv2.circle(stained, (12, 70), 11, 190, -1)
    assert alike(read(np.minimum(page, stained)), as_it_is()) > 0.9


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_through_the_digit_ends_at_it(turned: bool) -> None:
    page, line = three(), np.full((SIDE_PX, SIDE_PX), 255, np.uint8)
    cv2.line(line, (0, 50), (SIDE_PX - 1, 44), 60, 4)
    page = np.minimum(page, line.T if turned else line)
    assert alike(read(page), as_it_is()) > 0.7
    region = whole(page)
    assert region is not None
    assert max(region.box[2:]) < 70  # the line is 84 px long


def test_a_line_beside_the_digit_goes() -> None:
    page = three()
    cv2.line(page, (2, 79), (SIDE_PX - 2, 79), 0, 3)
    assert alike(read(page), as_it_is()) > 0.8


def test_an_outline_of_its_strokes_is_filled() -> None:
    ink = (three(pen=10) < 128).astype(np.uint8)
    edges = cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    page = (255 * (1 - edges)).astype(np.uint8)
    assert alike(normalize(255 - page), normalize(255 - three(pen=10))) < 0.6
    assert alike(read(page), normalize(255 - three(pen=10))) > 0.9


def test_a_ring_drawn_by_its_edges_is_a_ring_and_a_thin_zero_stays() -> None:
    zero = np.zeros((28, 28), np.uint8)
    cv2.ellipse(zero, (14, 14), (7, 10), 0, 0, 360, 255, 1)
    assert filled(zero) is zero
    edges = np.zeros((28, 28), np.uint8)
    for axes in ((8, 11), (3, 6)):
        cv2.ellipse(edges, (14, 14), axes, 0, 0, 360, 255, 1)
    ring = filled(edges)
    assert ring[14, 14 - 5] == 255  # between the two edges
    assert ring[14, 14] == 0  # its hole


@pytest.mark.parametrize("shape", [(201, 40), (40, 201, 3)])
def test_a_picture_that_is_not_tight_has_no_such_reading(shape: tuple[int, ...]) -> None:
    page = np.full(shape, 255, np.uint8)
    page[10:30, 10:14] = 0
    assert whole(page) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (84, 84)])
def test_blank_paper_and_a_few_pixels_are_no_digit(size: tuple[int, int]) -> None:
    assert whole(np.full(size, 200, np.uint8)) is None
