from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.config import BuildConfig
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.data.strokes import make_split
from edge_hdr.rejection import LEAST_COVERAGE
from edge_hdr.verify import Candidate, Verdict, verify
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import Manifest, read_model


@pytest.fixture(scope="module")
def validation() -> Split:
    return make_split(600, seed=21, workers=1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    test = make_split(400, seed=22, workers=1)
    return Dataset("strokes", test, test, "made here", "strokes test")


@pytest.fixture
def candidate(tiny_int8: Path) -> Candidate:
    flatbuffer, manifest = read_model(tiny_int8)
    assert isinstance(manifest, Manifest)
    bare = replace(manifest, temperature=1.0, threshold=0.0, metrics={})
    return Candidate(bare, flatbuffer, flatbuffer)


def run(candidate: Candidate, dataset: Dataset, validation: Split, **changes: float) -> Verdict:
    return verify(candidate, dataset, validation, BuildConfig(**changes))  # type: ignore[arg-type]


def test_the_manifest_says_what_the_exported_file_does_on_test(
    candidate: Candidate, dataset: Dataset, validation: Split
) -> None:
    verdict = run(candidate, dataset, validation)
    labels = Classifier(candidate.flatbuffer).predict(dataset.test.images).labels
    errors = int((labels != dataset.test.labels).sum())
    figure = verdict.manifest.metrics["test"]
    assert figure["split"] == "strokes test"
    assert (figure["n"], figure["errors"]) == (400, errors)
    assert verdict.metrics["comparison"]["error_ratio"] == 1.0  # compared with itself
    assert verdict.complaint == ""


def test_threshold_and_temperature_come_from_validation_and_keep_coverage(
    candidate: Candidate, dataset: Dataset, validation: Split
) -> None:
    verdict = run(candidate, dataset, validation, selective_accuracy=1 - 1e-9)
    checked = verdict.metrics["validation"]
    assert LEAST_COVERAGE <= checked["coverage"] < LEAST_COVERAGE + 0.01
    assert verdict.manifest.threshold == checked["threshold"] > 0
    assert verdict.manifest.temperature == checked["temperature"] != 1.0
    modest = run(candidate, dataset, validation, selective_accuracy=0.0)
    assert modest.manifest.threshold == 0.0
    assert modest.metrics["validation"]["coverage"] == 1.0


def test_more_errors_than_the_ratio_allows_are_a_complaint(
    candidate: Candidate, dataset: Dataset, validation: Split
) -> None:
    labels = Classifier(candidate.flatbuffer).predict(dataset.test.images).labels
    right = np.flatnonzero(labels == dataset.test.labels)
    wrong = np.flatnonzero(labels != dataset.test.labels)
    # the same file on both sides makes the same errors, so only a ratio below 1 complains
    assert len(right) and len(wrong)
    verdict = run(candidate, dataset, validation, max_error_ratio=0.5)
    assert "1.00 times" in verdict.complaint
    assert "at most 0.5" in verdict.complaint
    assert run(candidate, dataset, validation, max_error_ratio=0.0).complaint == ""
