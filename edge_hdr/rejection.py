"""Choose temperature and rejection threshold on validation, scenes and their clutter included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.calibration import fit_temperature, threshold_for
from edge_hdr.data.dataset import Split, joined
from edge_hdr.exposure.material import Exposure
from edge_hdr.robustness.scores import auroc
from edge_hdr_device.classifier import Classifier, softmax

LEAST_COVERAGE = 0.98  # beyond, on scenes, several right digits are refused for each wrong one


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what it does on validation.

    Attributes:
        temperature: > 0.
        threshold: least confidence that is accepted.
        validation: JSON-ready figures of the published validation digits.
        rejection: JSON-ready figures of the scenes; empty where there are none.
    """

    temperature: float
    threshold: float
    validation: dict[str, Any]
    rejection: dict[str, Any]


def choose(
    classifier: Classifier, validation: Split, scenes: Exposure, selective_accuracy: float
) -> Choice:
    """Choose temperature and threshold for an exported model.

    The temperature fits the digits, published ones and those of scenes together. The threshold is
    the lowest confidence at which the wanted share of what is accepted is right, where an accepted
    non-digit is an error. It never refuses more than a fiftieth of the digits.

    Args:
        classifier: the exported file.
        validation: labelled digits that nothing was learnt from.
        scenes: what was located in scenes written with them; may be empty.
        selective_accuracy: the share that is wanted.
    """
    pool = joined(validation, scenes.as_split())
    logits, known = classifier.logits(pool.images), pool.labels >= 0
    temperature = round(fit_temperature(logits[known], pool.labels[known]), 4)
    probabilities = softmax(logits / np.float32(temperature))
    confidences = probabilities.max(axis=1)
    wanted = threshold_for(probabilities, pool.labels, selective_accuracy)
    bearable = np.quantile(confidences[known], 1 - LEAST_COVERAGE, method="lower")
    threshold = math.floor(min(wanted, float(bearable)) * 1e4) / 1e4
    accepted = confidences >= threshold
    right = probabilities.argmax(axis=1) == pool.labels
    count = len(validation)
    figures = {
        "split": "validation",
        "n": count,
        "errors": int((~right[:count]).sum()),
        "accuracy": float(right[:count].mean()),
        "temperature": temperature,
        "threshold": threshold,
        "selective_accuracy_wanted": selective_accuracy,
        "selective_accuracy": _share(right[:count], accepted[:count]),
        "coverage": float(accepted[:count].mean()),
    }
    rejection = _rejection(scenes, confidences[count:], right[count:], threshold)
    return Choice(temperature, threshold, figures, rejection)


def _rejection(
    scenes: Exposure,
    confidences: NDArray[np.float32],
    right: NDArray[np.bool_],
    threshold: float,
) -> dict[str, Any]:
    n, others = len(scenes.digits), len(scenes.others)
    if not n or not others:
        return {}
    accepted = confidences >= threshold
    return {
        "split": "validation scenes",
        "n": n,
        "errors": int((~right[:n]).sum()),
        "non_digits": others,
        "non_digits_accepted": int(accepted[n:].sum()),
        "coverage": round(float(accepted[:n].mean()), 6),
        "selective_accuracy": round(_share(right, accepted), 6),
        "auroc": round(auroc(confidences[:n], confidences[n:]), 6),
    }


def _share(right: NDArray[np.bool_], accepted: NDArray[np.bool_]) -> float:
    """Give the share of right ones among the accepted, 1 where none is accepted."""
    return float(right[accepted].mean()) if accepted.any() else 1.0
