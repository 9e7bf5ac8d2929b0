"""Evaluation of one classifier and comparison of two."""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_hdr.comparison import compare, error_ratio, mcnemar_exact
from edge_hdr.data.dataset import DIGITS, Dataset, Split
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import DataError, ModelError
from edge_hdr.evaluate import evaluate, relabelled, wilson_interval
from edge_hdr.measure import Subject, measure
from edge_hdr.report.figures import class_errors
from edge_hdr_device.classifier import Classifier, softmax

DATA = Path(__file__).parents[2] / "data"
Z = 1.959963984540054
ABC = ("a", "b", "c")


class Canned:
    """A classifier whose logits are given."""

    def __init__(self, logits, *, labels=ABC, temperature=1.0, threshold=0.0):
        self.labels = labels
        self.manifest = SimpleNamespace(temperature=temperature, threshold=threshold)
        self._logits = np.array(logits, np.float32)

    def logits(self, images):
        assert len(images) == len(self._logits)
        return self._logits


def split(*labels):
    return Split(np.zeros((len(labels), 28, 28), np.uint8), np.array(labels, np.int64))


def logits(*rows):
    """Give logits whose softmax is near 1 for a class, or the given probability."""
    result = np.zeros((len(rows), 3))
    for row, (label, confidence) in zip(result, rows, strict=True):
        row[label] = log(2 * confidence / (1 - confidence))
    return result


ROWS = logits((0, 0.9), (0, 0.8), (1, 0.9), (1, 0.99), (2, 0.9), (0, 0.6))
TRUE = split(0, 0, 1, 0, 2, 2)  # the fourth and the sixth are read wrong


def test_errors_accuracy_and_confusion():
    result = evaluate(Canned(ROWS), TRUE, classes=ABC)
    assert (result.n, result.errors) == (6, 2)
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.interval == wilson_interval(4, 6)
    assert result.confusion.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_scores_of_classes_and_their_means():
    result = evaluate(Canned(ROWS), TRUE, classes=ABC)
    a, b, c = result.per_class
    assert (a.label, a.precision, a.recall, a.support) == ("a", 2 / 3, 2 / 3, 3)
    assert (b.precision, b.recall, b.support) == (1 / 2, 1 / 1, 1)
    assert (c.precision, c.recall, c.support) == (1 / 1, 1 / 2, 2)
    assert b.f1 == pytest.approx(2 * (1 / 2 * 1) / (1 / 2 + 1))
    assert result.macro.precision == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_a_class_without_examples_has_no_score_and_counts_in_no_mean():
    result = evaluate(Canned(logits((0, 0.9), (1, 0.9))), split(0, 0), classes=ABC)
    for absent in result.per_class[1:]:
        assert (absent.precision, absent.recall, absent.f1, absent.support) == (None,) * 3 + (0,)
    assert result.macro.recall == 1 / 2  # of class a alone: one of its two was read right
    assert result.macro.precision == 1


def test_labels_are_numbered_as_the_models_outputs_by_their_names():
    data = split(0, 1, 1)
    found = relabelled(data, ("1", "2"), tuple("0123"))
    assert found.labels.tolist() == [1, 2, 2]
    assert relabelled(data, ("a", "b"), ("b", "a")).labels.tolist() == [1, 0, 0]
    assert relabelled(data, ("a", "b"), ("a", "b")) is data
    assert relabelled(data, ("1", "x"), tuple("0123")) is None


def test_the_most_confident_mistakes_come_first():
    result = evaluate(Canned(ROWS), TRUE, classes=ABC)
    assert [mistake.index for mistake in result.mistakes] == [3, 5]
    worst = result.mistakes[0]
    assert (worst.true, worst.predicted) == ("a", "b")
    assert worst.confidence == pytest.approx(0.99, abs=1e-6)


def test_rejection_follows_the_threshold():
    selective = evaluate(Canned(ROWS, threshold=0.85), TRUE, classes=ABC).selective
    assert selective.accepted == 4  # 0.9, 0.9, 0.99 and 0.9
    assert selective.coverage == pytest.approx(4 / 6)
    assert (selective.errors, selective.accuracy) == (1, pytest.approx(3 / 4))


def test_nothing_accepted_has_no_accuracy():
    selective = evaluate(Canned(ROWS, threshold=1.0), TRUE, classes=ABC).selective
    assert (selective.coverage, selective.accuracy) == (0.0, None)


def test_calibration_is_taken_at_the_temperature():
    result = evaluate(Canned(logits((0, 0.9)) * 2, temperature=2.0), split(0), classes=ABC)
    assert result.calibration.nll == pytest.approx(-log(0.9), abs=1e-6)
    assert result.calibration.ece == pytest.approx(1 - 0.9, abs=1e-6)
    assert result.calibration.brier == pytest.approx(0.1**2 + 2 * 0.05**2, abs=1e-6)


def test_the_dictionary_is_json_and_leaves_the_arrays_out():
    result = evaluate(Canned(ROWS), TRUE, classes=ABC)
    fields = json.loads(json.dumps(result.to_dict()))
    assert fields["errors"] == 2
    assert fields["calibration"]["bins"]["counts"] == result.calibration.bins.counts.tolist()
    assert "logits" not in fields
    assert result.logits.shape == (6, 3)


def test_more_classes_than_the_data_are_refused():
    with pytest.raises(ModelError, match="the model has 3 classes and the data 2"):
        evaluate(Canned(ROWS), TRUE, classes=("a", "b"))


def test_other_class_names_are_refused_by_name():
    with pytest.raises(ModelError, match="a, b, c, the data's are a, c, b"):
        evaluate(Canned(ROWS), TRUE, classes=("a", "c", "b"))


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match="no examples"):
        evaluate(Canned(np.zeros((0, 3))), split(), classes=ABC)


@pytest.mark.parametrize("name", ["tiny-int8", "tiny-float"])
@pytest.mark.parametrize("threads", [1, 2])
def test_real_files_read_strokes(name, threads):
    digits = make_split(100, seed=5, workers=1)
    classifier = Classifier(DATA / f"{name}.tflite", num_threads=threads)
    result = evaluate(classifier, digits, classes=DIGITS)
    wrong = int((classifier.predict(digits.images).labels != digits.labels).sum())
    assert result.errors == wrong == int(result.confusion.sum() - np.trace(result.confusion))
    assert result.accuracy > 0.8


@pytest.mark.parametrize(
    ("successes", "n", "interval"),
    [
        (10, 10, (10 / (10 + Z**2), 1.0)),
        (0, 10, (0.0, Z**2 / (10 + Z**2))),
        (9950, 10000, (0.99342, 0.99620)),  # statsmodels' proportion_confint(…, method="wilson")
    ],
)
def test_wilson_interval(successes, n, interval):
    assert wilson_interval(successes, n) == pytest.approx(interval, abs=1e-5)


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (1, 5, 2 * (1 + 6) / 2**6),
        (5, 1, 2 * (1 + 6) / 2**6),
        (0, 8, 2 / 2**8),
    ],
)
def test_mcnemar_is_twice_the_smaller_tail(b, c, p):
    assert mcnemar_exact(b, c) == pytest.approx(p)


def test_mcnemar_of_thousands_is_finite():
    assert 0 < mcnemar_exact(4000, 4200) < 0.05


@pytest.mark.parametrize(
    ("reference", "candidate", "ratio"),
    [(50, 60, 60 / 50), (0, 0, 1.0), (0, 1, 1.0), (0, 3, 3.0), (4, 0, 0.0)],
)
def test_a_reference_without_an_error_counts_as_one(reference, candidate, ratio):
    assert error_ratio(reference, candidate) == ratio


def test_two_classifiers_are_compared_pair_by_pair():
    labels = np.array([0, 1, 2, 0])
    reference = logits((0, 0.9), (1, 0.9), (2, 0.9), (1, 0.9)).astype(np.float32)
    candidate = logits((0, 0.9), (2, 0.9), (1, 0.9), (0, 0.9)).astype(np.float32)
    found = compare(reference, candidate, labels)
    assert (found.n, found.reference_errors, found.candidate_errors) == (4, 1, 2)
    assert (found.only_candidate_wrong, found.only_reference_wrong) == (2, 1)
    assert found.agreement == 1 / 4
    assert found.error_ratio == 2 / 1
    assert found.p_value == min(1.0, 2 * (1 + 3) / 2**3)
    json.dumps(found.to_dict())


def test_a_shift_of_all_logits_is_no_difference():
    rows = np.array([[1, -2, 0.5]], np.float32)
    label = np.array([0])
    assert compare(rows, rows + 3, label).max_logit_difference == pytest.approx(0, abs=1e-6)
    # [1, 0, 0] against zeros: after the mean 1 / 3 is taken out, 2 / 3 and twice 1 / 3 are left
    found = compare(rows, rows + np.array([[1, 0, 0]], np.float32), label)
    assert found.max_logit_difference == pytest.approx(2 / 3, abs=1e-6)
    assert found.mean_logit_difference == pytest.approx((2 / 3 + 1 / 3 + 1 / 3) / 3, abs=1e-6)


def test_probabilities_have_no_logits_to_compare():
    rows = np.array([[5, -2, 0.5]], np.float32)
    found = compare(softmax(rows), rows, np.array([0]))
    assert (found.max_logit_difference, found.agreement) == (None, 1.0)


def test_predictions_of_other_lengths_are_refused():
    rows = np.zeros((2, 3), np.float32)
    with pytest.raises(DataError, match="2 with 1 predictions of 2"):
        compare(rows, rows[:1], np.array([0, 1]))


def test_a_model_is_measured_on_digits_of_some_of_its_classes(tiny_int8: Path):
    drawn = make_split(40, seed=3, workers=1)
    some = drawn.take(np.flatnonzero(np.isin(drawn.labels, (1, 2))))
    ones_and_twos = Split(some.images, some.labels - 1)
    dataset = Dataset("meter", ones_and_twos, ones_and_twos, "", "meter test", ("1", "2"))
    metrics, arrays = measure(Subject(tiny_int8), dataset, split="all")
    support = [row["support"] for row in metrics["test"]["per_class"]]
    assert support == [0, *(2 * int((some.labels == digit).sum()) for digit in (1, 2)), *[0] * 7]
    assert metrics["data"]["test_name"] == "meter training and test"
    right = Classifier(tiny_int8).logits(some.images).argmax(axis=1) == some.labels
    assert metrics["test"]["errors"] == 2 * int((~right).sum())
    assert arrays["labels"].tolist() == [*some.labels, *some.labels]
    assert "nan" not in class_errors(metrics["test"]["per_class"])


def test_a_model_that_lacks_a_class_of_the_data_is_refused(tiny_int8: Path):
    odd = Dataset("odd", TRUE, TRUE, "", "odd test", ABC)
    with pytest.raises(ModelError, match="the model has 10 classes and the data 3"):
        measure(Subject(tiny_int8), odd, split="test")
