"""Stratified splits: exact counts, every example on one side, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from edge_hdr.data.dataset import Split
from edge_hdr.data.splits import hold_out, mark, subset
from edge_hdr.errors import DataError


def make(*sizes: int) -> Split:
    """Make a split whose images carry their own number, shuffled."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order = np.random.default_rng(3).permutation(len(labels))
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(len(labels)), 256)
    return Split(images, labels[order].astype(np.int64))


def numbers(split: Split) -> list[int]:
    return (split.images[:, 0, 0].astype(int) * 256 + split.images[:, 0, 1]).tolist()


def counts(split: Split, classes: int) -> list[int]:
    return np.bincount(split.labels, minlength=classes).tolist()


def test_every_example_is_on_one_side_in_its_order() -> None:
    rest, held = hold_out(make(40, 40, 20), count=30, seed=1)
    assert sorted(numbers(rest) + numbers(held)) == list(range(100))
    assert numbers(rest) == sorted(numbers(rest))
    assert numbers(held) == sorted(numbers(held))


def test_class_shares_are_kept() -> None:
    rest, held = hold_out(make(40, 40, 20), share=0.25, seed=1)
    assert counts(held, 3) == [40 // 4, 40 // 4, 20 // 4]
    assert counts(rest, 3) == [30, 30, 15]


def test_largest_remainders_make_the_count_exact() -> None:
    # 10 of (50, 30, 20): exactly 5, 3, 2. 11 of it: 5.5, 3.3, 2.2, so the first gets the one left.
    assert counts(hold_out(make(50, 30, 20), count=10, seed=0)[1], 3) == [5, 3, 2]
    assert counts(hold_out(make(50, 30, 20), count=11, seed=0)[1], 3) == [6, 3, 2]


def test_a_rare_class_is_on_both_sides() -> None:
    rest, held = hold_out(make(500, 500, 2), count=100, seed=0)
    assert counts(held, 3)[2] == counts(rest, 3)[2] == 1
    assert len(held) == 100
    rest, held = hold_out(make(10, 2), count=10, seed=0)
    assert counts(rest, 2) == [1, 1]


@pytest.mark.parametrize("count", [5, 17, 30, 59])
def test_any_possible_count_is_exact(count: int) -> None:
    rest, held = hold_out(make(2, 3, 50, 7, 2), count=count, seed=9)
    assert (len(rest), len(held)) == (64 - count, count)
    assert min(counts(rest, 5)) >= 1
    assert min(counts(held, 5)) >= 1


def test_the_seed_decides() -> None:
    split = make(100, 100)
    first, again, other = (hold_out(split, count=20, seed=seed)[1] for seed in (4, 4, 5))
    assert numbers(first) == numbers(again)
    assert numbers(first) != numbers(other)


def test_mnist_validation_size() -> None:
    labels = np.repeat(np.arange(10), 6000)
    assert int(mark(labels, 5000, seed=0).sum()) == 5000


def test_a_class_of_one_cannot_be_held_out() -> None:
    with pytest.raises(DataError, match="class number 1 has one example"):
        hold_out(make(10, 1), count=3, seed=0)


@pytest.mark.parametrize("count", [0, 1, 19, 20, 25])
def test_impossible_counts(count: int) -> None:
    with pytest.raises(DataError, match=f"cannot hold out {count} of 20 examples of 2 classes"):
        hold_out(make(10, 10), count=count, seed=0)


def test_share_or_count() -> None:
    with pytest.raises(ValueError, match="either share or count"):
        hold_out(make(10, 10), seed=0)
    with pytest.raises(ValueError, match="either share or count"):
        hold_out(make(10, 10), share=0.5, count=5, seed=0)


def test_subset_is_stratified_seeded_and_exact() -> None:
    split = make(60, 30, 10)
    part = subset(split, 20, 0)
    assert counts(part, 3) == [12, 6, 2]
    assert numbers(part) == numbers(subset(split, 20, 0)) != numbers(subset(split, 20, 1))


def test_subset_of_everything_is_the_split() -> None:
    split = make(3, 1)
    assert subset(split, 4, 0) is split
    assert counts(subset(split, 2, 0), 2) == [1, 1]


def test_subset_covers_every_class() -> None:
    with pytest.raises(DataError, match="2 examples cannot cover 3 classes"):
        subset(make(5, 5, 5), 2, 0)
