"""Measure a model file on a data set: the metrics of `edge-hdr evaluate`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge_hdr.comparison import compare
from edge_hdr.data.dataset import Dataset, Split, joined
from edge_hdr.errors import ModelError
from edge_hdr.evaluate import evaluate, relabelled
from edge_hdr.footprint import footprint
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.manifest import Manifest

SplitName = Literal["test", "validation", "all"]
# what a build draws and holds out where its configuration says nothing else
STROKES, VALIDATION = 60_000, 5000


@dataclass(frozen=True)
class Subject:
    """A model file to measure.

    Attributes:
        path: of the file.
        threads: of the interpreter.
        input_range: real values of background and ink, for a model without a manifest.
    """

    path: Path
    threads: int = 1
    input_range: tuple[float, float] | None = None

    def open(self) -> Classifier:
        """Open it as a device does.

        Raises:
            ModelError: see `Classifier`; the message names the file.
        """
        try:
            return Classifier(self.path, num_threads=self.threads, input_range=self.input_range)
        except ModelError as error:
            raise _named(self.path, error) from error


def measure(
    subject: Subject, dataset: Dataset, *, split: SplitName, reference: Path | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Evaluate a model file, and compare it with another one.

    Args:
        subject: the file.
        dataset: what it is measured on.
        split: "test", "validation" as the model's own build held it out, or "all".
        reference: a second file, run over the same examples.

    Returns:
        What metrics.json holds (see `edge_hdr.report.page`), and the arrays for the report.

    Raises:
        ModelError: a file is no classifier of these classes.
        DataError: the split is empty.
    """
    classifier = subject.open()
    part, classes = choose_split(dataset, split, classifier.manifest), dataset.classes
    if named_alike := relabelled(part, classes, classifier.labels):
        part, classes = named_alike, classifier.labels
    result = evaluate(classifier, part, classes=classes)
    metrics = {
        "schema": 1,
        "model": describe_model(subject.path, classifier),
        "test": result.to_dict(),
        "footprint": footprint(subject.path.read_bytes()).to_dict(),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "test_name": split_name(dataset, split),
            "test_n": len(part),
            "test_sha256": part.sha256(),
        },
        "warnings": warnings_of(dataset, split, classifier.manifest),
        "interpreter": runtime_name(),
    }
    if reference is not None:
        other = Subject(reference, subject.threads, subject.input_range).open()
        theirs = evaluate(other, part, classes=classes)
        name = describe_model(reference, other)["name"]
        metrics["reference"] = {"name": name}
        metrics["float_test"] = theirs.to_dict()
        metrics["comparison"] = compare(theirs.logits, result.logits, part.labels).to_dict()
    arrays = {
        "images": part.images,
        "labels": part.labels,
        "probabilities": result.probabilities,
    }
    return metrics, arrays


def choose_split(dataset: Dataset, split: SplitName, manifest: Manifest | None) -> Split:
    """Give the test split, all of the data, or hold validation out again as the build did.

    Args:
        dataset: with the training split that the model was built from.
        split: which one.
        manifest: its seed and configuration decide what was held out; None is seed 0.
    """
    return parts(dataset, split, manifest)[0]


def parts(dataset: Dataset, split: SplitName, manifest: Manifest | None) -> tuple[Split, Split]:
    """Give what `choose_split` gives, and the training examples that are not in it."""
    if split == "test":
        return dataset.test, dataset.train
    if split == "all":
        return joined(dataset.train, dataset.test), dataset.train.take(np.arange(0))
    from edge_hdr.data.splits import hold_out_validation

    wanted, seed = held_out_by(manifest)
    rest, held = hold_out_validation(
        dataset.train, wanted=wanted, classes=len(dataset.classes), seed=seed
    )
    return held, rest


def split_name(dataset: Dataset, split: SplitName) -> str:
    """Say what figures on a part of a data set are called, as "MNIST test"."""
    if split == "test" or (split == "all" and not len(dataset.train)):
        return dataset.test_name
    name = dataset.test_name.rpartition(" test")[0] or dataset.name
    return f"{name} {'training and test' if split == 'all' else split}"


def held_out_by(manifest: Manifest | None) -> tuple[int, int]:
    """Give number of examples and seed by which a model's build held out its validation split."""
    if manifest is None:
        return VALIDATION, 0
    return int(manifest.config.get("validation", VALIDATION)), manifest.seed


def describe_model(path: Path, classifier: Classifier) -> dict[str, Any]:
    """Give the manifest's fields, or what a file without one shows of itself."""
    if classifier.manifest is not None:
        return dataclasses.asdict(classifier.manifest)
    return {
        "name": path.stem,
        "labels": list(classifier.labels),
        "input": dataclasses.asdict(classifier.input_spec),
        "output": dataclasses.asdict(classifier.output_spec),
    }


def drawn_strokes(split: SplitName, manifest: Manifest | None) -> int:
    """Say how many training strokes are needed: those of the model's build, or next to none."""
    if split == "test":
        return 100
    return int(manifest.config.get("strokes_train", STROKES)) if manifest else STROKES


def warnings_of(dataset: Dataset, split: SplitName, manifest: Manifest | None) -> list[str]:
    """Say what speaks against a model's figures on a data set, a sentence each.

    Args:
        dataset: what it is measured on.
        split: which part.
        manifest: of the model; None for anyone's file.
    """
    found = list(manifest.data.get("warnings", [])) if manifest else []
    found += dataset.warnings
    built_from = manifest.data if manifest else {}
    is_its_own = built_from.get("sha256") == dataset.train.sha256()
    if split == "validation" and not is_its_own:
        found.append(
            "the model was not built from this training split, or does not say so: its "
            "validation part may have been trained on"
        )
    if split == "all" and (is_its_own or built_from.get("name") == dataset.name):
        found.append(
            f"the model was built from {dataset.name}: it was trained on some of these examples, "
            "so that its figures are too good"
        )
    return list(dict.fromkeys(found))


def _named(path: Path, error: ModelError) -> ModelError:
    if str(path) in error.message:
        return error
    return ModelError(f"{path}: {error.message}", hint=error.hint)
