"""Run exported files over validation and test, and judge int8 beside float."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from edge_hdr.comparison import compare
from edge_hdr.config import BuildConfig
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.evaluate import Evaluation, evaluate
from edge_hdr.exposure.material import Exposure
from edge_hdr.footprint import footprint
from edge_hdr.rejection import choose
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.manifest import Manifest, pack


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
        metrics: JSON-ready part of metrics.json: model, test, validation, rejection, float_test,
            comparison, footprint.
        arrays: what the report's figures need: test images and labels, logits.
        complaint: why the build fails, empty when it passes.
    """

    manifest: Manifest
    metrics: dict[str, Any]
    arrays: dict[str, Any]
    complaint: str


def verify(
    candidate: Candidate,
    dataset: Dataset,
    validation: Split,
    config: BuildConfig,
    scenes: Exposure | None = None,
) -> Verdict:
    """Calibrate on validation, then run candidate and reference over the test split, once.

    Args:
        candidate: see there.
        dataset: its test split is used here and nowhere else.
        validation: gives temperature and rejection threshold.
        config: selective accuracy and largest error ratio.
        scenes: what was located in scenes written with validation digits, clutter included;
            helps to choose both. None is none.
    """
    classifier = Classifier(pack(candidate.flatbuffer, candidate.manifest), num_threads=2)
    chosen = choose(classifier, validation, scenes or Exposure(), config.selective_accuracy)
    manifest = replace(
        candidate.manifest, temperature=chosen.temperature, threshold=chosen.threshold
    )
    test = _measure(pack(candidate.flatbuffer, manifest), dataset.test, dataset.classes)
    reference = _measure(candidate.reference, dataset.test, dataset.classes, manifest)
    doubt = {"rejection": chosen.rejection} if chosen.rejection else {}
    comparison = compare(reference.logits, test.logits, dataset.test.labels)
    manifest = replace(
        manifest,
        sha256=hashlib.sha256(candidate.flatbuffer).hexdigest(),
        metrics={"test": _figure(test, dataset.test_name), "validation": chosen.validation,
                 "float_test_errors": reference.errors, "interpreter": runtime_name(), **doubt},
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
        "validation": chosen.validation,
        **doubt,
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
