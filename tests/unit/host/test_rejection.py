"""Temperature and threshold are chosen on digits and non-digits together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_hdr.data.dataset import Split
from edge_hdr.data.strokes import make_split
from edge_hdr.exposure.material import Exposure
from edge_hdr.rejection import LEAST_COVERAGE, choose
from edge_hdr.robustness.non_digits import draw
from edge_hdr_device.classifier import Classifier, softmax


@pytest.fixture(scope="module")
def classifier(tiny_int8: Path) -> Classifier:
    return Classifier(tiny_int8)


@pytest.fixture(scope="module")
def validation() -> Split:
    return make_split(300, seed=31, workers=1)


@pytest.fixture(scope="module")
def scenes() -> Exposure:
    return Exposure(make_split(300, seed=32, workers=1), draw("letters", 100))


def test_accepted_non_digits_are_errors_and_raise_the_threshold(
    classifier: Classifier, validation: Split, scenes: Exposure
) -> None:
    digits_alone = Exposure(scenes.digits)
    without = choose(classifier, validation, digits_alone, 0.9)
    with_letters = choose(classifier, validation, scenes, 0.9)
    assert with_letters.threshold > without.threshold
    assert without.rejection == {}
    found = with_letters.rejection
    assert (found["n"], found["non_digits"]) == (300, 100)
    assert found["coverage"] >= LEAST_COVERAGE - 0.03  # of both kinds of digits together


def test_the_figures_are_those_of_the_file_at_the_threshold(
    classifier: Classifier, validation: Split, scenes: Exposure
) -> None:
    chosen = choose(classifier, validation, scenes, 0.95)
    images = np.concatenate([scenes.digits.images, scenes.others])
    probabilities = softmax(classifier.logits(images) / np.float32(chosen.temperature))
    accepted = probabilities.max(axis=1) >= chosen.threshold
    right = (probabilities.argmax(axis=1)[:300] == scenes.digits.labels) & accepted[:300]
    assert chosen.rejection["non_digits_accepted"] == accepted[300:].sum()
    assert chosen.rejection["coverage"] == pytest.approx(accepted[:300].mean(), abs=1e-6)
    wanted = right.sum() / accepted.sum()
    assert chosen.rejection["selective_accuracy"] == pytest.approx(wanted, abs=1e-6)
    assert 0.5 < chosen.rejection["auroc"] <= 1


def test_validation_figures_are_those_of_published_digits_alone(
    classifier: Classifier, validation: Split, scenes: Exposure
) -> None:
    figures = choose(classifier, validation, scenes, 0.95).validation
    errors = (classifier.logits(validation.images).argmax(axis=1) != validation.labels).sum()
    assert (figures["n"], figures["errors"]) == (300, errors)
