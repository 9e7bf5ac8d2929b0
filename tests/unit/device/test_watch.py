from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from written import Show, jittered, moved, write

from edge_hdr_device.pipeline import text_lines
from edge_hdr_device.settings import ReadConfig
from edge_hdr_device.tracking.roi import Roi
from edge_hdr_device.tracking.watch import Watch, make_rules

NOTHING = write()


def show(**settings: Any) -> Show:
    return Show(Watch(Roi("meter"), make_rules(ReadConfig(**settings))))


def test_a_reading_is_announced_when_enough_frames_agree() -> None:
    page = show(agree=3)
    assert page(write("123", "45"), times=2) == []
    assert page.watch.standing is None
    assert page(write("123", "45")) == ["announced 123 45"]
    assert page(write("123", "45"), times=50) == []


def test_what_stands_says_where_when_and_how_sure() -> None:
    page = show(agree=3)
    sure, unsure = write("1", confidence=0.9), write("2", x=140, confidence=0.6)
    page((*sure, *unsure), times=5)
    standing = page.watch.standing
    assert standing is not None
    assert (standing.region, standing.lines, standing.frame) == ("meter", ("12",), 3)
    assert standing.since_s == pytest.approx(1e9 + 0.3)
    assert standing.confidence == pytest.approx(0.6)
    event = page.events[0]
    assert (event.standing, event.frame, event.time_s) == (standing, 3, standing.since_s)
    assert (event.previous, event.reason) == ("", "")


def test_a_reading_with_an_unread_digit_has_no_confidence() -> None:
    page = show()
    page((*write("1", confidence=0.9), *write("?", x=140, confidence=0.99)), times=9)
    assert page.watch.standing is not None
    assert page.watch.standing.text == "1?"
    assert page.watch.standing.confidence == 0


def test_one_frame_is_enough_where_one_is_asked_for() -> None:
    page = show(agree=1, forget=1)
    assert page(write("12?4", "??")) == ["announced 12?4"]
    assert page(write("5")) == ["changed 12?4 to 5"]
    assert page(NOTHING) == ["dropped 5"]


def test_digits_come_back_with_their_tracks_in_their_order() -> None:
    watch = Watch(Roi(), make_rules(ReadConfig()), numbers=itertools.count(7))
    digits, _ = watch.update(write("12", "3"), frame=1, time_s=0.0, monotonic_s=0.0)
    assert [digit.track for digit in digits] == [7, 8, 9]
    assert [replace(digit, track=None) for digit in digits] == list(write("12", "3"))


@pytest.mark.parametrize("flicker", ["723", "?23", " 23", "1233", "12", "", "456", "1 2"])
def test_a_flicker_changes_nothing(flicker: str) -> None:
    page = show()
    page(write("123"), times=6)
    for _ in range(9):
        assert page(write(flicker)) == []
        assert page(write("123"), times=3) == []


def test_a_digit_rejected_for_a_frame_or_two_keeps_its_label() -> None:
    page = show()
    page(write("123"), times=6)
    assert page(write("1?3"), times=2) == []
    assert page(write("123"), times=6) == []


def test_new_agreement_changes_what_stands() -> None:
    page = show()
    page(write("123"), times=9)
    assert page(write("124"), times=3) == []
    assert page(write("124")) == ["changed 123 to 124"]
    assert page(write("1245"), times=3) == ["changed 124 to 1245"]


def test_a_page_that_is_replaced_is_never_mixed_with_the_next() -> None:
    page = show(agree=3, forget=8)
    page(write("1234"), times=9)
    for flicker in (write("567"), write("?67"), write("5 7"), write("567"), write("56?")):
        page(flicker)
    page(write("567"), times=9)
    assert page.told == ["announced 1234", "changed 1234 to 567"]


def test_an_unread_digit_of_the_old_page_is_no_part_of_the_next() -> None:
    page = show(agree=3, forget=8)
    page(write("12?"), times=9)
    assert page(write("56"), times=20) == ["changed 12? to 56"]


def test_a_digit_has_to_be_away_for_as_many_frames_as_it_takes_to_agree() -> None:
    page = show(agree=5, forget=2)
    page(write("123"), times=20)
    assert page(write("12"), times=4) == []
    assert page(write("12")) == ["changed 123 to 12"]


def test_a_hand_that_passes_over_drops_nothing() -> None:
    page = show(agree=3, forget=10)
    page(write("123"), times=9)
    assert page(NOTHING, times=9) == []
    assert page(write("123"), times=9) == []
    assert page.watch.standing is not None


@pytest.mark.parametrize(("agree", "forget"), [(3, 3), (3, 10), (5, 2), (1, 4)])
def test_what_stands_is_dropped_when_its_digits_have_left(agree: int, forget: int) -> None:
    page = show(agree=agree, forget=forget)
    page(write("123"), times=20)
    assert page(NOTHING, times=forget - 1) == []
    assert page(NOTHING) == ["dropped 123"]
    assert page.events[-1].previous == "123"
    assert page.watch.standing is None
    assert page(write("123"), times=agree) == ["announced 123"]


def test_a_line_that_leaves_is_taken_out() -> None:
    page = show()
    page(write("12", "34"), times=9)
    assert page(write("12"), times=3) == ["changed 12 34 to 12"]


def test_lines_flow_together_when_frames_agree_that_they_do() -> None:
    """As on paper that is turned; the same digits, the same places."""
    page = show()
    two = write("12", "34")
    one = tuple(replace(digit, line=0) for digit in two)
    page(two, times=9)
    assert page(one, times=2) == []
    assert not page.watch.settled
    assert page(two, times=9) == []
    assert page(one, times=4) == ["changed 12 34 to 1234"]
    assert page.watch.settled


def test_a_paper_that_moves_keeps_its_reading() -> None:
    page, rng = show(), np.random.default_rng(0)
    paper = write("123", "456")
    page(paper, times=3)
    for step in range(60):
        page(jittered(moved(paper, 9 * step, 5 * step), rng, 1))
    assert page.told == ["announced 123 456"]


def test_a_scribble_does_not_block_the_rest_for_ever() -> None:
    page = show(agree=3)
    assert page(write("12?"), times=5) == []
    assert page(write("12?")) == ["announced 12?"]
    assert page.watch.settled


def test_lines_of_which_nothing_is_read_are_left_out() -> None:
    page = show()
    assert page(write("??", "12"), times=9) == ["announced 12"]
    assert page(write("??"), times=9) == ["dropped 12"]


def test_a_speck_of_one_frame_holds_nothing_up() -> None:
    page = show(agree=3)
    page(write("12"))
    page((*write("12"), *write("?", x=400, y=300)))
    assert page(write("12")) == ["announced 12"]


def test_digits_that_can_be_read_no_more_are_dropped() -> None:
    page = show()
    page(write("12"), times=9)
    assert page(write("??"), times=40) == ["dropped 12"]
    assert page.watch.settled


def test_a_digit_that_takes_longer_is_waited_for() -> None:
    page = show(agree=3)
    page(NOTHING, times=20)
    page(write("1?"))
    assert page(write("12"), times=2) == []
    assert page(write("12")) == ["announced 12"]


def test_specks_that_come_and_go_hold_nothing_up_for_long() -> None:
    page = show(agree=3)
    for place in range(30):
        page((*write("12"), *write("?", x=60 * place, y=300)))
    assert page.told == ["announced 12"]


def test_a_digit_read_now_as_this_and_now_as_that_is_not_read() -> None:
    page = show()
    for label in "71?" * 20:
        page(write(f"2{label}"))
    assert page.told == ["announced 2?"]


def test_only_lines_that_match_are_announced() -> None:
    page = show(expect="[0-9]{5}")
    assert page(write("2026", "12345", "7"), times=9) == ["announced 12345"]
    assert page(write("2027", "12345", "7"), times=9) == []
    assert page(write("2027", "12346", "7"), times=9) == ["changed 12345 to 12346"]
    assert page.watch.standing is not None
    assert page.watch.standing.lines == ("12346",)


def test_an_expected_line_goes_when_a_digit_of_it_leaves_and_another_is_unread() -> None:
    page = show(digits=4, forget=3)
    page(write("1234"), times=9)
    for frame in range(1, 40):
        told = page(write("12?"))
        assert page.watch.settled is (page.watch.standing is None and frame > 6)
        assert not told or frame <= 3 + 6 + 1
    assert page.told == ["announced 1234", "dropped 1234"]


def test_a_number_of_digits_is_expected() -> None:
    assert show(digits=3)(write("12", "345"), times=9) == ["announced 345"]


def test_an_expected_line_stays_while_a_digit_of_it_cannot_be_read() -> None:
    """A wheel of a meter between two digits."""
    page = show(digits=5)
    page(write("12349"), times=9)
    assert page(write("1234?"), times=50) == []
    assert page(write("12350"), times=9) == ["changed 12349 to 12350"]
    assert page(write("1235"), times=9) == ["dropped 12350"]


def test_a_line_that_matches_no_more_is_dropped_once() -> None:
    page = show(digits=3)
    page(write("123"), times=9)
    assert page(write("1234"), times=40) == ["dropped 123"]
    assert page.watch.settled


def test_an_implausible_reading_is_reported_once_and_what_stands_remains() -> None:
    page = show(digits=3, monotonic=True)
    page(write("123"), times=9)
    assert page(write("122"), times=40) == ["implausible 122"]
    assert page(write("123"), times=9) == []
    assert page(write("122"), times=9) == []
    assert page(write("124"), times=9) == ["changed 123 to 124"]
    event = page.events[1]
    assert event.reason == "122 is lower than 123"
    assert (event.previous, event.standing.text) == ("123", "122")


def test_an_implausible_reading_that_stands_is_accepted_after_all() -> None:
    page = show(largest_step=5, accept_after_s=20)
    page(write("123"), times=9)
    assert page(write("222"), times=4) == ["implausible 222"]
    assert page(write("222"), times=199) == []
    assert page(write("222")) == ["changed 123 to 222"]
    assert page(write("224"), times=9) == ["changed 222 to 224"]


def test_an_implausible_reading_is_accepted_in_frames_that_are_not_read() -> None:
    page = show(largest_step=5, accept_after_s=20)
    page(write("123"), times=9)
    page(write("222"), times=9)
    since_s = page.events[-1].frame / 10
    assert page.watch.settled
    assert page.watch.pass_over(frame=99, time_s=1e9, monotonic_s=since_s + 19.9) == ()
    page.take(page.watch.pass_over(frame=100, time_s=1e9, monotonic_s=since_s + 20))
    assert page.told[-1] == "changed 123 to 222"
    assert page.watch.pass_over(frame=101, time_s=1e9, monotonic_s=since_s + 99) == ()


def test_a_frame_that_is_not_read_decides_nothing_while_others_are_waited_for() -> None:
    page = show(largest_step=5, accept_after_s=20)
    page(write("123"), times=9)
    page(write("222"), times=9)
    page(write("223"))
    assert page.watch.pass_over(frame=99, time_s=1e9, monotonic_s=999.0) == ()


def test_a_break_starts_the_waiting_again() -> None:
    page = show(largest_step=5, accept_after_s=20)
    page(write("123"), times=9)
    page(write("222"), times=100)
    page(write("123"), times=10)
    page(write("222"), times=150)
    assert page.told == ["announced 123", "implausible 222"]


def test_leaving_starts_the_waiting_again() -> None:
    page = show(largest_step=5, accept_after_s=20)
    page(write("123"), times=9)
    page(write("222"), times=100)
    page(NOTHING, times=10)
    page(write("222"), times=150)
    assert page.told == ["announced 123", "implausible 222", "dropped 123"]


def test_a_number_is_remembered_when_it_leaves_the_picture() -> None:
    page = show(monotonic=True)
    page(write("123"), times=9)
    page(NOTHING, times=9)
    assert page(write("101"), times=9) == ["implausible 101"]
    assert page.events[-1].previous == ""
    assert page(write("124"), times=9) == ["announced 124"]


def test_a_camera_that_goes_away_drops_what_stands() -> None:
    page = show()
    page(write("123"), times=9)
    page.take(page.watch.reset(frame=10, time_s=5.0))
    assert page.told == ["announced 123", "dropped 123"]
    assert (page.events[-1].frame, page.events[-1].time_s) == (10, 5.0)
    assert page.watch.standing is None
    assert page.watch.reset(frame=11, time_s=6.0) == ()
    assert page(write("123"), times=3) == ["announced 123"]


def test_tracks_are_not_mistaken_for_older_ones_after_a_reset() -> None:
    watch = Watch(Roi(), make_rules(ReadConfig()))
    moment: dict[str, Any] = {"frame": 1, "time_s": 0.0, "monotonic_s": 0.0}
    before, _ = watch.update(write("12"), **moment)
    watch.reset(frame=2, time_s=0.0)
    after, _ = watch.update(write("12"), **moment)
    assert not {digit.track for digit in before} & {digit.track for digit in after}


def test_nothing_is_settled_until_frames_agree() -> None:
    page = show(agree=3)
    assert page.watch.settled
    settled = []
    for text in ("12", "12", "12", "12", "1?", "12", "1", "12", ""):
        page(write(text))
        settled.append(page.watch.settled)
    assert settled == [False, False, True, True, False, True, False, True, False]


def test_a_frame_says_the_same_over_time_as_by_itself() -> None:
    page = show()
    digits = write("12?", "", "??", " 34", "5")
    page(digits, times=9)
    assert page.watch.standing is not None
    assert page.watch.standing.lines == text_lines(digits) == ("12?", "34", "5")


def test_a_clock_that_jumps_breaks_nothing() -> None:
    watch = Watch(Roi(), make_rules(ReadConfig(agree=2)))
    told = []
    for frame, time_s in enumerate((1e9, 0.0, 2e9, -5.0), start=1):
        _, events = watch.update(write("1"), frame=frame, time_s=time_s, monotonic_s=frame)
        told += [(event.change, event.time_s) for event in events]
    assert told == [("announced", 0.0)]
