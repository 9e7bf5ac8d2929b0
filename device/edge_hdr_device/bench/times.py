"""How long calls took: percentiles, how steady they were, and their distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 60
IN_BINS = 99.5  # percentile at which the histogram ends: one call at 100 × would leave it one bar
# 97.5th percentile of Student's t by degrees of freedom from 1.
# Source: any table of the t-distribution, as Student (1908), Biometrika 6.
T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
MOST_WINDOWS = len(T_975) + 1


@dataclass(frozen=True)
class Times:
    """How long one thing took, over the windows of a measurement.

    Attributes:
        n: calls.
        p50_ms: half of all calls took at most so long. On a machine at work with other things this
            repeats better than the median of the windows' medians does.
        p90_ms: nine in ten.
        p99_ms: 99 in a hundred.
        min_ms: the fastest.
        windows_p50_ms: each window's median, in their order.
        spread: (largest − smallest of the windows' medians) / p50.
        low_ms: lower end of a 95 % interval of the median: p50 less Student's t × the standard
            error of the windows' medians; with one window p50 itself.
        high_ms: its upper end.
        edges_ms: 61 ends of the histogram's bins, log-spaced from the fastest call to the 99.5th
            percentile.
        counts: calls in each of the 60 bins; those that took longer are counted in the last.
    """

    n: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    min_ms: float
    windows_p50_ms: tuple[float, ...]
    spread: float
    low_ms: float
    high_ms: float
    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, windows_ms: Sequence[NDArray[np.float64]]) -> Times:
        """Sum up times in ms, one float64 (calls,) for each window in their order.

        Args:
            windows_ms: up to 21 windows, each with at least one call.
        """
        every = np.concatenate(windows_ms)
        medians = np.array([np.median(window) for window in windows_ms])
        p50, half = float(np.median(every)), _half_interval(medians)
        edges, counts = _histogram(every)
        return cls(
            n=len(every),
            p50_ms=_ms(p50),
            p90_ms=_ms(np.percentile(every, 90)),
            p99_ms=_ms(np.percentile(every, 99)),
            min_ms=_ms(every.min()),
            windows_p50_ms=tuple(map(_ms, medians)),
            spread=round(float(np.ptp(medians)) / p50, 4) if p50 else 0.0,
            low_ms=_ms(max(p50 - half, 0.0)),
            high_ms=_ms(p50 + half),
            edges_ms=tuple(map(_ms, edges)),
            counts=tuple(map(int, counts)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        names = ("n", "p50_ms", "p90_ms", "p99_ms", "min_ms", "spread", "low_ms", "high_ms")
        return {
            **{name: getattr(self, name) for name in names},
            "windows_p50_ms": list(self.windows_p50_ms),
            "histogram": {"edges_ms": list(self.edges_ms), "counts": list(self.counts)},
        }


def _half_interval(medians: NDArray[np.float64]) -> float:
    """Give half the width of the 95 % t-interval of the windows' medians."""
    if len(medians) < 2:
        return 0.0
    error = float(medians.std(ddof=1) / np.sqrt(len(medians)))
    return T_975[len(medians) - 2] * error


def _histogram(times_ms: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    low = max(float(times_ms.min()), 1e-6)
    high = max(float(np.percentile(times_ms, IN_BINS)), 1.001 * low)
    edges = np.geomspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(times_ms, edges[0], edges[-1]), edges)
    return edges, counts


def _ms(value: float) -> float:
    return round(float(value), 6)
