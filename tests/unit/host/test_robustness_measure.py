"""Robustness figures of models whose answers are known."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_hdr.data.strokes import make_split
from edge_hdr.errors import ConfigError, DataError
from edge_hdr.robustness.adversarial import check_adversary
from edge_hdr.robustness.corruptions import KINDS, MNIST_C
from edge_hdr.robustness.examined import Errors, Examined
from edge_hdr.robustness.measure import measure_all, measure_robustness
from edge_hdr.robustness.non_digits import KINDS as STRANGE
from edge_hdr.robustness.photo import Seen
from edge_hdr.robustness.scores import auroc, coverage
from edge_hdr_device.classifier import Classifier

TINY = Path(__file__).parents[2] / "data" / "tiny-int8.tflite"
SETS = len(KINDS) * 3


class Zero:
    """Call everything a 0, as surely as there is ink; keep a digest of what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.shown.append(hashlib.sha256(images.tobytes()).hexdigest())
        logits = np.zeros((len(images), 10), np.float32)
        logits[:, 0] = 1.5 + images.mean(axis=(1, 2))
        return logits


def test_auroc_counts_pairs_and_ties_half() -> None:
    digits, others = np.array([0.9, 0.8, 0.5]), np.array([0.8, 0.1])
    pairs = [1, 1, 0.5, 1, 0, 1]  # 0.9 against both, 0.8 against both, 0.5 against both
    assert auroc(digits, others) == sum(pairs) / 6
    assert auroc(others, others) == 0.5


def test_coverage_takes_the_largest_set_that_is_right_often_enough() -> None:
    confidences = np.array([0.9, 0.8, 0.7, 0.6])
    right = np.array([True, False, True, True])
    assert coverage(confidences, right, 1.0) == 1 / 4
    assert coverage(confidences, right, 0.75) == 4 / 4  # 3 of 4 are right
    assert coverage(confidences, right, 0.7) == 4 / 4
    assert coverage(confidences, ~right, 1.0) == 0
    tied = np.full(4, 0.9)
    assert coverage(tied, right, 0.8) == 0  # all four or none


def test_non_digits_weigh_as_much_as_all_digits() -> None:
    confidences, right = np.array([0.9, 0.8, 0.7, 0.6]), np.ones(4, bool)
    others = np.array([0.75, 0.1])  # each weighs 4 / 2
    assert coverage(confidences, right, 1.0, others=others) == 2 / 4
    # all digits and one non-digit: 4 / (4 + 2) are right
    assert coverage(confidences, right, 0.66, others=others) == 4 / 4
    assert coverage(confidences, right, 0.67, others=others) == 2 / 4
    assert coverage(confidences, right, 1.0, others=np.array([0.95])) == 0


def test_what_was_not_found_is_misread_and_never_accepted() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    model, seen = Examined(Zero()), Seen(images, np.array([1, 0]))
    assert model.wrong_seen(seen, np.array([0, 0])).tolist() == [False, True]
    assert model.confidences_seen(seen)[1] == -1


def test_the_temperature_softens_confidences() -> None:
    image = np.zeros((1, 28, 28), np.uint8)  # one logit of 1.5, nine of 0
    for temperature in (1.0, 2.0):
        sure = np.exp(1.5 / temperature)
        (found,) = Examined(Zero(), temperature).confidences(image)
        assert found == pytest.approx(sure / (sure + 9))


def test_means_weigh_kinds_and_severities_alike() -> None:
    errors = Errors()
    for wrong in ([True, False], [True, True]):
        errors.add("a", np.array(wrong))
    for wrong in ([False, False], [False, False]):
        errors.add("b", np.array(wrong))
    assert errors.of("a") == [0.5, 1.0]
    mean, (low, high) = errors.mean(("a", "b"), (1, 2))
    assert mean == (0.5 + 1 + 0 + 0) / 4
    assert low < mean < high
    assert errors.mean(("a",), (2,)) == (1.0, (1.0, 1.0))


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    """Examine two models on ten digits, one of each class."""
    zero, tiny, told = Zero(), Classifier(TINY), []
    split = make_split(20, seed=2, workers=1)
    shown: list[str] = []

    def watched(images: np.ndarray) -> np.ndarray:
        shown.append(hashlib.sha256(images.tobytes()).hexdigest())
        return tiny.logits(images)

    models = [Examined(zero, threshold=0.5), Examined(watched)]
    results = measure_all(models, split, n=10, progress=lambda *row: told.append(row))
    return {"results": results, "shown": (zero.shown, shown), "told": told}


def test_all_models_are_shown_the_same_pictures(run: dict[str, Any]) -> None:
    first, second = run["shown"]
    assert sorted(first) == sorted(second)
    assert len(set(first)) >= 2 * SETS  # plain and normalized


def test_a_model_that_knows_only_zero_errs_nine_times_in_ten(run: dict[str, Any]) -> None:
    zero = run["results"][0]
    assert zero["n"] == zero["normalized_n"] == 10
    assert zero["clean"] == {"plain": 0.9, "normalized": 0.9}
    assert list(zero["corruptions"]) == list(KINDS)
    for kind, errors in zero["corruptions"].items():
        assert errors["plain"] == [0.9] * 3
        for error, none in zip(errors["normalized"], zero["found"][kind]["none"], strict=True):
            assert 0.9 <= error <= 0.9 + none + 1e-9  # a 0 may be among those not found
    assert zero["mean"]["plain"] == pytest.approx(0.9)
    low, high = zero["mean_interval"]["plain"]  # of ten digits one is always right
    deviation = np.std([0] + 9 * [1], ddof=1)
    assert low == pytest.approx(0.9 - 1.96 * deviation / np.sqrt(10), abs=1e-4)
    assert high == 1.0
    assert zero["adversarial"] is None


def test_means_follow_from_the_kinds(run: dict[str, Any]) -> None:
    tiny = run["results"][1]
    for way in ("plain", "normalized"):
        rows = [errors[way] for errors in tiny["corruptions"].values()]
        assert tiny["mean"][way] == pytest.approx(np.mean(rows))
        published = [tiny["corruptions"][kind][way][1] for kind in MNIST_C]
        assert tiny["mnist_c"][way] == pytest.approx(np.mean(published))


def test_confidence_is_judged_on_every_kind_of_non_digit(run: dict[str, Any]) -> None:
    zero, tiny = run["results"]
    assert list(zero["non_digits"]) == list(STRANGE)
    # its confidence grows with the ink, and blank paper has less than any digit
    assert zero["non_digits"]["blank"]["auroc"] == 1.0
    assert zero["non_digits"]["blank"]["accepted"] < 1.0
    assert zero["non_digits"]["letters"]["accepted"] == 1.0
    # nothing is found on most blank paper, so nothing is accepted, whatever the threshold
    assert tiny["non_digits"]["blank"]["accepted"] == 1.0
    assert tiny["non_digits"]["blank"]["accepted_normalized"] < 0.5
    for result in (zero, tiny):
        rows = result["non_digits"].values()
        assert result["auroc"] == pytest.approx(np.mean([row["auroc"] for row in rows]))
        assert result["selective"]["target"] == 0.999
        for name in ("coverage", "coverage_normalized"):
            with_them = result["selective"][name.replace("coverage", "coverage_with_non_digits")]
            assert 0 <= with_them <= result["selective"][name] <= 1


def test_the_figures_are_json_and_progress_is_told(run: dict[str, Any]) -> None:
    assert json.loads(json.dumps(run["results"])) == run["results"]
    texts, done, totals = zip(*run["told"], strict=True)
    assert done == tuple(range(SETS + 3))  # clean, non-digits, damages, the end
    assert set(totals) == {SETS + 2}
    assert "shot noise, severity 1" in texts


def test_too_few_digits_are_refused() -> None:
    with pytest.raises(DataError):
        measure_robustness(Zero(), make_split(20, seed=2, workers=1), n=5)


def test_an_adversary_that_is_no_build_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no build") as refused:
        check_adversary(tmp_path)
    assert str(tmp_path) in refused.value.message
