from __future__ import annotations

import pytest

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.tracking.expect import LINE_LIMIT, Expectation


def test_a_line_must_match_in_full() -> None:
    five = Expectation("[0-9]{5}")
    assert five.matches("01234")
    assert not any(map(five.matches, ["0123", "012345", "0123a", ""]))


def test_a_line_with_an_unread_digit_never_matches() -> None:
    assert not Expectation(".*").matches("12?4")
    assert not Expectation(r"12\?4").matches("12?4")


def test_any_line_does_where_nothing_is_expected() -> None:
    assert all(map(Expectation().matches, ["1", "12?4", "9" * 1000]))


def test_a_number_of_digits_is_a_pattern_too() -> None:
    four = Expectation(digits=4)
    assert four.pattern == "[0-9]{4}"
    assert [four.matches(line) for line in ("1234", "123", "12345")] == [True, False, False]


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        (r"\d{5}", 5),
        ("0[0-9]{4}", 5),
        ("[1-9]{3}", 3),
        ("1234", 4),
        ("A7[0-9]{2}", 4),
        (r"\d{3,4}", None),
        (r"\d*", None),
        ("12|345", None),
        ("", None),
    ],
)
def test_the_length_of_a_line_is_known_where_trials_tell(pattern: str, length: int | None) -> None:
    assert Expectation(pattern).length == length


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("[0-9", "⟨here⟩[0-9"),
        ("12(3", "12⟨here⟩(3"),
        ("[[0-9]]", "nested set"),
        ("1{99999999999}", "repetition number is too large"),
    ],
)
def test_a_bad_pattern_is_shown_where_it_is_bad(pattern: str, shown: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Expectation(pattern)
    assert shown in caught.value.message
    assert pattern.replace("⟨here⟩", "") in caught.value.message.replace("⟨here⟩", "")
    assert "[0-9]{5}" in caught.value.hint


@pytest.mark.parametrize("pattern", ["([0-9]+)+x", "(0|0)*1", "((01)+)+2", r"(\d+)*\d*x"])
def test_a_pattern_that_would_run_for_years_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="takes too long"):
        Expectation(pattern)


def test_a_very_long_line_matches_nothing() -> None:
    any_digits = Expectation("[0-9]+")
    assert any_digits.matches("0" * LINE_LIMIT)
    assert not any_digits.matches("0" * (LINE_LIMIT + 1))


@pytest.mark.parametrize("digits", [-1, LINE_LIMIT + 1])
def test_a_number_of_digits_without_sense_is_refused(digits: int) -> None:
    with pytest.raises(ConfigError, match="digits"):
        Expectation(digits=digits)


def test_a_pattern_and_a_number_of_digits_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="both"):
        Expectation("[0-9]+", digits=3)
