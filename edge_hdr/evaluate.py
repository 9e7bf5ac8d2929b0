"""Evaluate a `.tflite` classifier on a labelled split."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr import calibration
from edge_hdr.calibration import Reliability
from edge_hdr.comparison import Comparison, compare
from edge_hdr.data.dataset import Split
from edge_hdr.errors import DataError, ModelError
from edge_hdr_device.classifier import Classifier, as_logits

__all__ = ["Comparison", "Evaluation", "compare", "evaluate", "wilson_interval"]

MISTAKES_KEPT = 60
_Z_95 = 1.959963984540054  # quantile of the normal distribution that leaves 2.5 % above it


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class; a score is 0 where it has no denominator."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Macro:
    """Unweighted means of the classes' scores."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Calibration:
    """How far confidences can be believed, at the manifest's temperature (1 without one).

    Attributes:
        temperature: the logits are divided by it.
        ece: expected calibration error over `bins`.
        nll: mean negative log-likelihood of the truth, in nats.
        brier: mean squared distance to the one-hot truth, in [0, 2].
        bins: confidence against accuracy.
    """

    temperature: float
    ece: float
    nll: float
    brier: float
    bins: Reliability


@dataclass(frozen=True)
class Selective:
    """What is left when digits below the manifest's threshold (0 without one) are rejected.

    Attributes:
        threshold: least confidence that is accepted.
        coverage: share of the split that is accepted.
        accuracy: share of right ones among the accepted; None when none is.
        accepted: their number.
        errors: wrong ones among the accepted.
    """

    threshold: float
    coverage: float
    accuracy: float | None
    accepted: int
    errors: int


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction: its index in the split, class names and confidence."""

    index: int
    true: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """How a classifier does on a split.

    Attributes:
        classes: what each label stands for.
        n: number of examples.
        errors: wrong ones.
        accuracy: top-1, 1 − errors / n.
        interval: its 95 % interval.
        per_class: in the order of `classes`.
        macro: means over the classes.
        confusion: int64 (classes, classes), row true, column predicted.
        calibration: see there.
        selective: see there.
        mistakes: the most confident ones first, at most 60.
        logits: float32 (N, classes), of every example; not part of the JSON.
        probabilities: float32 (N, classes); not part of the JSON.
    """

    classes: tuple[str, ...]
    n: int
    errors: int
    accuracy: float
    interval: tuple[float, float]
    per_class: tuple[ClassScore, ...]
    macro: Macro
    confusion: NDArray[np.int64]
    calibration: Calibration
    selective: Selective
    mistakes: tuple[Mistake, ...]
    logits: NDArray[np.float32] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Give all but the arrays of every example, JSON-ready."""
        return {
            "classes": list(self.classes),
            "n": self.n,
            "errors": self.errors,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "per_class": [asdict(score) for score in self.per_class],
            "macro": asdict(self.macro),
            "confusion": self.confusion.tolist(),
            "calibration": {
                "temperature": self.calibration.temperature,
                "ece": self.calibration.ece,
                "nll": self.calibration.nll,
                "brier": self.calibration.brier,
                "bins": self.calibration.bins.to_dict(),
            },
            "selective": asdict(self.selective),
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }


def evaluate(classifier: Classifier, split: Split, *, classes: tuple[str, ...]) -> Evaluation:
    """Run a classifier over a whole split.

    Args:
        classifier: as devices use it; its own number of threads is used.
        split: normalized digits.
        classes: what the split's labels stand for.

    Raises:
        DataError: the split is empty.
        ModelError: the model's classes are not those of the data.
    """
    _check_classes(classifier, classes)
    if not len(split):
        raise DataError("the split has no examples", hint="give a data set with labelled images")
    predictions = classifier.predict(split.images)
    wrong = predictions.labels != split.labels
    errors = int(wrong.sum())
    per_class, macro, confusion = _scores(split.labels, predictions.labels, classes)
    return Evaluation(
        classes=classes,
        n=len(split),
        errors=errors,
        accuracy=1 - errors / len(split),
        interval=wilson_interval(len(split) - errors, len(split)),
        per_class=per_class,
        macro=macro,
        confusion=confusion,
        calibration=_calibration(classifier, predictions.logits, split.labels),
        selective=_selective(classifier, predictions.accepted, wrong),
        mistakes=_mistakes(split.labels, predictions.labels, predictions.confidences, classes),
        logits=predictions.logits,
        probabilities=predictions.probabilities,
    )


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


def _check_classes(classifier: Classifier, classes: tuple[str, ...]) -> None:
    if classifier.labels == classes:
        return
    model, data = len(classifier.labels), len(classes)
    detail = (
        f"the model has {model} classes and the data {data}"
        if model != data
        else f"the model's classes are {', '.join(classifier.labels)}, "
        f"the data's are {', '.join(classes)}"
    )
    raise ModelError(detail, hint="evaluate the model on data with the same classes")


def _scores(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[tuple[ClassScore, ...], Macro, NDArray[np.int64]]:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    indices = list(range(len(classes)))
    columns = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    rows = zip(classes, *columns, strict=True)
    per_class = tuple(
        ClassScore(label, float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in rows
    )
    macro = Macro(*(float(np.mean(column)) for column in columns[:3]))
    confusion = confusion_matrix(labels, predicted, labels=indices)
    return per_class, macro, np.asarray(confusion, np.int64)


def _calibration(
    classifier: Classifier, outputs: NDArray[np.float32], labels: NDArray[np.int64]
) -> Calibration:
    temperature = classifier.manifest.temperature if classifier.manifest else 1.0
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
    classifier: Classifier, accepted: NDArray[np.bool_], wrong: NDArray[np.bool_]
) -> Selective:
    count = int(accepted.sum())
    errors = int((accepted & wrong).sum())
    return Selective(
        threshold=classifier.manifest.threshold if classifier.manifest else 0.0,
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
