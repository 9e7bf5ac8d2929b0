"""The training examples that look most like a digit, and how usual such a likeness is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr_device.normalize import SIDE_PX

NEAREST = 8
RIVALS = 4
BLUR_PX = 1.0  # standard deviation; a stroke is 2 to 3 px wide, so one px of shift costs little
SAMPLE = 200  # training examples whose own nearest neighbour says what is usual
CHUNK, TOGETHER = 1024, 64  # examples blurred, and digits compared, at a time


@dataclass(frozen=True)
class Example:
    """A training example near a digit.

    Attributes:
        index: its place in the training split.
        label: index of its class.
        distance: Euclidean, of blurred pixels with full ink 1.
        image: uint8 (28, 28), ink 255 on background 0.
    """

    index: int
    label: int
    distance: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Likeness:
    """What of the training split is like a digit.

    Attributes:
        nearest: the examples nearest to it, nearest first.
        rivals: the nearest ones of the runner-up's class.
        closer_share: share in [0, 1] of training examples that are closer to their own nearest
            neighbour than this digit is to its; near 1 for what the training split hardly knows.
    """

    nearest: tuple[Example, ...]
    rivals: tuple[Example, ...]
    closer_share: float


class Examples:
    """A training split in which likeness is looked for.

    The distance is that of pixels after a light blur: it is independent of the model, so that it
    can disagree with it.

    Args:
        split: not empty, normalized as the digits are.
        seed: of the sample of `Likeness.closer_share`.
    """

    def __init__(self, split: Split, *, seed: int = 0) -> None:
        self._split = split
        self._seed = seed

    def like(
        self, crops: NDArray[np.uint8], rivals: Sequence[int | None], *, k: int = NEAREST
    ) -> list[Likeness]:
        """Find what is most like each of some crops, and like it in another class.

        Args:
            crops: uint8 (M, 28, 28), ink 255 on background 0.
            rivals: the other class of each crop, by index; None where it has none.
            k: how many examples to find.
        """
        squares = (
            row
            for start in range(0, len(crops), TOGETHER)
            for row in self._squares(crops[start : start + TOGETHER])
        )
        return [
            self._like(crop, row, rival, k)
            for crop, row, rival in zip(crops, squares, rivals, strict=True)
        ]

    def _like(
        self, crop: NDArray[np.uint8], squares: NDArray[np.float32], rival: int | None, k: int
    ) -> Likeness:
        of_rival = np.flatnonzero(self._split.labels == rival)
        nearest = self._examples(crop, _least(squares, k))
        return Likeness(
            nearest=nearest,
            rivals=self._examples(crop, of_rival[_least(squares[of_rival], min(k, RIVALS))]),
            closer_share=float(np.mean(self._usual < nearest[0].distance)),
        )

    def _examples(self, crop: NDArray[np.uint8], places: NDArray[np.intp]) -> tuple[Example, ...]:
        images = self._split.images[places]
        # once more and exactly: the expanded square loses digits where examples are close
        apart = np.sqrt(((blur(images) - blur(crop[None])) ** 2).sum(axis=(1, 2)))
        found = zip(places.tolist(), apart.tolist(), images, strict=True)
        return tuple(
            Example(index, int(self._split.labels[index]), distance, image)
            for index, distance, image in found
        )

    @cached_property
    def _blurred(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Blur all examples: float32 (N, 784), and the square of each one's length."""
        rows = np.empty((len(self._split), SIDE_PX * SIDE_PX), np.float32)
        for start in range(0, len(rows), CHUNK):
            part = self._split.images[start : start + CHUNK]
            rows[start : start + CHUNK] = blur(part).reshape(len(part), -1)
        return rows, np.einsum("np,np->n", rows, rows)

    def _squares(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give squared distances float32 (M, N) of M images from all examples."""
        rows, lengths = self._blurred
        asked = blur(images).reshape(len(images), -1)
        own = np.einsum("mp,mp->m", asked, asked)
        return np.asarray(own[:, None] + lengths - 2 * asked @ rows.T, np.float32)

    @cached_property
    def _usual(self) -> NDArray[np.float32]:
        """Give the distance of sampled examples from the nearest other one."""
        count = min(SAMPLE, len(self._split))
        picked = np.random.default_rng(self._seed).permutation(len(self._split))[:count]
        squares = self._squares(self._split.images[picked])
        squares[np.arange(count), picked] = np.inf
        return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0)), np.float32)


def _least(values: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Give the places of the k least values, least first; of equals the first."""
    if len(values) <= k:
        return np.argsort(values, kind="stable")
    near = np.flatnonzero(values <= np.partition(values, k - 1)[k - 1])
    return near[np.argsort(values[near], kind="stable")][:k]


def blur(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blur uint8 (N, 28, 28), ink 255, to float32 of the same shape, full ink 1.

    Gaussian of `BLUR_PX`; what lies outside the field is background.
    """
    steps = np.arange(SIDE_PX, dtype=np.float32)
    bell = np.exp(-0.5 * ((steps[:, None] - steps) / BLUR_PX) ** 2)
    bell /= bell[SIDE_PX // 2].sum()
    across = images.reshape(-1, SIDE_PX).astype(np.float32) / 255 @ bell
    return np.asarray(bell @ across.reshape(images.shape), np.float32)
