from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr_device.normalize import GLYPH_PX, SIDE_PX, normalize


def bar(width: int, height: int, *, margin: int = 7, level: int = 255) -> NDArray[np.uint8]:
    ink = np.zeros((height + 2 * margin, width + 2 * margin), np.uint8)
    ink[margin : margin + height, margin : margin + width] = level
    return ink


def extent(digit: NDArray[np.uint8]) -> tuple[int, int]:
    _, _, width, height = cv2.boundingRect((digit > 0).astype(np.uint8))
    return width, height


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (100, 200, (10, 20)),  # 20 · 100 / 200 wide
        (200, 100, (20, 10)),
        (300, 300, (20, 20)),
        (5, 10, (10, 20)),  # enlarged
        (2, 200, (1, 20)),  # 20 · 2 / 200 = 0.2, at least 1
    ],
)
def test_longer_side_becomes_20_px_with_its_aspect(
    width: int, height: int, expected: tuple[int, int]
) -> None:
    digit = normalize(bar(width, height))
    assert digit.shape == (SIDE_PX, SIDE_PX)
    assert digit.dtype == np.uint8
    assert extent(digit) == expected


@pytest.mark.parametrize("level", [40, 128, 255])
def test_full_ink_becomes_255(level: int) -> None:
    assert normalize(bar(60, 90, level=level)).max() == 255


def test_centre_of_mass_goes_to_the_centre() -> None:
    ink = np.zeros((200, 200), np.uint8)
    ink[20:180, 30:60] = 255
    ink[150:180, 30:120] = 255  # an L: its mass is left of and below its box's middle
    moments = cv2.moments(normalize(ink))
    # Whole pixels: the centre is met to half a pixel, counted from pixel centres.
    assert moments["m10"] / moments["m00"] == pytest.approx(SIDE_PX / 2, abs=0.51)
    assert moments["m01"] / moments["m00"] == pytest.approx(SIDE_PX / 2, abs=0.51)


def test_edges_stay_soft() -> None:
    disc = np.zeros((300, 300), np.uint8)
    cv2.circle(disc, (150, 150), 100, 255, -1)
    digit = normalize(disc)
    assert ((digit > 20) & (digit < 235)).sum() > GLYPH_PX


def test_no_ink_gives_an_empty_field() -> None:
    assert normalize(np.zeros((30, 40), np.uint8)).sum() == 0
    assert normalize(np.full((30, 40), 20, np.uint8)).sum() == 0  # fainter than any edge


def test_a_normalized_digit_is_left_nearly_as_it_is() -> None:
    disc = np.zeros((300, 300), np.uint8)
    cv2.ellipse(disc, (150, 150), (60, 110), 10, 0, 360, 255, 25)
    once = normalize(disc)
    assert np.abs(normalize(once).astype(int) - once).mean() < 2
