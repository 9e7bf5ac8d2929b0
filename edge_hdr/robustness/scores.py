"""Confidence as a judge: how well it parts digits from non-digits, and right from wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def auroc(high: Floats, low: Floats) -> float:
    """Give the chance that a value of `high` exceeds one of `low`; a tie counts one half.

    Args:
        high: float (N,), N ≥ 1, confidences of digits.
        low: float (M,), M ≥ 1, confidences of non-digits.

    Returns:
        The area under the receiver operating characteristic, 0 to 1; 0.5 is no better than chance.

    Source: H. Mann, D. Whitney, Annals of Mathematical Statistics 18, 1947.
    """
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left")
    up_to = np.searchsorted(ordered, high, side="right")
    return float((below + up_to).mean() / (2 * len(low)))


def coverage(
    confidences: Floats,
    right: NDArray[np.bool_],
    accuracy: float,
    *,
    others: Floats | None = None,
) -> float:
    """Give the largest share of digits that can be accepted at a wanted accuracy.

    A point of the curve of accuracy against coverage: the most confident digits are accepted, as
    many as leave the accuracy wanted. It describes an order of confidences; the threshold it
    implies is found on these very examples, so it is no promise for others.

    Args:
        confidences: float (N,), N ≥ 1, of digits.
        right: bool (N,), which of them are read rightly.
        accuracy: wanted share of right ones among what is accepted, in [0, 1].
        others: float (M,), confidences of non-digits; each one accepted is an error. They weigh as
            much as the digits all together, however many they are; None is none.

    Returns:
        Accepted digits / N, 0 when even the most confident ones are not right often enough.
    """
    others = np.zeros(0) if others is None else others
    share = len(confidences) / max(1, len(others))
    values = np.concatenate([confidences, others])
    digits = np.concatenate([np.ones(len(confidences)), np.zeros(len(others))])
    weight = np.where(digits == 1, 1.0, share)
    good = np.concatenate([right.astype(float), np.zeros(len(others))])
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    last = np.append(ranked[1:] < ranked[:-1], True)  # equal confidences are accepted together
    reached = np.cumsum(good[order]) >= (accuracy - 1e-12) * np.cumsum(weight[order])
    accepted = np.cumsum(digits[order])
    fine = np.flatnonzero(last & reached)
    return float(accepted[fine[-1]] / len(confidences)) if len(fine) else 0.0
