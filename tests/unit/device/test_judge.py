from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_hdr_device.classifier import Predictions
from edge_hdr_device.judge import CLEARLY, best, candidates, surest
from edge_hdr_device.region import Region


def region(left: int = 0, width: int = 30, height: int = 30) -> Region:
    ink = np.full((height, width), 255, np.uint8)
    return Region((left, 0, width, height), 0, ink)


def sure(*confidences: float, threshold: float = 0.5) -> Predictions:
    values = np.array(confidences, np.float32)
    rows = np.zeros((len(values), 10), np.float32)
    return Predictions(rows, rows, np.zeros(len(values), np.int64), values, values >= threshold)


def test_every_part_is_normalized_once() -> None:
    whole, left, middle, right = region(), region(0, 10), region(10, 10), region(20, 10)
    batch = candidates([[(whole,), (left, middle), (left, middle, right)], [(right,)]])
    assert batch.crops.shape == (4, 28, 28)
    assert sorted(batch.rows.values()) == [0, 1, 2, 3]


def test_nothing_found_is_an_empty_batch() -> None:
    batch = candidates([])
    assert batch.crops.shape == (0, 28, 28)
    assert surest(batch, sure()) == []


@pytest.mark.parametrize(
    ("whole", "part", "chosen"),
    [
        (0.5, 1 - 0.9 * CLEARLY * 0.5, 2),  # the doubt is less than a tenth of 0.5
        (0.5, 1 - 1.1 * CLEARLY * 0.5, 1),
        (0.999, 0.999, 1),
    ],
)
def test_parts_are_taken_where_they_are_clearly_surer(
    whole: float, part: float, chosen: int
) -> None:
    one, left, right = region(), region(0, 15), region(15, 15)
    batch = candidates([[(one,), (left, right)]])
    assert len(surest(batch, sure(whole, part, 1.0))) == chosen


def test_a_wide_region_is_cut_more_readily() -> None:
    doubts = [0.5, 0.4]
    narrow, wide = region(width=30), region(width=60)  # 2 heights: 0.1 + 1.5 · 0.9 > 1
    halves = (region(0, 15), region(15, 15))
    assert best(doubts, [(narrow,), halves]) == 0
    assert best(doubts, [(wide,), halves]) == 1


def test_a_way_is_as_sure_as_its_least_sure_part() -> None:
    one, left, right = region(), region(0, 15), region(15, 15)
    other = (region(0, 12), region(12, 18))
    batch = candidates([[(one,), (left, right), other]])
    chosen = surest(batch, sure(0.3, 1.0, 0.4, 0.97, 0.97))
    assert [part for part, _ in chosen] == list(other)
    assert [row for _, row in chosen] == [3, 4]


def test_a_small_picture_is_read_as_a_whole_where_that_is_surer() -> None:
    found, alone = region(), region()
    batch = candidates([[(found,)]], alone)
    assert surest(batch, sure(0.6, 0.9)) == [(alone, 1)]
    assert surest(batch, sure(0.9, 0.6)) == [(found, 0)]


def test_two_digits_stay_two_unless_the_whole_is_clearly_surer() -> None:
    left, right, alone = region(0, 15), region(15, 15), region()
    batch = candidates([[(left,)], [(right,)]], alone)
    assert len(surest(batch, sure(0.9, 0.9, 0.95))) == 2
    assert surest(batch, sure(0.9, 0.5, 0.96)) == [(alone, 2)]  # 0.04 < 0.1 · 0.5


def test_where_nothing_was_found_the_whole_counts_if_it_is_accepted() -> None:
    alone = region()
    batch = candidates([], alone)
    assert surest(batch, sure(0.9)) == [(alone, 0)]
    assert surest(batch, sure(0.4)) == []


def test_what_is_too_wide_counts_only_in_parts_that_are_all_accepted() -> None:
    wide = replace(region(width=90), single=False)
    left, right = region(0, 45), region(45, 45)
    batch = candidates([[(wide,), (left, right)]])
    assert [part for part, _ in surest(batch, sure(0.99, 0.9, 0.8))] == [left, right]
    assert surest(batch, sure(0.99, 0.9, 0.4)) == []
    assert surest(candidates([[(wide,)]]), sure(0.99)) == []
