"""Put together all that explains how each digit of a picture was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.gradients import FloatModel, Gradients
from edge_hdr.explain.least_change import Change, least_change
from edge_hdr.explain.nearest import Examples, Likeness
from edge_hdr.explain.occlusion import Occlusion, occlude
from edge_hdr.explain.score import log_probabilities
from edge_hdr.explain.trials import Trials
from edge_hdr_device.classifier import Classifier, Predictions
from edge_hdr_device.pipeline import Digit, Reader, Reading

TIE = 1e-7  # nats: what the classifier's 32-bit probabilities cannot tell apart


@dataclass(frozen=True)
class Case:
    """A digit as it was found in a picture.

    Attributes:
        number: its place in reading order, from 1.
        digit: as `edge-hdr recognize` gives it.
        photo: uint8 (h, w) or (h, w, 3) BGR, the picture around it.
        crop: uint8 (28, 28), what the model sees, ink 255 on background 0.
        logits: float32 (classes,), as the model gave them.
        label: index of the class that was read.
    """

    number: int
    digit: Digit
    photo: NDArray[np.uint8]
    crop: NDArray[np.uint8]
    logits: NDArray[np.float32]
    label: int


@dataclass(frozen=True)
class Explanation:
    """Why a digit was read as it was.

    Attributes:
        case: the digit.
        scores: float64 (classes,), log-probabilities at the model's temperature.
        label: index of the class that was read; of equally probable ones the first.
        runner_up: index of the most probable other one; of equally probable ones the first.
        occlusion: what each place is worth to each class.
        change: the least one that flips the decision; None where none was found.
        gradients: of the reading against the runner-up; None without the float model.
        likeness: training examples like it; None without a training split.
    """

    case: Case
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

    @property
    def tied(self) -> tuple[int, ...]:
        """Give the classes that are as probable as the one that was read, by index."""
        equal = np.flatnonzero(np.isclose(self.scores, self.scores[self.label], rtol=0, atol=TIE))
        return tuple(index for index in equal.tolist() if index != self.label)


class _Witness:
    """A classifier that keeps what a reader asks of it for one picture, and the answers."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.labels = classifier.labels
        self.crops: NDArray[np.uint8] = np.zeros((0, 28, 28), np.uint8)
        self.answer: Predictions | None = None

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        answer = self._classifier.predict(images)
        self.crops = np.concatenate((self.crops, images))
        self.answer = self.answer.followed_by(answer) if self.answer else answer
        return answer


def find_cases(
    classifier: Classifier, image: NDArray[np.uint8]
) -> tuple[Reading, tuple[Case, ...]]:
    """Read a picture as `edge-hdr recognize` does, and keep what the model saw and said.

    Args:
        classifier: what reads it.
        image: uint8 (H, W) grey or (H, W, 3) BGR.
    """
    witness = _Witness(classifier)
    reading = Reader(witness).read(image)
    answer = witness.answer
    if answer is None:
        return reading, ()
    rows = np.array(reading.rows, np.intp)
    crops, logits_of, labels = witness.crops[rows], answer.logits[rows], answer.labels[rows]
    seen = zip(reading.digits, crops, logits_of, labels.tolist(), strict=True)
    return reading, tuple(
        Case(number, digit, _around(image, digit.box), crop, logits, label)
        for number, (digit, crop, logits, label) in enumerate(seen, start=1)
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
        self._examples = examples
        self._rival_of = rival_of
        self._float_model = float_model

    def explain(self, cases: Sequence[Case]) -> Iterator[Explanation]:
        """Explain digits, one after the other."""
        ranked = [self._rank(case) for case in cases]
        alike = self._alike(cases, [runner_up for _, runner_up in ranked])
        for case, (scores, runner_up), likeness in zip(cases, ranked, alike, strict=True):
            trials = Trials(case.crop, scores, self._score)
            yield Explanation(
                case=case,
                scores=scores,
                label=case.label,
                runner_up=runner_up,
                occlusion=occlude(trials),
                change=least_change(trials, case.label),
                gradients=self._float_model.explain(case.crop, case.label, runner_up)
                if self._float_model
                else None,
                likeness=likeness,
            )

    def _score(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return log_probabilities(self._classifier, self._classifier.logits(images))

    def _rank(self, case: Case) -> tuple[NDArray[np.float64], int]:
        """Give log-probabilities, and the most probable class beside the one that was read."""
        scores = log_probabilities(self._classifier, case.logits[None])[0]
        others = scores.copy()
        others[case.label] = -np.inf
        return scores, int(others.argmax())

    def _alike(self, cases: Sequence[Case], runners_up: list[int]) -> Sequence[Likeness | None]:
        if self._examples is None or not cases:
            return [None] * len(cases)
        crops = np.stack([case.crop for case in cases])
        return self._examples.like(crops, [self._rival_of[index] for index in runners_up])


def _around(image: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Cut a square around a digit out of its picture, with a margin, as far as the picture goes."""
    x, y, width, height = box
    side = round(1.4 * max(width, height))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    return image[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
