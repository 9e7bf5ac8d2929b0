"""What was read in a photo, judged by what is written there."""

from __future__ import annotations

import json

import numpy as np
import pytest
from read_photos import box, digit, judged, line, reading

from edge_hdr.errors import ModelError
from edge_hdr.photos.labels import Truth
from edge_hdr.photos.places import overlaps, same
from edge_hdr.photos.read import check_labels
from edge_hdr.photos.score import score
from edge_hdr.photos.summary import (
    best_acceptance,
    bootstrap,
    by_flag,
    confusions,
    summarize,
    worst_first,
)

PAGE = reading(
    digit("1", 0.99),
    digit("7", 0.95, place=1),
    digit("3", 0.50, place=2, accepted=False),
    digit("4", 0.90, line=1),
    digit("6", 0.97, place=1, line=1),
)


def test_what_is_rejected_is_missed_and_lines_are_judged_whole() -> None:
    one = judged("123/4", PAGE)
    assert (one.text, one.whole) == ("17/46", False)
    # 7 for one of 2 and 3, the other one not read, 6 not written
    assert (one.edits.missed, one.edits.confused, one.edits.invented) == (1, 1, 1)
    assert one.edits.total == 3
    assert one.lines_right == 0
    assert judged("17/46", PAGE).whole
    assert judged("1746", PAGE).edits.total == 0
    assert not judged("1746", PAGE).whole


def test_verdicts_follow_the_digits_that_count() -> None:
    assert judged("12/4", PAGE).verdicts == ["right", "confused", "rejected", "right", "invented"]
    assert judged("12/4", PAGE).confusions == [("2", "7")]


def test_a_right_line_stays_right_beside_a_missed_one() -> None:
    assert judged("9/17/46", PAGE).lines_right == 2


def test_a_rejected_digit_is_judged_as_if_it_were_read() -> None:
    found = judged("123/4", PAGE).judged
    assert [one.right for one in found] == [True, False, True, True, False]
    assert [one.covers for one in found] == [True, True, True, True, False]
    assert [one.accepted for one in found] == [True, True, False, True, True]


def test_places_tell_what_a_digit_stands_for_where_they_are_known() -> None:
    truth = Truth("a.png", ("11",), boxes=(box(0), box(1)))
    one = score(truth, reading(digit("1", place=1), digit("1", place=3)))
    assert [(each.covers, each.right) for each in one.judged] == [(True, True), (False, False)]
    assert one.located == 1
    assert one.overlap == (0.0, 1.0)
    assert judged("11", line("11")).located is None


def test_boxes_are_paired_by_what_they_share() -> None:
    overlap = overlaps([(0, 0, 10, 10), (20, 0, 10, 10)], [(18, 0, 10, 10), (5, 0, 10, 10)])
    # 50 of 150 px are shared by the first and the second, 80 of 120 by the other two
    assert overlap == pytest.approx(np.array([[0, 50 / 150], [80 / 120, 0]]))
    assert same(overlap) == [(1, 0), (0, 1)]
    assert same(overlaps([(0, 0, 10, 10)], [])) == []


def test_a_box_over_two_digits_is_one_of_them() -> None:
    wide = overlaps([(0, 0, 10, 10), (10, 0, 10, 10)], [(0, 0, 20, 10)])
    assert same(wide) == [(0, 0)]


def test_figures_add_up() -> None:
    scores = [judged("12/3", line("12")), judged("4567", line("4567")), judged("8", line("39"))]
    found = summarize(scores)
    assert (found["photos"], found["digits"]) == (3, 3 + 4 + 1)
    assert (found["missed"], found["confused"], found["invented"]) == (1, 1, 1)
    assert found["character_error_rate"] == 3 / 8
    assert (found["lines"], found["lines_right"], found["line_accuracy"]) == (4, 2, 2 / 4)
    assert (found["whole_photos"], found["whole_photo_accuracy"]) == (
        1,
        pytest.approx(1 / 3, abs=1e-4),
    )
    assert found["median_ms"] == 1.0 + 2.0 + 3.0
    assert found["located_share"] is None
    json.dumps(found)


def test_own_threshold_counts_what_is_accepted() -> None:
    own = summarize([judged("123/4", PAGE)])["own"]
    assert (own["accepted"], own["errors"]) == (4, 2)  # 7 for 2, and the invented 6
    assert own["coverage"] == 3 / 4  # the rejected 3 is not covered
    assert own["accuracy"] == 2 / 4


@pytest.mark.parametrize(
    ("accuracy", "accepted", "coverage", "threshold"),
    [
        # right, from the surest on: 1 of 1, 1 of 2 (the 6), 1 of 3 (the 7), 2 of 4, 3 of 5
        (1.0, 1, 1 / 4, 0.99),
        (0.61, 1, 1 / 4, 0.99),
        (0.6, 5, 4 / 4, 0.5),
    ],
)
def test_the_best_threshold_accepts_as_many_as_it_may(
    accuracy: float, accepted: int, coverage: float, threshold: float
) -> None:
    best = best_acceptance([judged("123/4", PAGE)], accuracy)
    assert (best.accepted, best.coverage, best.threshold) == (accepted, coverage, threshold)


def test_confidence_parts_digits_from_what_is_none() -> None:
    found = summarize([judged("123/4", PAGE)])
    # the invented 6 at 0.97 is surer than three of four digits
    assert found["non_digit_auroc"] == 1 / 4
    assert summarize([judged("12", line("12"))])["non_digit_auroc"] is None


def test_equal_confidences_are_accepted_together() -> None:
    one = judged("12", reading(digit("1", 0.9), digit("7", 0.9, place=1)))
    assert best_acceptance([one], 1.0).accepted == 0
    assert best_acceptance([one], 1.0).threshold is None
    assert best_acceptance([], 1.0).coverage == 0


def test_the_interval_comes_from_photos_and_holds_the_rate() -> None:
    faults, digits = np.array([0.0, 2, 0, 1, 5, 0, 0, 0]), np.full(8, 10.0)
    low, high = bootstrap(faults, digits) or [1, 0]
    assert 0 <= low < 8 / 80 < high <= 5 / 10
    assert bootstrap(faults, digits) == [low, high]
    # one photo ten times as large takes part as one photo, and spreads the interval
    heavy = bootstrap(faults * [1, 1, 1, 1, 10, 1, 1, 1], digits * [1, 1, 1, 1, 10, 1, 1, 1])
    assert heavy is not None
    assert heavy[1] - heavy[0] > high - low
    assert bootstrap(faults[:1], digits[:1]) is None
    assert bootstrap(np.ones(3), np.zeros(3)) is None


def test_photos_are_grouped_and_the_worst_come_first() -> None:
    fine = judged("12", line("12"))
    bad = judged("12", line("97"), flags=("ruled",))
    one_of_one = judged("1", line("7"), flags=("ruled", "grid"))
    groups = by_flag([fine, bad, one_of_one])
    assert {name: part["photos"] for name, part in groups.items()} == {
        "plain": 1, "grid": 1, "ruled": 2,
    }  # fmt: skip
    assert by_flag([fine]) == {}
    assert worst_first([fine, one_of_one, bad]) == [bad, one_of_one, fine]


def test_confusions_are_counted() -> None:
    scores = [judged("12", line("17")), judged("2", line("7")), judged("1", line("7"))]
    assert confusions(scores) == [
        {"written": "2", "read": "7", "count": 2},
        {"written": "1", "read": "7", "count": 1},
    ]


def test_only_models_of_digits_read_photos() -> None:
    check_labels("0123456789")
    check_labels(("3", "1"))
    with pytest.raises(ModelError, match="a class 'x'"):
        check_labels(("0", "x"))
