from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from written import jittered, moved, write

from edge_hdr_device.pipeline import Digit
from edge_hdr_device.tracking.consensus import Quorum
from edge_hdr_device.tracking.track import Tracker


def tracker(agree: int = 3, forget: int = 3) -> Tracker:
    return Tracker(Quorum(agree, 0.6, forget), itertools.count(1))


def numbers(tracker: Tracker, digits: tuple[Digit, ...]) -> list[int]:
    return [track.number for track in tracker.update(digits)]


def test_digits_keep_their_numbers_where_they_stay() -> None:
    rng, follow = np.random.default_rng(0), tracker()
    page = write("01234", "56789")
    assert numbers(follow, page) == list(range(1, 11))
    for _ in range(50):
        assert numbers(follow, jittered(page, rng, 3)) == list(range(1, 11))


def test_digits_keep_their_numbers_when_they_are_read_as_others() -> None:
    follow = tracker()
    assert numbers(follow, write("012")) == numbers(follow, write("8?3")) == [1, 2, 3]


@pytest.mark.parametrize("by", [(0, 8), (15, 0), (0, 45), (-40, 0), (40, 80), (-170, 130)])
def test_a_shaken_camera_loses_no_digit(by: tuple[int, int]) -> None:
    """Also by a whole place or line, where each digit comes to lie on its neighbour."""
    follow = tracker()
    page = write("0123", "4567")
    assert numbers(follow, page) == numbers(follow, moved(page, *by)) == list(range(1, 9))


def test_a_camera_shaken_all_the_time_loses_few_digits() -> None:
    rng, kept = np.random.default_rng(1), []
    for _ in range(30):
        follow = tracker()
        page = write("".join(map(str, rng.integers(0, 10, 6))))
        first = numbers(follow, page)
        for _ in range(30):
            shaken = moved(jittered(page, rng, 2), *rng.integers(-60, 61, 2))
            kept.append(numbers(follow, shaken) == first)
    assert np.mean(kept) > 0.99


def test_like_digits_in_a_row_are_followed_too() -> None:
    rng, follow, kept = np.random.default_rng(3), tracker(), []
    page = write("66666", "6666")
    first = numbers(follow, page)
    for _ in range(100):
        shaken = moved(jittered(page, rng, 1), *rng.integers(-60, 61, 2))
        kept.append(numbers(follow, shaken) == first)
    assert np.mean(kept) > 0.99


def test_a_lone_digit_is_followed_some_way() -> None:
    follow = tracker()
    lone = write("7")
    near, far = moved(lone, 90, 0), moved(lone, 90, 300)
    assert [numbers(follow, digits) for digits in (lone, near, far)] == [[1], [1], [2]]


def test_a_thin_digit_is_followed_though_it_overlaps_no_more() -> None:
    follow = tracker()
    page = (*write("88", y=300), Digit("1", 0.9, (100, 100, 6, 40)))
    slipped = (*page[:2], replace(page[2], box=(108, 104, 6, 40)))
    assert numbers(follow, page) == numbers(follow, slipped)


def test_what_has_another_size_is_another_digit() -> None:
    follow = tracker()
    page = write("00000")
    speck = replace(page[0], box=(112, 115, 8, 10))
    assert numbers(follow, page) == [1, 2, 3, 4, 5]
    assert numbers(follow, (speck, *page[1:])) == [6, 2, 3, 4, 5]


def test_two_misread_digits_do_not_look_like_a_shake() -> None:
    follow = tracker()
    assert numbers(follow, write("566")) == numbers(follow, write("665")) == [1, 2, 3]


def test_another_page_with_some_like_digits_is_another_page() -> None:
    follow = tracker()
    assert numbers(follow, write("12345")) == [1, 2, 3, 4, 5]
    assert numbers(follow, write("16378", y=400)) == [6, 7, 8, 9, 10]


def test_a_missed_digit_keeps_its_number_until_it_has_left() -> None:
    follow = tracker(forget=4)
    whole, part = write("123"), write("1 3")
    assert numbers(follow, whole) == [1, 2, 3]
    for _ in range(3):
        assert numbers(follow, part) == [1, 3]
    assert numbers(follow, whole) == [1, 2, 3]
    for _ in range(4):
        assert numbers(follow, part) == [1, 3]
    assert numbers(follow, whole) == [1, 4, 3]


def test_a_missed_digit_moves_along_with_the_others() -> None:
    follow = tracker(forget=9)
    page = write("123")
    numbers(follow, page)
    for step in range(1, 7):
        assert numbers(follow, moved(page[:2], 12 * step, 0)) == [1, 2]
    assert numbers(follow, moved(page, 84, 0)) == [1, 2, 3]


def test_every_digit_has_a_number_of_its_own() -> None:
    rng, follow, given = np.random.default_rng(2), tracker(), set()
    for _ in range(200):
        boxes = rng.integers(0, 120, (rng.integers(0, 9), 2))
        digits = tuple(Digit("1", 0.9, (int(x), int(y), 30, 40)) for x, y in boxes)
        found = numbers(follow, digits)
        assert len(set(found)) == len(digits)
        alive = {track.number for track in follow.tracks}
        assert set(found) <= alive
        assert not (alive - given) & set(range(max(given, default=0) + 1))
        given |= alive
