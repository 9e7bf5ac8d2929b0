from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_hdr_device.components import SPECK_AREA_PX, components_of


@pytest.mark.parametrize("share", [0.05, 0.4, 0.6])
def test_extents_are_those_of_opencv(share: float) -> None:
    mask = (np.random.default_rng(0).random((90, 120)) < share).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    expected = [row for row in range(1, len(stats)) if stats[row, cv2.CC_STAT_AREA] >= 4]
    ids, boxes, areas = components_of(mask).extents()
    assert SPECK_AREA_PX == 4
    assert ids.tolist() == expected
    left, top, width, height, area = stats[expected].T
    assert boxes.T.tolist() == [
        *(left.tolist(), top.tolist()),
        *((left + width).tolist(), (top + height).tolist()),
    ]
    assert areas.tolist() == area.tolist()
    assert np.array_equal(components_of(mask).labels, labels)


@pytest.mark.parametrize("blank", [1, 2, 90])
def test_rows_without_ink_change_nothing(blank: int) -> None:
    mask = (np.random.default_rng(1).random((90, 120)) < 0.3).astype(np.uint8)
    mask[:blank], mask[-blank:] = 0, 0
    _, labels = cv2.connectedComponents(mask, connectivity=8)
    found = components_of(mask)
    assert np.array_equal(found.labels, labels)
    assert np.array_equal(found.where, np.flatnonzero(mask))
    assert np.array_equal(np.repeat(found.owner, found.length), labels[mask > 0])


def test_runs_end_at_the_frame_though_the_next_row_goes_on() -> None:
    mask = np.ones((3, 5), np.uint8)
    mask[1, 1:4] = 0  # a ring: one component in four runs
    ring = components_of(mask)
    assert ring.first.tolist() == [0, 5, 6, 7]
    assert ring.length.tolist() == [5, 1, 1, 5]
    assert ring.extents()[1].tolist() == [[0, 0, 5, 3]]


def test_typical_depth_weighs_each_pixel_by_its_depth_squared() -> None:
    mask = np.array([[1, 1, 0, 1], [0, 0, 0, 1]], np.uint8)
    depth = np.array([[10, 20, 99, 7], [99, 99, 99, 7]], np.uint8)
    components = components_of(mask)
    typical = components.typical(depth.ravel()[components.where])
    assert typical == pytest.approx([0, (10**3 + 20**3) / (10**2 + 20**2), 7])


def test_pixels_and_values_belong_to_their_component() -> None:
    mask = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], np.uint8)
    components = components_of(mask)
    assert components.pixels(1).tolist() == [0, 1, 4]
    assert components.pixels(2).tolist() == [3, 7]
    assert components.per_pixel(np.array([0, 5, 8], np.uint8)).tolist() == [5, 5, 8, 5, 8]


def test_blank_paper_has_no_components() -> None:
    blank = components_of(np.zeros((4, 6), np.uint8))
    ids, boxes, areas = blank.extents()
    assert (len(ids), boxes.shape, len(areas)) == (0, (0, 4), 0)
    assert blank.typical(np.zeros(0, np.uint8)).sum() == 0
