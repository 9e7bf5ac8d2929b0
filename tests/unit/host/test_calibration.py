"""Calibration: temperature, reliability, expected calibration error, threshold."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from edge_hdr.calibration import (
    brier,
    ece,
    fit_temperature,
    log_softmax,
    negative_log_likelihood,
    reliability,
    threshold_for,
)


def two_class(*first: float) -> np.ndarray:
    """Give probabilities of two classes from those of the first."""
    return np.array([[p, 1 - p] for p in first], np.float32)


def test_the_temperature_makes_confidence_the_share_that_is_right():
    # every logit gap is 4 and 3 of 4 are right, so sigmoid(4 / T) = 3 / 4, that is 4 / T = ln 3
    logits = np.array([[4, 0], [4, 0], [4, 0], [4, 0]], np.float32)
    labels = np.array([0, 0, 0, 1])
    assert fit_temperature(logits, labels) == pytest.approx(4 / log(3), rel=1e-4)


@pytest.mark.parametrize("factor", [0.2, 0.5, 3.0])
def test_scaled_logits_scale_the_temperature(factor):
    logits = np.array([[4, 0], [4, 0], [4, 0], [4, 0]], np.float32)
    labels = np.array([0, 0, 0, 1])
    found = fit_temperature((logits * factor).astype(np.float32), labels)
    assert found == pytest.approx(factor * 4 / log(3), rel=1e-4)


def test_the_temperature_stays_in_its_bounds_without_a_mistake_and_with_nothing_but():
    logits = np.array([[4, 0]], np.float32)
    assert fit_temperature(logits, np.array([0])) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(logits, np.array([1])) == pytest.approx(20.0, rel=1e-3)
    assert fit_temperature(np.zeros((0, 2), np.float32), np.zeros(0, np.int64)) == 1.0


def test_the_likelihood_is_that_of_the_true_label():
    logits = np.array([[log(3), 0.0]], np.float32)
    assert negative_log_likelihood(logits, np.array([0])) == pytest.approx(-log(3 / 4))
    assert negative_log_likelihood(logits, np.array([1])) == pytest.approx(-log(1 / 4))


def test_log_softmax_does_not_overflow_and_takes_the_temperature():
    rows = log_softmax(np.array([[1000.0, 0.0]], np.float32), temperature=500.0)
    assert np.exp(rows[0, 0]) == pytest.approx(exp(2) / (exp(2) + 1))


def test_bins_take_their_upper_edge():
    diagram = reliability(two_class(0.75, 0.76, 1.0), np.array([0, 1, 0]), bins=4)
    assert diagram.counts.tolist() == [0, 0, 1, 2]
    assert diagram.accuracy.tolist() == [0.0, 0.0, 1.0, 0.5]
    assert diagram.confidence[3] == pytest.approx((0.76 + 1.0) / 2)
    assert diagram.to_dict()["edges"] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_ece_weighs_each_bin_by_its_share():
    probabilities = two_class(0.9, 0.9, 0.9, 0.6)
    labels = np.array([0, 0, 1, 1])
    # three of confidence 0.9 with 2 / 3 right, one of 0.6 that is wrong
    expected = 3 / 4 * (0.9 - 2 / 3) + 1 / 4 * (0.6 - 0)
    assert ece(probabilities, labels) == pytest.approx(expected, abs=1e-6)


def test_brier_is_the_distance_to_the_truth():
    expected = ((0.1**2 + 0.1**2) + (0.6**2 + 0.6**2)) / 2
    assert brier(two_class(0.9, 0.6), np.array([0, 1])) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("wanted", "threshold"),
    [
        (1.0, 0.9),  # 0.95 and 0.9 are right, 0.8 is wrong
        (0.75, 0.7),  # 3 of 4 right down to 0.7
        (0.6, 0.0),  # 3 of 5 right with everything accepted
    ],
)
def test_the_threshold_is_the_lowest_that_reaches_the_wanted_accuracy(wanted, threshold):
    probabilities = two_class(0.7, 0.95, 0.6, 0.9, 0.8)
    labels = np.array([0, 0, 1, 0, 1])
    assert threshold_for(probabilities, labels, wanted) == pytest.approx(threshold)


def test_equal_confidences_are_accepted_together():
    # the two at 0.9 cannot be parted, so 100 % needs the one at 0.95 alone
    probabilities, labels = two_class(0.9, 0.9, 0.95), np.array([0, 1, 0])
    assert threshold_for(probabilities, labels, 1.0) == pytest.approx(0.95)


def test_a_threshold_that_cannot_be_reached_is_one_and_without_data_zero():
    assert threshold_for(two_class(0.9), np.array([1]), 0.5) == 1.0
    assert threshold_for(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), 0.9) == 0.0
