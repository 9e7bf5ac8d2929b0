"""Calibration: how far a classifier's confidence can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
_TEMPERATURES = (0.05, 20.0)
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in bins of equal width over [0, 1].

    Attributes:
        edges: float64 (bins + 1,), from 0 to 1; bin i holds edges[i] < confidence ≤ edges[i + 1].
        counts: int64 (bins,).
        confidence: float64 (bins,), mean confidence in the bin, 0 where it is empty.
        accuracy: float64 (bins,), share of correct ones in the bin, 0 where it is empty.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def to_dict(self) -> dict[str, list[float]]:
        """Give the diagram JSON-ready."""
        return {
            "edges": [float(edge) for edge in self.edges],
            "counts": [int(count) for count in self.counts],
            "confidence": [float(value) for value in self.confidence],
            "accuracy": [float(value) for value in self.accuracy],
        }


def log_softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Give the logarithms of softmax(logits / temperature).

    Args:
        logits: float32 (N, classes).
        temperature: > 0.

    Returns:
        float64 (N, classes).
    """
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)), np.float64)


def negative_log_likelihood(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float = 1.0
) -> float:
    """Give the mean negative log-likelihood of the true labels, in nats.

    Args:
        logits: float32 (N, classes).
        labels: int64 (N,), true class.
        temperature: the logits are divided by it first.
    """
    log_probabilities = log_softmax(logits, temperature)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Find the temperature that minimizes the negative log-likelihood on a validation split.

    The likelihood has one maximum in the inverse temperature, so a golden-section search over
    its logarithm finds it. Without an error in the split the best temperature would be near 0; the
    lower bound keeps confidences finite.

    Args:
        logits: float32 (N, classes); not of the test split.
        labels: int64 (N,), true class.

    Returns:
        The temperature, in [0.05, 20]; 1.0 for an empty split.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
    """
    if not len(labels):
        return 1.0
    low, high = (float(np.log(bound)) for bound in _TEMPERATURES)
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    losses = [negative_log_likelihood(logits, labels, float(np.exp(at))) for at in inner]
    while high - low > 1e-5:
        if losses[0] <= losses[1]:
            high, inner[1], losses[1] = inner[1], inner[0], losses[0]
            side, inner[0] = 0, high - _GOLDEN * (high - low)
        else:
            low, inner[0], losses[0] = inner[0], inner[1], losses[1]
            side, inner[1] = 1, low + _GOLDEN * (high - low)
        losses[side] = negative_log_likelihood(logits, labels, float(np.exp(inner[side])))
    return float(np.exp((low + high) / 2))


def reliability(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = BINS
) -> Reliability:
    """Sort predictions into bins of confidence.

    Args:
        probabilities: float32 (N, classes), rows sum to 1.
        labels: int64 (N,), true class.
        bins: number of bins of equal width.
    """
    confidences = probabilities.max(axis=1, initial=0.0).astype(np.float64)
    correct = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    divisor = np.maximum(counts, 1)
    return Reliability(
        edges=edges,
        counts=counts.astype(np.int64),
        confidence=np.bincount(index, weights=confidences, minlength=bins) / divisor,
        accuracy=np.bincount(index, weights=correct, minlength=bins) / divisor,
    )


def ece(probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = BINS) -> float:
    """Give the expected calibration error: |accuracy − confidence| of each bin, by its share.

    Args:
        probabilities: float32 (N, classes), rows sum to 1.
        labels: int64 (N,), true class.
        bins: number of bins of equal width.

    Source: C. Guo et al., ICML 2017, equation 3.
    """
    diagram = reliability(probabilities, labels, bins)
    gaps = np.abs(diagram.accuracy - diagram.confidence)
    return float((diagram.counts * gaps).sum() / max(int(diagram.counts.sum()), 1))


def brier(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Give the mean squared distance between probabilities and the one-hot truth, in [0, 2].

    Args:
        probabilities: float32 (N, classes), rows sum to 1.
        labels: int64 (N,), true class.

    Source: G. W. Brier, Monthly Weather Review 78, 1950.
    """
    truth = np.zeros(probabilities.shape, np.float64)
    truth[np.arange(len(labels)), labels] = 1
    return float(((probabilities - truth) ** 2).sum(axis=1).mean()) if len(labels) else 0.0


def threshold_for(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], selective_accuracy: float
) -> float:
    """Find the lowest confidence at or above which the wanted share of predictions is right.

    Args:
        probabilities: float32 (N, classes), of a validation split, at the temperature in use.
        labels: int64 (N,), true class.
        selective_accuracy: wanted accuracy of the accepted ones, in [0, 1].

    Returns:
        A threshold in [0, 1]; 1.0 when no threshold reaches it, 0.0 for an empty split or when
        everything may be accepted.
    """
    if not len(labels):
        return 0.0
    confidences = probabilities.max(axis=1).astype(np.float64)
    order = np.argsort(-confidences, kind="stable")
    correct = (probabilities.argmax(axis=1) == labels)[order]
    accuracy = np.cumsum(correct) / np.arange(1, len(order) + 1)
    # equal confidences are accepted together, so only the last of a run is a choice
    ranked = confidences[order]
    last = np.append(ranked[1:] < ranked[:-1], True)
    fine = np.flatnonzero(last & (accuracy >= selective_accuracy))
    if not len(fine):
        return 1.0
    return 0.0 if fine[-1] == len(order) - 1 else float(ranked[fine[-1]])
