"""Whether an adapted model is better than the one it came from: both on the same held-back samples.

Each model is given the samples one by one that its training has not seen. A digit is right when it
is named rightly; what is no digit is right when it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_hdr.comparison import mcnemar_exact
from edge_hdr.data.dataset import Split
from edge_hdr.evaluate import predictions, wilson_interval
from edge_hdr_device.manifest import Manifest

FEW = 400  # samples below which each is held back once, in turn
FOLDS = 3  # trainings that takes
HELD_SHARE = 4  # of more samples one in so many is held back
FORGIVEN = 0.001  # of accuracy on the rehearsal's validation split: 0.1 percentage points
LEAST_LOST = 5  # errors more are forgiven in any case: in a small split fewer are chance
CHANCE = 0.05  # a difference that chance makes so often is not sure


def folds(labels: NDArray[np.int64], *, seed: int) -> list[NDArray[np.bool_]]:
    """Choose which samples are held back, class by class.

    Args:
        labels: int64 (N,), N ≥ 2.
        seed: of the choice.

    Returns:
        bool (N,) for each training, true for what it does not see: with few samples each is held
        back in one of them; of many, one part is held back once.
    """
    rng = np.random.default_rng(seed)
    parts = HELD_SHARE if len(labels) >= FEW else min(FOLDS, len(labels))
    order = rng.permutation(len(labels))
    dealt = np.zeros(len(labels), np.int64)
    dealt[order[np.argsort(labels[order], kind="stable")]] = np.arange(len(labels)) % parts
    return [dealt == part for part in range(1 if len(labels) >= FEW else parts)]


def right(logits: NDArray[np.float32], split: Split, manifest: Manifest) -> NDArray[np.bool_]:
    """Say which samples a model gets right, by its own temperature and threshold.

    Args:
        logits: float32 (N, classes).
        split: labels −1 are what is no digit.
        manifest: of the model.
    """
    said = predictions(logits, manifest.temperature, manifest.threshold)
    return np.asarray(np.where(split.labels < 0, ~said.accepted, said.labels == split.labels))


@dataclass(frozen=True)
class Judgement:
    """Both models on the samples that were held back, and on what was rehearsed.

    Attributes:
        n: samples that were held back.
        old_errors: of the model that was adapted.
        new_errors: of the adapted ones.
        only_old_wrong: now right.
        only_new_wrong: were right before.
        p_value: two-sided exact McNemar test that both err equally often.
        way: "each in turn", by trainings of which none has seen what it is asked, or "one part".
        rehearsed: name of the validation split that neither was trained on.
        rehearsed_n: its size.
        old_rehearsed_errors: of the model that was adapted, on it.
        new_rehearsed_errors: of the adapted model that is written.
    """

    n: int
    old_errors: int
    new_errors: int
    only_old_wrong: int
    only_new_wrong: int
    p_value: float
    way: Literal["each in turn", "one part"]
    rehearsed: str
    rehearsed_n: int
    old_rehearsed_errors: int
    new_rehearsed_errors: int

    @property
    def forgets(self) -> bool:
        """Tell whether the rehearsal's errors rose by more than is forgiven."""
        lost = self.new_rehearsed_errors - self.old_rehearsed_errors
        return lost > max(FORGIVEN * self.rehearsed_n, LEAST_LOST)

    @property
    def is_better(self) -> bool:
        """Tell whether it may replace the old one: fewer errors, nothing forgotten."""
        return self.new_errors < self.old_errors and not self.forgets

    @property
    def complaint(self) -> str:
        """Say in one line why it may not replace the old one; empty where it may."""
        if self.forgets:
            return (
                f"the adapted model has forgotten: {self.new_rehearsed_errors} errors on "
                f"{self.rehearsed}, {self.old_rehearsed_errors} before (n = {self.rehearsed_n:,})"
            )
        if self.old_errors == 0:
            return f"the old model already reads all {self.n:,} samples that were held back"
        if self.new_errors >= self.old_errors:
            return (
                f"the adapted model is no better: {self.new_errors} errors on {self.n:,} samples "
                f"that were held back, {self.old_errors} before"
            )
        return ""

    @property
    def words(self) -> str:
        """Say in one line what was found on the samples."""
        if self.complaint:
            return self.complaint
        sure = "" if self.p_value < CHANCE else "; more samples would tell whether that is chance"
        p = f"p = {self.p_value:.2g}" if self.p_value >= 1e-4 else "p < 0.0001"
        return (
            f"better: {self.new_errors} errors on {self.n:,} samples that were held back, "
            f"{self.old_errors} before ({p}){sure}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        ends = {
            f"{name}_interval": [round(end, 6) for end in wilson_interval(self.n - errors, self.n)]
            for name, errors in (("old", self.old_errors), ("new", self.new_errors))
        }
        return {**vars(self), **ends, "is_better": self.is_better, "words": self.words}


def judge(
    old: NDArray[np.bool_],
    new: NDArray[np.bool_],
    rehearsed: tuple[str, int, int, int],
    *,
    in_turn: bool,
) -> Judgement:
    """Pair what two models got right.

    Args:
        old: bool (N,), by the model that was adapted, of the samples that were held back.
        new: bool (N,), of the same samples by trainings that had not seen them.
        rehearsed: name and size of the rehearsal's validation split, errors of old and new.
        in_turn: whether each sample was held back once.
    """
    worse, better = int((old & ~new).sum()), int((new & ~old).sum())
    return Judgement(
        n=len(old),
        old_errors=int((~old).sum()),
        new_errors=int((~new).sum()),
        only_old_wrong=better,
        only_new_wrong=worse,
        p_value=mcnemar_exact(worse, better),
        way="each in turn" if in_turn else "one part",
        rehearsed=rehearsed[0],
        rehearsed_n=rehearsed[1],
        old_rehearsed_errors=rehearsed[2],
        new_rehearsed_errors=rehearsed[3],
    )
