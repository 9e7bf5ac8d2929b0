"""Sides of sheets are told from strokes by the ground on either side."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr_device.edges import on_edges

BOX = np.array([[95.0, 40, 105, 100]])


def table() -> NDArray[np.uint8]:
    """A sheet of 200 on the right of x = 100, a table of 60 on the left."""
    picture = np.full((150, 200), 60, np.uint8)
    picture[:, 100:] = 200
    return picture


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_a_step_is_an_edge_and_a_stroke_is_none(light: bool, turned: bool) -> None:
    stroke = np.full((150, 200), 200, np.uint8)
    stroke[40:100, 97:103] = 60
    for picture, wanted in ((table(), True), (stroke, False)):
        seen = 255 - picture if light else picture
        box = BOX[:, [1, 0, 3, 2]] if turned else BOX
        found = on_edges(np.ascontiguousarray(seen.T) if turned else seen, box, light=light)
        assert found.tolist() == [wanted]


def test_a_stroke_beside_an_edge_of_a_shadow_stays() -> None:
    """Ink 40 on 200 left and 150 right: a ridge of 110 beside a step of 50."""
    picture = np.full((150, 200), 200, np.uint8)
    picture[:, 100:] = 150
    picture[40:100, 97:103] = 40
    assert on_edges(picture, BOX, light=False).tolist() == [False]


def test_a_box_as_wide_as_high_is_never_an_edge() -> None:
    assert on_edges(table(), np.array([[80.0, 40, 120, 80]]), light=False).tolist() == [False]


def test_nothing_is_told_of_a_box_at_the_picture_s_side() -> None:
    assert on_edges(table(), np.array([[0.0, 40, 8, 100]]), light=False).tolist() == [False]
