"""Evaluate a classifier on a labelled split, by its logits."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edge_hdr import calibration
from edge_hdr.comparison import Comparison, compare
from edge_hdr.data.dataset import Split
from edge_hdr.errors import DataError, ModelError
from edge_hdr.evaluation import Calibration, ClassScore, Evaluation, Macro, Mistake, Selective
from edge_hdr_device.classifier import Classifier, Predictions, as_logits, softmax

__all__ = [
    "Comparison",
    "Evaluation",
    "check_classes",
    "compare",
    "evaluate",
    "evaluate_logits",
    "predictions",
    "relabelled",
    "wilson_interval",
]

MISTAKES_KEPT = 60
_Z_95 = 1.959963984540054  # quantile of the normal distribution that leaves 2.5 % above it


def evaluate(classifier: Classifier, split: Split, *, classes: tuple[str, ...]) -> Evaluation:
    """Run a classifier over a whole split.

    Args:
        classifier: as devices use it; its own number of threads is used.
        split: normalized digits.
        classes: what the split's labels stand for; those of the model, see `relabelled`.

    Raises:
        DataError: the split is empty.
        ModelError: the model's classes are not those of the data.
    """
    check_classes(classifier.labels, classes)
    return evaluate_logits(
        classifier.logits(split.images),
        split.labels,
        classes=classes,
        temperature=classifier.manifest.temperature if classifier.manifest else 1.0,
        threshold=classifier.manifest.threshold if classifier.manifest else 0.0,
    )


def evaluate_logits(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    classes: tuple[str, ...],
    temperature: float = 1.0,
    threshold: float = 0.0,
) -> Evaluation:
    """Evaluate what a classifier of any kind said of a whole split.

    Args:
        logits: float32 (N, classes), or probabilities.
        labels: int64 (N,), true class.
        classes: what the labels stand for.
        temperature: the logits are divided by it.
        threshold: least confidence that is accepted.

    Raises:
        DataError: the split is empty.
    """
    if not len(labels):
        raise DataError("the split has no examples", hint="give a data set with labelled images")
    said = predictions(logits, temperature, threshold)
    wrong = said.labels != labels
    errors = int(wrong.sum())
    per_class, macro, confusion = _scores(labels, said.labels, classes)
    return Evaluation(
        classes=classes,
        n=len(labels),
        errors=errors,
        accuracy=1 - errors / len(labels),
        interval=wilson_interval(len(labels) - errors, len(labels)),
        per_class=per_class,
        macro=macro,
        confusion=confusion,
        calibration=_calibration(logits, labels, temperature),
        selective=_selective(threshold, said.accepted, wrong),
        mistakes=_mistakes(labels, said.labels, said.confidences, classes),
        logits=logits,
        probabilities=said.probabilities,
    )


def predictions(
    logits: NDArray[np.float32], temperature: float = 1.0, threshold: float = 0.0
) -> Predictions:
    """Say what logits float32 (N, classes) of any classifier mean, as `Classifier.predict` does."""
    probabilities = softmax(as_logits(logits) / np.float32(temperature))
    confidences = probabilities.max(axis=1, initial=0.0)
    labels = probabilities.argmax(axis=1) if len(logits) else np.zeros(0, np.int64)
    return Predictions(logits, probabilities, labels, confidences, confidences >= threshold)


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Give the 95 % score interval of a share.

    Args:
        successes: in [0, n].
        n: > 0.

    Source: E. B. Wilson, Journal of the American Statistical Association 22, 1927.
    """
    share, z2 = successes / n, _Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def check_classes(labels: tuple[str, ...], classes: tuple[str, ...]) -> None:
    """Make sure that a model tells the classes apart that the data have.

    Args:
        labels: what each output of the model stands for.
        classes: what each label of the data stands for.

    Raises:
        ModelError: they are not the same, in the same order.
    """
    if labels == classes:
        return
    detail = (
        f"the model has {len(labels)} classes and the data {len(classes)}"
        if len(labels) != len(classes)
        else f"the model's classes are {', '.join(labels)}, the data's are {', '.join(classes)}"
    )
    raise ModelError(detail, hint="evaluate the model on data with the same classes")


def relabelled(split: Split, classes: tuple[str, ...], labels: tuple[str, ...]) -> Split | None:
    """Number a split's labels as a model's outputs are, by the names of the classes.

    Args:
        split: whose labels are of `classes`.
        classes: what each label of the data stands for.
        labels: what each output of the model stands for.

    Returns:
        The split with the same images; None where the model lacks a class of the data.
    """
    if classes == labels:
        return split
    if not set(classes) <= set(labels):
        return None
    places = np.array([labels.index(name) for name in classes], np.int64)
    return Split(split.images, places[split.labels])


def _scores(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[tuple[ClassScore, ...], Macro, NDArray[np.int64]]:
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    right, support, named = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = right / np.maximum(named, 1), right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + named, 1)
    columns = (precision, recall, f1)
    per_class = tuple(
        ClassScore(label, float(p), float(r), float(f), int(count))
        if count
        else ClassScore(label, None, None, None, 0)
        for label, p, r, f, count in zip(classes, *columns, support, strict=True)
    )
    macro = Macro(*(float(np.mean(column[support > 0])) for column in columns))
    return per_class, macro, confusion


def _calibration(
    outputs: NDArray[np.float32], labels: NDArray[np.int64], temperature: float
) -> Calibration:
    logits = as_logits(outputs)
    probabilities = np.exp(calibration.log_softmax(logits, temperature)).astype(np.float32)
    return Calibration(
        temperature=temperature,
        ece=calibration.ece(probabilities, labels),
        nll=calibration.negative_log_likelihood(logits, labels, temperature),
        brier=calibration.brier(probabilities, labels),
        bins=calibration.reliability(probabilities, labels),
    )


def _selective(
    threshold: float, accepted: NDArray[np.bool_], wrong: NDArray[np.bool_]
) -> Selective:
    count = int(accepted.sum())
    errors = int((accepted & wrong).sum())
    return Selective(
        threshold=threshold,
        coverage=count / len(accepted),
        accuracy=1 - errors / count if count else None,
        accepted=count,
        errors=errors,
    )


def _mistakes(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    confidences: NDArray[np.float32],
    classes: tuple[str, ...],
) -> tuple[Mistake, ...]:
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:MISTAKES_KEPT]
    return tuple(
        Mistake(int(i), classes[labels[i]], classes[predicted[i]], float(confidences[i]))
        for i in worst
    )
