"""What an evaluation finds: errors, scores by class, confusion, calibration, rejection."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.calibration import Reliability


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class; None without examples, and precision is 0 where it is never named."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class Macro:
    """Unweighted means of the scores of the classes that have examples."""

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
        macro: means over the classes with examples.
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
