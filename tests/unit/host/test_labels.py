"""Where the labels of points go."""

from __future__ import annotations

import numpy as np
import pytest

from edge_hdr.report.labels import distance_px, place

AREA = np.array([50.0, 30.0, 950.0, 560.0])


def overlapping(centres, sizes):
    """Count the pairs of labels that lie over each other."""
    over = (np.abs(centres[:, None] - centres) < (sizes[:, None] + sizes) / 2).all(axis=2)
    return int(np.triu(over, 1).sum())


def covered(centres, sizes, points):
    """Count the points under labels."""
    return int((np.abs(centres[:, None] - points) < sizes[:, None] / 2).all(axis=2).sum())


@pytest.mark.parametrize("spread", [1.0, 0.4])
def test_thirty_labels_lie_free_and_inside(spread):
    rng = np.random.default_rng(3)
    points = np.array([500.0, 300.0]) + spread * rng.uniform((-440, -250), (440, 250), (30, 2))
    sizes = np.stack([rng.uniform(60, 150, 30), np.full(30, 12.0)], axis=1)
    centres = place(points, sizes, AREA)
    assert overlapping(centres, sizes) == 0
    assert covered(centres, sizes, points) == 0
    assert (centres - sizes / 2 >= AREA[:2]).all()
    assert (centres + sizes / 2 <= AREA[2:]).all()


def test_a_label_alone_is_beside_its_point():
    (centre,) = place(np.array([[500.0, 300.0]]), np.array([[80.0, 12.0]]), AREA)
    gap = np.abs(centre - (500, 300)) - (40, 6)
    assert 0 < gap.max() < 10


def test_a_label_makes_room_for_a_line():
    point, size = np.array([[500.0, 300.0]]), np.array([[80.0, 12.0]])
    free = place(point, size, AREA)
    line = np.array([(x, free[0, 1]) for x in np.linspace(440, 620, 60)])
    assert covered(free, size, line) > 0
    assert covered(place(point, size, AREA, line), size, line) == 0


def test_a_label_too_wide_for_the_area_still_gets_a_place():
    (centre,) = place(np.array([[500.0, 300.0]]), np.array([[2000.0, 12.0]]), AREA)
    assert np.isfinite(centre).all()


def test_no_points_need_no_places():
    assert place(np.zeros((0, 2)), np.zeros((0, 2)), AREA).shape == (0, 2)


def test_a_label_is_closest_to_its_own_point():
    points = np.array([[500.0, 300.0], [500.0, 306.0], [530.0, 303.0], [470.0, 303.0]])
    sizes = np.tile([90.0, 12.0], (4, 1))
    centres = place(points, sizes, AREA)
    nearest = distance_px(points, sizes[:, None], centres[:, None]).argmin(axis=1)
    assert nearest.tolist() == [0, 1, 2, 3]
