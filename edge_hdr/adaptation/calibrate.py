"""Give an adapted model the doubt of the one it came from: a temperature and a threshold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.adaptation.rehearsal import Rehearsal
from edge_hdr.calibration import fit_temperature, threshold_for
from edge_hdr.data.dataset import joined
from edge_hdr.evaluate import predictions
from edge_hdr_device.manifest import Manifest

LEAST_COVERAGE = 0.95  # an adapted model may not refuse more of the validation digits than the rest

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Calibrated:
    """Temperature and threshold of an adapted model, and what both models give on the rehearsal.

    Attributes:
        temperature: logits are divided by it.
        threshold: least confidence that is accepted.
        n: digits of the validation split.
        errors: of the new model on them.
        old_errors: of the old model.
        mixed_n: the same and what was found in scenes, non-digits among it.
        selective_accuracy: of what the new model accepts of these.
        coverage: share of the digits among these that it accepts.
        old_selective_accuracy: of the old model, at its own threshold.
        old_coverage: likewise.
    """

    temperature: float
    threshold: float
    n: int
    errors: int
    old_errors: int
    mixed_n: int
    selective_accuracy: float
    coverage: float
    old_selective_accuracy: float
    old_coverage: float

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        return asdict(self)


def calibrated(
    parent: Manifest,
    rehearsal: Rehearsal,
    old: tuple[Logits, Logits],
    new: tuple[Logits, Logits],
) -> Calibrated:
    """Choose temperature and threshold so that the new model is as sure of itself as the old one.

    The temperature keeps its ratio to what fits the validation split best, for the old one's was
    fitted on more. The threshold is the lowest at which what is accepted is right as often as what
    the old model accepts, scenes and non-digits included.

    Args:
        parent: manifest of the old model.
        rehearsal: its validation split and scenes.
        old: float32 (N, classes) and (M, classes), the old model's logits on these.
        new: those of the new one.
    """
    labels = rehearsal.validation.labels
    split = joined(rehearsal.validation, rehearsal.scenes)
    before, after = np.concatenate(old), np.concatenate(new)
    heat = fit_temperature(new[0], labels) / fit_temperature(old[0], labels)
    temperature = round(parent.temperature * heat, 4)
    was = predictions(before, parent.temperature, parent.threshold)
    kept = _accepted(was.labels, was.accepted, split.labels)
    said = predictions(after, temperature)
    threshold = 0.0
    if parent.threshold > 0:
        wanted = threshold_for(said.probabilities, split.labels, kept[0])
        bearable = np.quantile(said.confidences[: len(labels)], 1 - LEAST_COVERAGE, method="lower")
        threshold = float(np.floor(min(wanted, float(bearable)) * 1e4) / 1e4)
    now = _accepted(said.labels, said.confidences >= threshold, split.labels)
    return Calibrated(
        temperature=temperature,
        threshold=threshold,
        n=len(labels),
        errors=int((new[0].argmax(axis=1) != labels).sum()),
        old_errors=int((old[0].argmax(axis=1) != labels).sum()),
        mixed_n=len(split),
        selective_accuracy=now[0],
        coverage=now[1],
        old_selective_accuracy=kept[0],
        old_coverage=kept[1],
    )


def _accepted(
    said: NDArray[np.int64], accepted: NDArray[np.bool_], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Give the accuracy of what is accepted, and the share of the digits that are."""
    right = float((said == labels)[accepted].mean()) if accepted.any() else 1.0
    return right, float(accepted[labels >= 0].mean())
