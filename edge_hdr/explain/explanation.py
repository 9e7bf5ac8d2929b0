"""Put together all that explains how each digit of a picture was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.gradients import FloatModel, Gradients
from edge_hdr.explain.least_change import Change, least_change
from edge_hdr.explain.nearest import Examples, Likeness
from edge_hdr.explain.occlusion import Occlusion, occlude
from edge_hdr.explain.score import score_of
from edge_hdr_device.classifier import Classifier, Predictions
from edge_hdr_device.pipeline import Digit, Reader, Reading


@dataclass(frozen=True)
class Case:
    """A digit as it was found in a picture.

    Attributes:
        number: its place in reading order, from 1.
        digit: as `edge-hdr recognize` gives it.
        photo: uint8 (h, w) or (h, w, 3) BGR, the picture around it.
        crop: uint8 (28, 28), what the model sees, ink 255 on background 0.
    """

    number: int
    digit: Digit
    photo: NDArray[np.uint8]
    crop: NDArray[np.uint8]


@dataclass(frozen=True)
class Explanation:
    """Why a digit was read as it was.

    Attributes:
        case: the digit.
        logits: float32 (classes,), as the model gave them.
        scores: float64 (classes,), log-probabilities at the model's temperature.
        label: index of the class that was read.
        runner_up: index of the next one.
        occlusion: what each place is worth to each class.
        change: the least one that flips the decision; None where none was found.
        gradients: of the reading against the runner-up; None without the float model.
        likeness: training examples like it; None without a training split.
    """

    case: Case
    logits: NDArray[np.float32]
    scores: NDArray[np.float64]
    label: int
    runner_up: int
    occlusion: Occlusion
    change: Change | None
    gradients: Gradients | None
    likeness: Likeness | None

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Give the probability of each class, float64 (classes,)."""
        return np.exp(self.scores)

    @property
    def margin(self) -> float:
        """Give the probability of the reading less that of the runner-up."""
        return float(self.probabilities[self.label] - self.probabilities[self.runner_up])

    @property
    def lead_nats(self) -> float:
        """Give the logarithm of the odds of the reading against the runner-up."""
        return float(self.scores[self.label] - self.scores[self.runner_up])


class _Witness:
    """A classifier that keeps what a reader asks of it."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.labels = classifier.labels
        self.crops: NDArray[np.uint8] = np.zeros((0, 28, 28), np.uint8)

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        self.crops = images
        return self._classifier.predict(images)


def find_cases(
    classifier: Classifier, image: NDArray[np.uint8]
) -> tuple[Reading, tuple[Case, ...]]:
    """Read a picture as `edge-hdr recognize` does, and keep what the model saw.

    Args:
        classifier: what reads it.
        image: uint8 (H, W) grey or (H, W, 3) BGR.
    """
    witness = _Witness(classifier)
    reading = Reader(witness).read(image)
    return reading, tuple(
        Case(number, digit, _around(image, digit.box), crop)
        for number, (digit, crop) in enumerate(
            zip(reading.digits, witness.crops, strict=True), start=1
        )
    )


class Explainer:
    """Explain digits by one model.

    Args:
        classifier: the model file as devices run it.
        examples: a training split to look for likeness in.
        rival_of: place of each of the model's classes among the training split's, None where it
            has none.
        float_model: of the same build.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        examples: Examples | None = None,
        rival_of: tuple[int | None, ...] = (),
        float_model: FloatModel | None = None,
    ) -> None:
        self._classifier = classifier
        self._score = score_of(classifier)
        self._examples = examples
        self._rival_of = rival_of
        self._float_model = float_model

    def explain(self, case: Case) -> Explanation:
        """Explain one digit."""
        scores = self._score(case.crop[None])[0]
        runner_up, label = np.argsort(scores, kind="stable")[-2:].tolist()
        known: dict[str, Any] = {
            "case": case,
            "logits": self._classifier.logits(case.crop[None])[0],
            "scores": scores,
            "label": label,
            "runner_up": runner_up,
        }
        return Explanation(
            **known,
            occlusion=occlude(case.crop, self._score),
            change=least_change(case.crop, self._score),
            gradients=self._float_model.explain(case.crop, label, runner_up)
            if self._float_model
            else None,
            likeness=self._examples.like(case.crop, self._rival_of[runner_up])
            if self._examples
            else None,
        )


def _around(image: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Cut a square around a digit out of its picture, with a margin, as far as the picture goes."""
    x, y, width, height = box
    side = round(1.4 * max(width, height))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    return image[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
