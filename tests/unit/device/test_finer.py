from __future__ import annotations

import numpy as np
import pytest
from drawing import one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.finer import with_small_digits
from edge_hdr_device.locate import WORKING_PX, locate
from edge_hdr_device.page import find_page


def large_page() -> NDArray[np.uint8]:
    """Draw digits 14 px high on 3600 × 2700 px: on the reduction they are 6 px high."""
    page = paper(3600, 2700)
    for column in range(6):
        zero(page, 1000 + 24 * column, 1200, 14, pen=2)
    return page


def test_small_digits_of_a_large_photo_are_found() -> None:
    regions = locate(large_page())
    assert len(regions) == 6
    assert [region.box[0] for region in regions] == [
        pytest.approx(1000 + 24 * column, abs=3) for column in range(6)
    ]
    assert all(region.box[3] == pytest.approx(14, abs=3) for region in regions)


def test_large_digits_beside_small_ones_are_found_once() -> None:
    page = large_page()
    zero(page, 1000, 600, 400, pen=30)
    seven(page, 1400, 600, 400, pen=30)
    regions = locate(page)
    assert [region.line for region in regions] == [0, 0] + 6 * [1]
    assert [region.box[3] for region in regions[:2]] == pytest.approx([400, 400], abs=12)


def test_specks_are_no_digits_from_close_by_either() -> None:
    page = paper(3600, 2700)
    zero(page, 1000, 600, 300, pen=25)
    one(page, 1400, 600, 300, pen=25)
    for at in range(5):
        page[1500 : 1504 + at, 800 + 40 * at : 804 + 41 * at] = 40
    assert len(locate(page)) == 2


def test_a_picture_that_is_hardly_reduced_is_looked_at_once() -> None:
    page = paper(1800, 1200)
    zero(page, 300, 300, 12, pen=2)
    zero(page, 330, 300, 12, pen=2)
    found = find_page(page, WORKING_PX)
    assert len(with_small_digits(found)) == len(found.regions())
