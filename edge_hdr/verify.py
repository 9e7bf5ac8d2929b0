"""Run exported files over validation and test, and judge int8 beside float."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edge_hdr.calibration import fit_temperature, threshold_for
from edge_hdr.comparison import compare
from edge_hdr.config import BuildConfig
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.evaluate import Evaluation, evaluate
from edge_hdr.footprint import footprint
from edge_hdr_device.classifier import Classifier, softmax
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.manifest import Manifest, pack

LEAST_COVERAGE = 0.95  # a weak model may not refuse more of the validation split than the rest


@dataclass(frozen=True)
class Candidate:
    """An exported model before it is judged.

    Attributes:
        manifest: without temperature, threshold and metrics.
        flatbuffer: what is to be released.
        reference: the float32 flatbuffer that it is compared with.
    """

    manifest: Manifest
    flatbuffer: bytes
    reference: bytes


@dataclass(frozen=True)
class Verdict:
    """What verification found.

    Attributes:
        manifest: complete.
        metrics: JSON-ready part of metrics.json: model, test, validation, float_test, comparison,
            footprint.
        arrays: what the report's figures need: test images and labels, logits.
        complaint: why the build fails, empty when it passes.
    """

    manifest: Manifest
    metrics: dict[str, Any]
    arrays: dict[str, Any]
    complaint: str


def verify(
    candidate: Candidate, dataset: Dataset, validation: Split, config: BuildConfig
) -> Verdict:
    """Calibrate on validation, then run candidate and reference over the test split, once.

    Args:
        candidate: see there.
        dataset: its test split is used here and nowhere else.
        validation: gives temperature and rejection threshold.
        config: selective accuracy and largest error ratio.
    """
    manifest, checked = _calibrated(candidate, validation, config.selective_accuracy)
    test = _measure(pack(candidate.flatbuffer, manifest), dataset.test, dataset.classes)
    reference = _measure(candidate.reference, dataset.test, dataset.classes, manifest)
    comparison = compare(reference.logits, test.logits, dataset.test.labels)
    manifest = replace(
        manifest,
        sha256=hashlib.sha256(candidate.flatbuffer).hexdigest(),
        metrics={"test": _figure(test, dataset.test_name), "validation": checked,
                 "float_test_errors": reference.errors, "interpreter": runtime_name()},
    )  # fmt: skip
    complaint = ""
    if config.max_error_ratio and comparison.error_ratio > config.max_error_ratio:
        complaint = (
            f"{config.variant} makes {test.errors} errors on {dataset.test_name}, "
            f"{comparison.error_ratio:.2f} times the {reference.errors} of float32 "
            f"(at most {config.max_error_ratio:g})"
        )
    metrics = {
        "model": manifest_figures(manifest),
        "test": test.to_dict(),
        "validation": checked,
        "float_test": reference.to_dict(),
        "comparison": comparison.to_dict(),
        "interpreter": runtime_name(),
        "footprint": footprint(pack(candidate.flatbuffer, manifest)).to_dict(),
    }
    arrays = {
        "images": dataset.test.images,
        "labels": dataset.test.labels,
        "probabilities": test.probabilities,
    }
    return Verdict(manifest, metrics, arrays, complaint)


def manifest_figures(manifest: Manifest) -> dict[str, Any]:
    """Give the manifest as a dictionary without what metrics.json says elsewhere."""
    fields = asdict(manifest)
    for key in ("metrics", "config", "libraries", "data", "command"):
        del fields[key]
    return fields


def _calibrated(
    candidate: Candidate, validation: Split, selective_accuracy: float
) -> tuple[Manifest, dict[str, Any]]:
    classifier = Classifier(pack(candidate.flatbuffer, candidate.manifest), num_threads=2)
    logits = classifier.logits(validation.images)
    temperature = round(fit_temperature(logits, validation.labels), 4)
    probabilities = softmax(logits / temperature)
    wanted = threshold_for(probabilities, validation.labels, selective_accuracy)
    bearable = np.quantile(probabilities.max(axis=1), 1 - LEAST_COVERAGE, method="lower")
    threshold = math.floor(min(wanted, float(bearable)) * 1e4) / 1e4
    accepted = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == validation.labels
    checked = {
        "split": "validation",
        "n": len(validation),
        "errors": int((~right).sum()),
        "accuracy": float(right.mean()),
        "temperature": temperature,
        "threshold": threshold,
        "selective_accuracy_wanted": selective_accuracy,
        "selective_accuracy": float(right[accepted].mean()),
        "coverage": float(accepted.mean()),
    }
    return replace(candidate.manifest, temperature=temperature, threshold=threshold), checked


def _measure(
    file: bytes, split: Split, classes: tuple[str, ...], manifest: Manifest | None = None
) -> Evaluation:
    """Evaluate a file; a manifest lends the reference its class names."""
    if manifest is not None:
        file = pack(file, replace(manifest, temperature=1.0, threshold=0.0))
    return evaluate(Classifier(file, num_threads=2), split, classes=classes)


def _figure(evaluation: Evaluation, name: str) -> dict[str, Any]:
    return {
        "split": name,
        "n": evaluation.n,
        "errors": evaluation.errors,
        "accuracy": round(evaluation.accuracy, 6),
        "interval": [round(end, 6) for end in evaluation.interval],
    }
