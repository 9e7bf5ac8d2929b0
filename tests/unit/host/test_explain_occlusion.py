"""What a place of a crop is worth, and the least change, with scores that can be reckoned."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr.explain.least_change import least_change
from edge_hdr.explain.occlusion import occlude
from edge_hdr.explain.patches import patches
from edge_hdr.explain.score import Score, log_softmax
from edge_hdr.explain.trials import Trials


def dot(row: int, column: int, value: int = 255) -> NDArray[np.uint8]:
    crop = np.zeros((28, 28), np.uint8)
    crop[row, column] = value
    return crop


def ink_at(row: int, column: int) -> NDArray[np.float64]:
    """Weigh one pixel only: full ink there is worth 1."""
    weights = np.zeros((28, 28))
    weights[row, column] = 1 / 255
    return weights


def trials(crop: NDArray[np.uint8], score: Score) -> Trials:
    return Trials(crop, score(crop[None])[0], score)


def linear(*weights: NDArray[np.float64]):
    """Score each class by a weighted sum of the pixels."""
    return lambda images: np.stack([(images * part).sum(axis=(1, 2)) for part in weights], axis=1)


def test_a_pixel_is_worth_the_mean_over_the_patches_that_cover_it() -> None:
    score = linear(ink_at(10, 10), -2 * ink_at(10, 10))
    found = occlude(trials(dot(10, 10), score), sizes_px=(2,))
    # four positions of a 2×2 patch cover each inner pixel; those that also cover (10, 10) erase 1
    assert found.of("erased", 0)[10, 10] == pytest.approx(4 / 4)
    assert found.of("erased", 0)[9, 10] == pytest.approx(2 / 4)
    assert found.of("erased", 0)[11, 11] == pytest.approx(1 / 4)
    assert found.of("erased", 0)[8, 10] == found.of("erased", 0)[12, 10] == 0
    assert found.of("erased", 1)[10, 10] == pytest.approx(-2)
    assert found.between("erased", 0, 1)[10, 10] == pytest.approx(1 - -2)


def test_at_the_edge_fewer_patches_cover_a_pixel() -> None:
    found = occlude(trials(dot(0, 0), linear(ink_at(0, 0))), sizes_px=(2,))
    assert found.of("erased", 0)[0, 0] == pytest.approx(1 / 1)
    assert found.of("erased", 0)[0, 1] == pytest.approx(1 / 2)
    assert found.of("erased", 0)[1, 1] == pytest.approx(1 / 4)


def test_sizes_are_averaged() -> None:
    found = occlude(trials(dot(10, 10), linear(ink_at(10, 10))), sizes_px=(1, 3))
    assert found.of("erased", 0)[9, 10] == pytest.approx((0 + 6 / 9) / 2)


def test_an_empty_place_argues_for_what_ink_there_would_spoil() -> None:
    found = occlude(trials(dot(10, 10), linear(-ink_at(12, 10))), sizes_px=(1,))
    assert found.of("inked", 0)[12, 10] == pytest.approx(1)
    assert found.of("erased", 0)[12, 10] == 0


def test_ink_is_tried_near_the_glyph_only() -> None:
    crop = dot(10, 10)
    tried = patches(crop, 2, "inked").corners
    # the box of one pixel, grown by 3, is 7 px wide: 7 − 2 + 1 positions each way
    assert tried.min(axis=0).tolist() == [7, 7]
    assert tried.max(axis=0).tolist() == [12, 12]
    assert len(tried) == 6 * 6


def test_positions_that_change_nothing_are_left_out() -> None:
    found = patches(dot(10, 10), 3, "erased")
    assert len(found.images) == 3 * 3
    assert found.images.max() == 0
    assert len(patches(np.zeros((28, 28), np.uint8), 3, "erased").images) == 0


def test_a_blank_crop_can_be_asked_about() -> None:
    found = occlude(trials(np.zeros((28, 28), np.uint8), linear(ink_at(3, 3))))
    assert np.all(found.of("erased", 0) == 0)
    assert found.of("inked", 0)[3, 3] < 0


def two_classes(weights: NDArray[np.float64], limit: float):
    """Class 1 wins where the weighted sum is below a limit."""
    return lambda images: log_softmax(
        np.stack([(images * weights).sum(axis=(1, 2)), np.full(len(images), limit)], axis=1)
    )


def test_the_smallest_patch_that_flips_is_found() -> None:
    crop = np.zeros((28, 28), np.uint8)
    crop[10:12, 10:12] = 255
    weights = np.ones((28, 28)) / 255  # the score of class 0 is the number of inked pixels, 4
    change = least_change(trials(crop, two_classes(weights, 1.5)))
    assert change is not None
    # one pixel leaves 3, one column or row 2, all four 0 < 1.5
    assert (change.fill, change.size_px, change.top, change.left) == ("erased", 2, 10, 10)
    assert change.label == 1
    assert change.confidence == pytest.approx(1 / (1 + np.exp(0 - 1.5)))
    assert change.image.max() == 0
    assert change.to_dict(("yes", "no"))["label"] == "no"


def test_ink_can_be_the_least_change() -> None:
    change = least_change(trials(dot(10, 10), two_classes(-ink_at(12, 9), -0.5)))
    assert change is not None
    assert (change.fill, change.size_px, change.top, change.left) == ("inked", 1, 12, 9)


def test_of_equal_sizes_the_surest_flip_is_given() -> None:
    crop = dot(10, 10) + dot(12, 12)
    weights = 2 * ink_at(10, 10) + 3 * ink_at(12, 12)
    change = least_change(trials(crop, two_classes(weights, 4.0)))
    assert change is not None
    assert (change.top, change.left) == (12, 12)  # leaves 2; the other one leaves 3


def test_a_decision_that_nothing_flips() -> None:
    assert least_change(trials(dot(10, 10), two_classes(ink_at(10, 10), -5.0))) is None


def test_each_patch_is_scored_once() -> None:
    asked: list[int] = []

    def score(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        asked.append(len(images))
        return two_classes(ink_at(10, 10), -5.0)(images)

    tried = trials(dot(10, 10), score)
    least_change(tried)
    assert len(asked) == 1 + 8  # the crop itself, and sizes 1 to 8
    occlude(tried)
    assert len(asked) == 1 + 8


def test_of_equally_probable_classes_the_first_wins() -> None:
    def score(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        ink = (images * ink_at(10, 10)).sum(axis=(1, 2))
        return log_softmax(np.stack([np.ones(len(images)), 2 * ink, ink], axis=1))

    change = least_change(trials(dot(10, 10), score))  # 1, 2, 1: class 1; erased: 1, 0, 0
    assert change is not None
    assert change.label == 0
    blank = trials(np.zeros((28, 28), np.uint8), score)  # 1, 0, 0; inked: 1, 2, 1
    found = least_change(blank)
    assert found is not None
    assert found.label == 1

    def tie(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        ink = (images * ink_at(10, 10)).sum(axis=(1, 2))
        return log_softmax(np.stack([np.ones(len(images)), ink], axis=1))

    # 1, 1: class 0 is read and stays; whoever took class 1 for read would see a flip anywhere
    assert least_change(trials(dot(10, 10), tie)) is None
    assert least_change(trials(dot(10, 10), tie), 1) is not None


def test_log_probabilities_do_not_underflow() -> None:
    found = log_softmax(np.array([[0.0, 1000.0], [1.0, 1.0]]))
    np.testing.assert_allclose(found, [[-1000, 0], [-np.log(2), -np.log(2)]])
