"""Edits between what is written and what was read."""

from __future__ import annotations

import pytest

from edge_hdr.photos.edits import edits


@pytest.mark.parametrize(
    ("expected", "got", "counts"),
    [
        ("1234", "1234", (0, 0, 0)),
        ("1234", "134", (1, 0, 0)),
        ("1234", "12034", (0, 1, 0)),
        ("1234", "1934", (0, 0, 1)),
        ("1234", "", (4, 0, 0)),
        ("", "12", (0, 2, 0)),
        ("", "", (0, 0, 0)),
        ("12345", "2346", (1, 0, 1)),
        ("111", "11111", (0, 2, 0)),
        ("12", "2x", (1, 1, 0)),  # as few edits as two confused ones, and one digit more is right
    ],
)
def test_edits_are_counted_by_kind(expected: str, got: str, counts: tuple[int, int, int]) -> None:
    found = edits(expected, got)
    assert (found.missed, found.invented, found.confused) == counts
    assert found.total == sum(counts)


def test_every_item_has_one_place_in_order() -> None:
    found = edits("12345", "92746").pairs
    assert [i for i, _ in found if i is not None] == [0, 1, 2, 3, 4]
    assert [j for _, j in found if j is not None] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("weights", "right"), [((0.9, 0.4), 0), ((0.4, 0.9), 1)])
def test_the_surer_of_two_equal_digits_is_the_written_one(
    weights: tuple[float, float], right: int
) -> None:
    pairs = edits("1", "11", weights).pairs
    assert (0, right) in pairs
    assert (None, 1 - right) in pairs


def test_whole_lines_are_aligned_alike() -> None:
    found = edits(["12", "34", "56"], ["12", "56"])
    assert found.pairs == ((0, 0), (1, None), (2, 1))
