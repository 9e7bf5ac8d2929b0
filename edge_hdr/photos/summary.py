"""What many photos say together: error rates with their intervals, and what a threshold buys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.photos.score import PhotoScore
from edge_hdr.robustness.scores import auroc

RESAMPLES = 2000
SELECTIVE_ACCURACY = 0.995
ACCURACIES = (0.9, 0.95, 0.98, 0.99, SELECTIVE_ACCURACY, 0.999)


@dataclass(frozen=True)
class Acceptance:
    """What is left when digits below a threshold are rejected.

    Attributes:
        threshold: least confidence among the accepted; None when none is.
        accepted: located digits that are.
        errors: those of them that are confused or invented.
        coverage: share of the written digits that an accepted one stands for; a missed digit is
            not covered.
        accuracy: share of right ones among the accepted; None when none is.
    """

    threshold: float | None
    accepted: int
    errors: int
    coverage: float
    accuracy: float | None


def summarize(scores: Sequence[PhotoScore]) -> dict[str, Any]:
    """Sum up photos, JSON-ready.

    Returns:
        Counts of photos, lines, digits and faults; `character_error_rate`: edits of all photos
        over their written digits, so that it may exceed 1, and its `interval`; shares of lines
        and photos read without fault, with the latter's interval; `own`: `Acceptance` at the
        model's threshold; `at_selective_accuracy`: the best one there is on these very photos;
        `non_digit_auroc`: the chance that a located digit has more confidence than a located
        non-digit; `located_share` where the places of digits are known; `median_ms` of a photo.
    """
    faults = np.array([one.edits.total for one in scores], np.float64)
    digits = np.array([len(one.truth.digits) for one in scores], np.float64)
    whole = np.array([one.whole for one in scores], np.float64)
    lines = sum(len(one.truth.lines) for one in scores)
    right = sum(one.lines_right for one in scores)
    return {
        "photos": len(scores),
        "digits": int(digits.sum()),
        "missed": sum(one.edits.missed for one in scores),
        "invented": sum(one.edits.invented for one in scores),
        "confused": sum(one.edits.confused for one in scores),
        "character_error_rate": _share(faults.sum(), digits.sum()),
        "interval": bootstrap(faults, digits),
        "lines": lines,
        "lines_right": right,
        "line_accuracy": _share(right, lines),
        "whole_photos": int(whole.sum()),
        "whole_photo_accuracy": _share(whole.sum(), len(whole)),
        "whole_photo_interval": bootstrap(whole, np.ones(len(whole))),
        "own": asdict(own_acceptance(scores)),
        "at_selective_accuracy": {
            "selective_accuracy": SELECTIVE_ACCURACY,
            **asdict(best_acceptance(scores, SELECTIVE_ACCURACY)),
        },
        "non_digit_auroc": _non_digit_auroc(scores),
        "located_share": _located_share(scores),
        "median_ms": round(median(one.total_ms for one in scores), 3) if scores else None,
    }


def bootstrap(
    counts: NDArray[np.float64], sizes: NDArray[np.float64], *, seed: int = 0
) -> list[float] | None:
    """Give the 95 % percentile interval of sum(counts) / sum(sizes), photos drawn anew.

    Photos, not digits, are drawn: the digits of one photo share its hand, pen and light.

    Args:
        counts: float64 (photos,), as the faults of each.
        sizes: float64 (photos,), as its written digits.
        seed: of the draws.

    Returns:
        Low and high end; None for fewer than two photos.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """
    if len(counts) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(0, len(counts), (RESAMPLES, len(counts)))
    totals = sizes[drawn].sum(axis=1)
    rates = counts[drawn].sum(axis=1)[totals > 0] / totals[totals > 0]
    if not len(rates):
        return None
    return [round(float(end), 4) for end in np.percentile(rates, (2.5, 97.5))]


def confusions(scores: Sequence[PhotoScore]) -> list[dict[str, Any]]:
    """Count what was read instead of what, the most frequent first."""
    counted = Counter(pair for one in scores for pair in one.confusions)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [{"written": pair[0], "read": pair[1], "count": count} for pair, count in ranked]


def by_flag(scores: Sequence[PhotoScore]) -> dict[str, dict[str, Any]]:
    """Sum up the photos of each flag, and those without any as "plain"; none where all are."""
    flags = sorted({flag for one in scores for flag in one.truth.flags})
    if not flags:
        return {}
    groups = {"plain": [one for one in scores if not one.truth.flags]}
    groups |= {flag: [one for one in scores if flag in one.truth.flags] for flag in flags}
    return {name: summarize(group) for name, group in groups.items() if group}


def worst_first(scores: Sequence[PhotoScore]) -> list[PhotoScore]:
    """Sort photos by their faults, then by what share of their digits these are."""

    def badness(one: PhotoScore) -> tuple[float, ...]:
        rate = one.edits.total / max(1, len(one.truth.digits))
        return (-one.edits.total, -rate, one.whole)

    return sorted(scores, key=badness)


def own_acceptance(scores: Sequence[PhotoScore]) -> Acceptance:
    """Say what the model's own threshold accepts."""
    judged = [digit for one in scores for digit in one.judged if digit.accepted]
    right = sum(digit.right for digit in judged)
    covered = sum(digit.covers for digit in judged)
    least = min((digit.confidence for digit in judged), default=None)
    return _acceptance(least, len(judged), right, covered, _written(scores))


def best_acceptance(scores: Sequence[PhotoScore], accuracy: float) -> Acceptance:
    """Find the lowest threshold at which the accepted ones are right as often as wanted.

    It is chosen on the very photos that it is judged by, so it says what the confidences are
    worth, not what a model with a fixed threshold does.

    Args:
        scores: of photos.
        accuracy: wanted share of right ones among the accepted, in [0, 1].
    """
    judged = sorted(
        (digit for one in scores for digit in one.judged), key=lambda digit: -digit.confidence
    )
    if not judged:
        return _acceptance(None, 0, 0, 0, _written(scores))
    confidence = np.array([digit.confidence for digit in judged])
    right = np.cumsum([digit.right for digit in judged])
    covered = np.cumsum([digit.covers for digit in judged])
    counts = np.arange(1, len(judged) + 1)
    last = np.append(confidence[1:] < confidence[:-1], True)  # equal ones are accepted together
    fine = np.flatnonzero(last & (right >= accuracy * counts - 1e-9))
    if not len(fine):
        return _acceptance(None, 0, 0, 0, _written(scores))
    at = int(fine[-1])
    return _acceptance(
        float(confidence[at]), at + 1, int(right[at]), int(covered[at]), _written(scores)
    )


def selective_curve(scores: Sequence[PhotoScore]) -> list[dict[str, Any]]:
    """Say how many digits can be accepted for each of `ACCURACIES`, JSON-ready."""
    return [
        {"selective_accuracy": wanted, **asdict(best_acceptance(scores, wanted))}
        for wanted in ACCURACIES
    ]


def _non_digit_auroc(scores: Sequence[PhotoScore]) -> float | None:
    judged = [digit for one in scores for digit in one.judged]
    high, low = (
        np.array([digit.confidence for digit in judged if digit.covers == covers])
        for covers in (True, False)
    )
    return round(auroc(high, low), 4) if len(high) and len(low) else None


def _acceptance(
    threshold: float | None, accepted: int, right: int, covered: int, written: int
) -> Acceptance:
    return Acceptance(
        threshold=threshold,
        accepted=accepted,
        errors=accepted - right,
        coverage=_share(covered, written),
        accuracy=right / accepted if accepted else None,
    )


def _written(scores: Sequence[PhotoScore]) -> int:
    return sum(len(one.truth.digits) for one in scores)


def _located_share(scores: Sequence[PhotoScore]) -> float | None:
    placed = [one for one in scores if one.located is not None]
    if not placed:
        return None
    return _share(sum(one.located or 0 for one in placed), _written(placed))


def _share(part: float, whole: float) -> float:
    return round(float(part) / max(1.0, float(whole)), 4)
