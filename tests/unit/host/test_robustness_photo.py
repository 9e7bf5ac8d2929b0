"""A picture is read as located or as a whole, whichever the model is surer of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.strokes import make_split
from edge_hdr.robustness.corruptions import corrupt
from edge_hdr.robustness.examined import Examined
from edge_hdr.robustness.photo import Seen, see


def by_brightness(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Call bright pictures 1 and dark ones 0, the surer the further from grey."""
    mean = images.mean(axis=(1, 2), dtype=np.float32) / 255
    return np.stack((-10 * (mean - 0.5), 10 * (mean - 0.5)), axis=1)


def grey(*levels: int) -> NDArray[np.uint8]:
    return np.stack([np.full((28, 28), level, np.uint8) for level in levels])


def test_the_surer_reading_counts() -> None:
    seen = Seen(
        images=grey(140, 10, 140),
        found=np.array([1, 1, 0]),
        whole=grey(0, 140, 0),
        has_whole=np.array([True, True, False]),
    )
    model = Examined(by_brightness)
    # The first is surely 0 as a whole; the second surely 0 as located; the third was not found.
    assert model.wrong_seen(seen, np.array([0, 0, 1])).tolist() == [False, False, True]
    assert model.confidences_seen(seen)[2] == -1
    assert (model.confidences_seen(seen)[:2] > 0.99).all()


def test_a_picture_without_a_find_is_read_as_a_whole() -> None:
    seen = Seen(grey(255), np.array([0]), grey(10), np.array([True]))
    assert Examined(by_brightness).wrong_seen(seen, np.array([0])).tolist() == [False]


def test_stripes_hide_a_digit_from_the_locator_and_not_from_the_whole() -> None:
    clean = make_split(10, seed=1, workers=1).images
    seen = see(corrupt(clean, "stripe", 2))
    assert seen.whole is not None
    assert seen.has_whole is not None
    assert seen.has_whole.all()
    away = np.abs(seen.whole.astype(int) - clean).mean(axis=(1, 2))
    located = np.abs(seen.images.astype(int) - clean).mean(axis=(1, 2))
    assert np.median(away) < 0.5 * np.median(located)
