"""The types that all data sources give: a split, and a data set of two splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

DIGITS = tuple("0123456789")

# Called with what is going on, how much is done and, where known, how much there is.
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Split:
    """Labelled normalized digits.

    Attributes:
        images: uint8 (N, 28, 28), ink 255 on background 0.
        labels: int64 (N,), index into the data set's class names.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Split:
        """Give the examples at the index int64 (M,)."""
        return Split(self.images[index], self.labels[index])

    def sha256(self) -> str:
        """Digest images and labels, so that a report can say exactly what was used."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()


def joined(first: Split, second: Split) -> Split:
    """Give the examples of two splits as one."""
    return Split(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
    )


@dataclass(frozen=True)
class Dataset:
    """A data set with its training and test split.

    Attributes:
        name: "mnist", "strokes" or the folder's name.
        train: what may be chosen on; validation is split off it (see `splits`).
        test: touched once, after every choice.
        source: where it came from, in words or a path without the user's home.
        classes: what each label stands for.
        warnings: what a report must repeat, one line each (a fallback, unreadable files).
        test_name: what the figures on `test` are to be called, as "MNIST test".
    """

    name: str
    train: Split
    test: Split
    source: str
    test_name: str
    classes: tuple[str, ...] = DIGITS
    warnings: tuple[str, ...] = field(default=())
