from __future__ import annotations

import pytest

from edge_hdr_device.tracking.plausible import REPORTED_LIMIT, Plausibility


def after(line: str, **rules: object) -> Plausibility:
    """Accept a line under some rules."""
    plausibility = Plausibility(**rules)  # type: ignore[arg-type]
    plausibility.accept((line,))
    return plausibility


@pytest.mark.parametrize(
    ("rules", "before", "line", "reason"),
    [
        ({}, "00100", "00001", ""),
        ({"monotonic": True}, "00100", "00101", ""),
        ({"monotonic": True}, "00100", "00100", ""),
        ({"monotonic": True}, "00100", "99999", ""),
        ({"monotonic": True}, "00100", "00099", "00099 is lower than 00100"),
        ({"monotonic": True}, "99999", "00000", "00000 is lower than 99999"),
        ({"monotonic": True, "length": 5}, "99999", "00000", ""),
        ({"monotonic": True, "length": 5}, "95000", "05000", "05000 is lower than 95000"),
        ({"monotonic": True, "length": 5}, "00000", "99999", "99999 is lower than 00000"),
        ({"monotonic": True, "length": 2}, "99", "00", ""),
        ({"largest_step": 10}, "100", "110", ""),
        ({"largest_step": 10}, "100", "90", ""),
        ({"largest_step": 10}, "100", "111", "111 is 11 from 100, more than 10"),
        ({"largest_step": 10}, "100", "89", "89 is 11 from 100, more than 10"),
        ({"largest_step": 1, "length": 5}, "99999", "00000", ""),
        ({"largest_step": 1, "length": 5}, "00000", "99999", ""),
        ({"largest_step": 1, "length": 5}, "99999", "00001", "00001 is 2 from 99999, more than 1"),
        ({"largest_step": 1}, "99999", "00000", "00000 is 99999 from 99999, more than 1"),
        ({"monotonic": True, "largest_step": 5}, "7", "4", "4 is lower than 7"),
        ({"monotonic": True}, "100", "1?1", "1?1 is no whole number"),
        ({"monotonic": True}, "100", "²", "² is no whole number"),
    ],
)
def test_a_number_may_follow_or_not(
    rules: dict[str, object], before: str, line: str, reason: str
) -> None:
    assert after(before, **rules).check((line,), 0.0) == reason


def test_the_first_number_is_believed() -> None:
    assert Plausibility(monotonic=True, largest_step=1).check(("12345",), 0.0) == ""


def test_what_is_no_number_leaves_the_last_one_in_force() -> None:
    plausibility = after("100", monotonic=True)
    plausibility.accept(("1?1",))
    assert plausibility.check(("099",), 0.0) == "099 is lower than 100"


def test_only_the_first_line_counts() -> None:
    plausibility = after("100", monotonic=True)
    assert plausibility.check(("101", "5"), 0.0) == ""
    assert plausibility.check(("99", "500"), 0.0)


def test_a_reading_held_back_long_enough_is_let_through() -> None:
    plausibility = after("100", monotonic=True, accept_after_s=300)
    assert plausibility.check(("005",), 1000.0)
    assert plausibility.holding
    assert plausibility.check(("005",), 1299.9)
    assert not plausibility.check(("005",), 1300.0)


def test_waiting_begins_again_after_a_break() -> None:
    plausibility = after("100", monotonic=True, accept_after_s=300)
    plausibility.check(("005",), 0.0)
    plausibility.release()
    assert not plausibility.holding
    assert plausibility.check(("005",), 400.0)
    plausibility.check(("006",), 500.0)
    assert plausibility.check(("005",), 700.0)


def test_a_reading_may_be_held_back_for_ever() -> None:
    plausibility = after("100", monotonic=True, accept_after_s=0)
    assert plausibility.check(("005",), 0.0)
    assert not plausibility.holding
    assert plausibility.check(("005",), 1e9)


def test_a_value_is_news_once_until_another_is_accepted() -> None:
    plausibility = after("100", monotonic=True)
    assert [plausibility.is_news(text) for text in ("5", "6", "5")] == [True, True, False]
    plausibility.accept(("101",))
    assert plausibility.is_news("5")


def test_reported_values_do_not_fill_the_memory() -> None:
    plausibility = after("100", monotonic=True)
    for number in range(10 * REPORTED_LIMIT):
        assert plausibility.is_news(str(number))
        assert not plausibility.is_news(str(number))
    assert len(plausibility._reported) <= REPORTED_LIMIT
