from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_hdr_device.classifier import Predictions
from edge_hdr_device.judge import SURE, best, candidates, surest, with_cuts
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
    ("whole", "left", "right", "parts"),
    [
        (0.5, 0.9, 0.9, 2),  # 0.9 · 0.9 = 0.81
        (0.82, 0.9, 0.9, 1),
        (0.98, 0.99, 0.98, 1),  # 0.99 · 0.98 = 0.970
    ],
)
def test_the_most_probable_way_is_taken(
    whole: float, left: float, right: float, parts: int
) -> None:
    batch = candidates([[(region(),), (region(0, 15), region(15, 15))]])
    assert len(surest(batch, sure(whole, left, right))) == parts


def test_one_doubtful_part_outweighs_no_others() -> None:
    one, left, right = region(), region(0, 15), region(15, 15)
    other = (region(0, 12), region(12, 18))
    batch = candidates([[(one,), (left, right), other]])
    chosen = surest(batch, sure(0.3, 1.0, 0.8, 0.85, 0.85))  # 0.8 > 0.85 · 0.85 = 0.72
    assert [part for part, _ in chosen] == [left, right]
    assert [row for _, row in chosen] == [1, 2]
    chosen = surest(batch, sure(0.3, 1.0, 0.7, 0.85, 0.85))
    assert [part for part, _ in chosen] == list(other)
    assert [row for _, row in chosen] == [3, 4]


def test_the_narrower_a_region_the_more_a_cut_costs() -> None:
    halves = (region(0, 15), region(15, 15))
    square, narrow = region(width=30), region(width=27)
    # A part more costs e^−0.4 = 0.67, and 0.67 · 0.9 = 0.6 is more than 0.55. At 0.9 of its height
    # it costs e^(−0.4 − 4 · 0.1) = 0.45, and 0.45 · 0.9 = 0.4 is less.
    likelihoods = [np.log(0.55), np.log(0.9)]
    assert best(likelihoods, [(square,), halves]) == 1
    assert best(likelihoods, [(narrow,), halves]) == 0


def test_a_cut_of_which_most_is_rejected_is_none() -> None:
    parts = tuple(region(left, 10) for left in (0, 10, 20))
    batch = candidates([[(region(),), parts]])
    assert len(surest(batch, sure(0.1, 1.0, 1.0, 0.4))) == 3  # two of three
    assert len(surest(batch, sure(0.1, 1.0, 0.4, 0.4))) == 1


def two_rings() -> Region:
    ink = np.zeros((64, 120), np.uint8)
    for left in (34, 85):
        cv2.ellipse(ink, (left, 32), (26, 28), 0, 0, 360, 255, 5)
    return Region((0, 0, 120, 64), 0, ink)


def test_only_what_is_doubted_is_cut() -> None:
    batch = candidates([[(two_rings(),)], [(region(),)]])
    assert with_cuts(batch, sure(SURE, 0.5)) is batch
    more = with_cuts(batch, sure(SURE - 0.01, 0.5))
    assert (more.crops[:2] == batch.crops).all()
    parts = {id(part) for ways in more.regions for way in ways for part in way}
    assert sorted(more.rows) == sorted(parts)
    assert sorted(more.rows.values()) == list(range(len(more.crops)))
    assert [len(ways) > 1 for ways in more.regions] == [True, False]  # a square has no cut


def test_what_is_too_wide_is_cut_however_sure_a_classifier_is() -> None:
    batch = candidates([[(replace(two_rings(), single=False),)]])
    assert len(with_cuts(batch, sure(1.0)).regions[0]) > 1


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


def test_what_is_too_wide_counts_only_in_parts_most_of_which_are_accepted() -> None:
    wide = replace(region(width=90), single=False)
    left, right = region(0, 45), region(45, 45)
    batch = candidates([[(wide,), (left, right)]])
    assert [part for part, _ in surest(batch, sure(0.99, 0.9, 0.8))] == [left, right]
    assert surest(batch, sure(0.99, 0.9, 0.4)) == []
    assert surest(candidates([[(wide,)]]), sure(0.99)) == []
