"""What a model's confidence is worth: digits parted from non-digits, right from wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.robustness import non_digits
from edge_hdr.robustness.examined import Examined, Images
from edge_hdr.robustness.photo import Seen, see
from edge_hdr.robustness.scores import auroc, coverage

SELECTIVE_ACCURACY = 0.999


@dataclass(frozen=True)
class Strangers:
    """Non-digits by kind, made once for all models.

    Attributes:
        plain: uint8 (N, 28, 28) of each kind.
        seen: what the device makes of the first few of each.
    """

    plain: Mapping[str, Images]
    seen: Mapping[str, Seen]


def draw_strangers(n: int, seen_n: int, seed: int) -> Strangers:
    """Draw `n` of each kind and show `seen_n` of them to the normalizer."""
    plain = {kind: non_digits.draw(kind, n, seed) for kind in non_digits.KINDS}
    return Strangers(plain, {kind: see(images[:seen_n]) for kind, images in plain.items()})


def judge(
    model: Examined, split: Split, seen: tuple[Seen, Split], strangers: Strangers
) -> dict[str, Any]:
    """Measure a model's confidence on clean digits and on non-digits.

    Args:
        model: what is examined.
        split: all clean digits that there are, as one error in a thousand needs many.
        seen: some of them through the normalizer, and what they were.
        strangers: the non-digits.

    Returns:
        "non_digits", "auroc" and "selective" of `edge_hdr.robustness.measure.measure_all`.
    """
    plain = {kind: model.confidences(images) for kind, images in strangers.plain.items()}
    through = {kind: model.confidences_seen(found) for kind, found in strangers.seen.items()}
    shown, few = seen
    known, known_seen = model.confidences(split.images), model.confidences_seen(shown)
    rows = {
        kind: {
            "auroc": auroc(known, plain[kind]),
            "accepted": _accepted(plain[kind], model.threshold),
            "auroc_normalized": auroc(known_seen, through[kind]),
            "accepted_normalized": _accepted(through[kind], model.threshold),
        }
        for kind in plain
    }
    right = ~model.wrong(split.images, split.labels)
    right_seen = ~model.wrong_seen(shown, few.labels)
    return {
        "non_digits": rows,
        "auroc": float(np.mean([row["auroc"] for row in rows.values()])),
        "auroc_normalized": float(np.mean([row["auroc_normalized"] for row in rows.values()])),
        "selective": {
            "target": SELECTIVE_ACCURACY,
            "n": len(split),
            "normalized_n": len(few),
            **_coverages("", known, right, plain),
            **_coverages("_normalized", known_seen, right_seen, through),
        },
    }


def _accepted(confidences: NDArray[np.float32], threshold: float) -> float:
    """Give the share of pictures that were found and reach the threshold."""
    return float((confidences >= max(threshold, 0.0)).mean())


def _coverages(
    suffix: str,
    known: NDArray[np.float32],
    right: NDArray[np.bool_],
    strange: Mapping[str, NDArray[np.float32]],
) -> dict[str, float]:
    mixed = np.concatenate(list(strange.values()))
    return {
        f"coverage{suffix}": coverage(known, right, SELECTIVE_ACCURACY),
        f"coverage_with_non_digits{suffix}": coverage(
            known, right, SELECTIVE_ACCURACY, others=mixed
        ),
    }
