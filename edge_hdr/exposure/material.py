"""What training gets from scenes: digits as a device finds them, and what is none."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split

NON_DIGIT = -1  # label of an example that shows no digit


def _nothing() -> Split:
    return Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))


def _no_images() -> NDArray[np.uint8]:
    return np.zeros((0, 28, 28), np.uint8)


@dataclass(frozen=True)
class Exposure:
    """Normalized crops as the device's own locator gives them.

    Attributes:
        digits: located digits with their labels.
        others: uint8 (M, 28, 28), ink 255 on background 0: what is no digit.
    """

    digits: Split = field(default_factory=_nothing)
    others: NDArray[np.uint8] = field(default_factory=_no_images)

    def as_split(self) -> Split:
        """Give all of it, non-digits last and labelled −1."""
        labels = np.full(len(self.others), NON_DIGIT, np.int64)
        return Split(
            np.concatenate([self.digits.images, self.others]),
            np.concatenate([self.digits.labels, labels]),
        )
