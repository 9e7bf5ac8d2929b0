"""Stratified, seeded splits: hold a part out, or take a smaller set of the same make-up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.errors import DataError


def hold_out(
    split: Split, *, share: float | None = None, count: int | None = None, seed: int
) -> tuple[Split, Split]:
    """Hold out a stratified part of a split.

    Args:
        split: at least two examples of each class that it has.
        share: the part to hold out, in (0, 1); or give `count`.
        count: how many examples to hold out, exactly.
        seed: the same seed holds out the same examples.

    Returns:
        The rest, and what is held out; both keep the split's order, and each class is in both.

    Raises:
        DataError: a class has one example only, or the part is too small or too large for that.
        ValueError: neither or both of `share` and `count` are given.
    """
    if (share is None) == (count is None):
        raise ValueError("give either share or count")
    total = round(len(split) * share) if share is not None else int(count or 0)
    held = mark(split.labels, total, seed=seed)
    return split.take(np.flatnonzero(~held)), split.take(np.flatnonzero(held))


def hold_out_validation(
    split: Split, *, wanted: int, classes: int, seed: int
) -> tuple[Split, Split]:
    """Part a training split as a build does, and as whoever measures its validation must.

    Args:
        split: the whole training split.
        wanted: examples of validation; at most a fifth of the split is taken, at least one a class.
        classes: number of classes.
        seed: of the build.

    Returns:
        What is trained on, and the validation split.

    Raises:
        DataError: there is no training split, or see `hold_out`.
    """
    if not len(split):
        raise DataError(
            "the data have no training split", hint="add train/ beside test/, with the same classes"
        )
    return hold_out(split, count=min(wanted, max(classes, len(split) // 5)), seed=seed)


def mark(labels: NDArray[np.int64], count: int, *, seed: int) -> NDArray[np.bool_]:
    """Mark the stratified part that `hold_out` holds out.

    Args:
        labels: int64 (N,), at least two of each class.
        count: how many to mark, exactly.
        seed: the same seed marks the same ones.

    Returns:
        bool (N,), true for what is held out.

    Raises:
        DataError: a class has one example only, or the part is too small or too large.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if sizes.size and sizes.min() < 2:
        raise DataError(
            f"class number {classes[sizes.argmin()]} has one example; holding out needs two",
            hint="add examples of it, or remove the class",
        )
    if not len(classes) <= count <= len(labels) - len(classes):
        raise DataError(
            f"cannot hold out {count:,} of {len(labels):,} examples of {len(classes)} classes",
            hint="each class needs an example on either side",
        )
    return _choose(labels, count, seed)


def subset(split: Split, n: int, seed: int) -> Split:
    """Take `n` examples with the split's class shares, in its order; all when it has no more.

    Raises:
        DataError: `n` is smaller than the number of classes.
    """
    classes = len(np.unique(split.labels))
    if n < classes:
        raise DataError(
            f"{n} examples cannot cover {classes} classes", hint=f"take {classes} or more"
        )
    if n >= len(split):
        return split
    return split.take(np.flatnonzero(_choose(split.labels, n, seed)))


def _choose(labels: NDArray[np.int64], total: int, seed: int) -> NDArray[np.bool_]:
    """Mark exactly `total` examples, each class by its share."""
    generator = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    chosen = np.zeros(len(labels), bool)
    for label, size in zip(classes, _apportion(sizes, total), strict=True):
        members = np.flatnonzero(labels == label)
        chosen[generator.permutation(members)[:size]] = True
    return chosen


def _apportion(sizes: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Split `total` over classes by their sizes, each at least 1 and, where it can, not all.

    Source: the method of largest remainders (Hamilton).
    """
    exact = sizes * (total / sizes.sum())
    result: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    missing = total - int(result.sum())
    result[np.argsort(result - exact, kind="stable")[:missing]] += 1
    room = np.maximum(sizes - 1, 1)
    while (low := np.flatnonzero(result < 1)).size:
        result[low[0]] += 1
        result[np.argmax(result)] -= 1
    while (high := np.flatnonzero(result > room)).size and (result < room).any():
        result[high[0]] -= 1
        result[np.argmax(room - result)] += 1
    return result
