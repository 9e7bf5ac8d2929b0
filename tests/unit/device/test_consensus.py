from __future__ import annotations

import pytest

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.pipeline import Digit
from edge_hdr_device.tracking.consensus import Quorum, Votes

THREE = Quorum(agree=3, share=0.6, forget=3)  # a window of 6 frames, 4 of them a majority
FIVE = Quorum(agree=5, share=0.9, forget=3)  # a window of 10 frames, 9 of them a majority


def count(said: str, quorum: Quorum = THREE) -> Votes:
    """Cast a vote for each character: a label, "?" rejected, "." not seen."""
    votes = Votes(quorum)
    for character in said:
        reason = "low confidence" if character == "?" else ""
        label = "8" if character == "?" else character
        votes.add(None if character == "." else Digit(label, 0.9, (0, 0, 9, 9), reason))
    return votes


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("77", None),
        ("777", "7"),
        ("7717", "7"),
        ("7.77", "7"),
        ("717", None),
        ("7771", "7"),
        ("777??", "7"),
        ("777..", "7"),
        ("7777771111", "1"),
        ("777777111", "7"),
        ("7777771.111", "1"),
        ("7171", None),
        ("71?" * 3 + "71", None),
        ("71?" * 4, "?"),
        ("777777" + "71" * 8, "7"),
        ("777777" + "71" * 9, "?"),
        ("?????", None),
        ("??????", "?"),
        ("?????7", "?"),
        ("777?????", "7"),
        ("777777????", "7"),
        ("777777??????????", "?"),
        ("??????7777", "7"),
        ("?..?..?..?..?..?..?..?..?..?..?..?..", None),
        ("7" + "." * 20, None),
        ("777" + "." * 20, "7"),
    ],
)
def test_frames_agree_on_a_label(said: str, label: str | None) -> None:
    assert count(said).label == label


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        ("77", False),
        ("777", True),
        ("777777??", True),
        ("777777???", False),
        ("777777111", False),
        ("7777771111", True),
        ("777777..", True),
        ("777777...", False),
        ("??????", True),
        ("?????", False),
        ("??????777", True),
        ("71?" * 4, True),
        ("71?" * 3 + "71", False),
    ],
)
def test_a_digit_waits_until_its_window_agrees_or_never_will(said: str, settled: bool) -> None:
    assert count(said).settled is settled


@pytest.mark.parametrize(
    ("said", "steady"),
    [
        ("", False),
        ("77", False),
        ("777", True),
        ("7771", False),
        ("777?", False),
        ("777.", False),
        ("??????", True),
        ("??????7", False),
        ("777777111", False),
    ],
)
def test_a_digit_is_steady_when_more_of_the_same_changes_nothing(said: str, steady: bool) -> None:
    assert count(said).steady is steady


def test_share_asks_for_more_than_the_count() -> None:
    assert count("77777", FIVE).label == "7"
    assert count("7777711", FIVE).label == "7"
    assert count("1777771111111", FIVE).label is None  # 5 of 6, then 8 of 10
    assert count("177777111111111", FIVE).label == "1"  # 9 of 10


def test_one_frame_is_enough_where_one_is_asked_for() -> None:
    one = Quorum(agree=1, share=0.6, forget=3)
    assert one.window == 1
    assert [count(said, one).label for said in ("7", "71", "7?", "?")] == ["7", "1", "?", "?"]


def test_confidence_is_that_of_the_votes_for_the_label() -> None:
    votes = Votes(THREE)
    for label, confidence in [("7", 0.5), ("7", 0.7), ("1", 0.1), ("7", 0.9)]:
        votes.add(Digit(label, confidence, (0, 0, 9, 9)))
    assert votes.confidence == pytest.approx((0.5 + 0.7 + 0.9) / 3)
    assert count("").confidence == 0


def test_an_unread_digit_has_no_confidence_however_sure_its_rejected_votes_are() -> None:
    assert count("??????").label == "?"
    assert count("??????").confidence == 0
    assert count("777??").confidence == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("agree", "share", "forget", "named"),
    [(0, 0.6, 3, "agree"), (3, 0.5, 3, "share"), (3, 1.1, 3, "share"), (3, 0.6, 0, "forget")],
)
def test_a_quorum_without_sense_is_refused(
    agree: int, share: float, forget: int, named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        Quorum(agree, share, forget)
