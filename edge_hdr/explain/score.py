"""What an explanation asks of a model: log-probabilities, as its own confidences are made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.classifier import Classifier, as_logits

# From uint8 (N, 28, 28), ink 255, to natural logarithms of probabilities, float64 (N, classes).
Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


def log_probabilities(classifier: Classifier, logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn logits of a classifier, float32 (N, classes), into log-probabilities, float64.

    The temperature is that of its manifest.
    """
    temperature = classifier.manifest.temperature if classifier.manifest else 1.0
    return log_softmax(as_logits(logits) / np.float64(temperature))


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits (N, classes) into log-probabilities; they do not underflow as their powers do."""
    above = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(above - np.log(np.exp(above).sum(axis=1, keepdims=True)), np.float64)
