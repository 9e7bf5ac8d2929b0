"""Compare two classifiers on the same examples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import DataError
from edge_hdr_device.classifier import as_logits


@dataclass(frozen=True)
class Comparison:
    """Two classifiers on the same examples.

    Attributes:
        n: number of examples.
        agreement: share of examples for which both name the same class.
        reference_errors: wrong ones of the reference, usually the float model.
        candidate_errors: wrong ones of the candidate, usually the int8 model.
        error_ratio: candidate_errors / reference_errors. A reference without an error counts as
            having made one, so that the ratio stays finite; it is 1 when neither makes any.
        only_candidate_wrong: McNemar's b, right by the reference and wrong by the candidate.
        only_reference_wrong: McNemar's c, the other way round.
        p_value: two-sided exact McNemar test that both err equally often.
        max_logit_difference: largest absolute difference of the logits. Each row's mean is taken
            out first, because softmax does not see it. None when a model gives probabilities,
            whose logits are cut off.
        mean_logit_difference: mean of the same.
    """

    n: int
    agreement: float
    reference_errors: int
    candidate_errors: int
    error_ratio: float
    only_candidate_wrong: int
    only_reference_wrong: int
    p_value: float
    max_logit_difference: float | None
    mean_logit_difference: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        return asdict(self)


def compare(
    reference: NDArray[np.float32], candidate: NDArray[np.float32], labels: NDArray[np.int64]
) -> Comparison:
    """Compare two classifiers on the same examples.

    Args:
        reference: float32 (N, classes), logits or probabilities of the one to measure against.
        candidate: float32 (N, classes), those of the other.
        labels: int64 (N,), true class.

    Raises:
        DataError: there are no examples, or not equally many.
    """
    if not len(labels) or not len(reference) == len(candidate) == len(labels):
        raise DataError(
            f"cannot compare {len(reference)} with {len(candidate)} predictions of {len(labels)}",
            hint="run both models over the same split",
        )
    reference_wrong = reference.argmax(axis=1) != labels
    candidate_wrong = candidate.argmax(axis=1) != labels
    b = int((candidate_wrong & ~reference_wrong).sum())
    c = int((reference_wrong & ~candidate_wrong).sum())
    difference = _logit_difference(reference, candidate)
    return Comparison(
        n=len(labels),
        agreement=float(np.mean(reference.argmax(axis=1) == candidate.argmax(axis=1))),
        reference_errors=int(reference_wrong.sum()),
        candidate_errors=int(candidate_wrong.sum()),
        error_ratio=error_ratio(int(reference_wrong.sum()), int(candidate_wrong.sum())),
        only_candidate_wrong=b,
        only_reference_wrong=c,
        p_value=mcnemar_exact(b, c),
        max_logit_difference=None if difference is None else float(difference.max()),
        mean_logit_difference=None if difference is None else float(difference.mean()),
    )


def error_ratio(reference_errors: int, candidate_errors: int) -> float:
    """Divide the candidate's errors by the reference's; see `Comparison.error_ratio`."""
    if reference_errors == candidate_errors == 0:
        return 1.0
    return candidate_errors / max(reference_errors, 1)


def mcnemar_exact(b: int, c: int) -> float:
    """Give the two-sided exact p value that b and c are equally likely.

    Args:
        b: examples that only one model gets wrong.
        c: examples that only the other gets wrong.

    Source: Q. McNemar, Psychometrika 12, 1947; the binomial form, twice the smaller tail.
    """
    n = b + c
    tail = ways = 1
    for k in range(1, min(b, c) + 1):
        ways = ways * (n - k + 1) // k  # n over k
        tail += ways
    return min(1.0, 2 * tail / (1 << n))


def _logit_difference(
    reference: NDArray[np.float32], candidate: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    if any(as_logits(outputs) is not outputs for outputs in (reference, candidate)):
        return None
    first, second = (
        outputs.astype(np.float64) - outputs.mean(axis=1, keepdims=True, dtype=np.float64)
        for outputs in (reference, candidate)
    )
    return np.asarray(np.abs(first - second), np.float64)
