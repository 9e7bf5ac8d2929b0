"""How many times as long others take, from one interleaved run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from edge_hdr_device.bench.times import T_975

ONE_BY_ONE = ("tf.lite",)  # what is asked for a digit at a time even when it gets ten
COLD = ("start_ms", "open_ms", "first_ms")


@dataclass(frozen=True)
class Ratio:
    """One comparison; a ratio above 1 says that ours is faster.

    Attributes:
        what: was done, as "one digit".
        theirs: name of the other.
        ours: name of what it is compared with.
        theirs_ms: median.
        ours_ms: median.
        ratio: median over the windows of theirs / ours within a window.
        low: lower end of its 95 % t-interval over the windows, on a logarithmic scale; None for a
            cold start, which has no windows.
        high: its upper end.
    """

    what: str
    theirs: str
    ours: str
    theirs_ms: float
    ours_ms: float
    ratio: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        return asdict(self)


def compare_times(
    what: str, theirs: str, ours: str, their_times: Any, our_times: Any, *, times: int = 1
) -> Ratio:
    """Compare two `Times` of one run as dictionaries; theirs is done so many times for ours once.

    Both have the same windows, so that what slowed one down slowed the other down as well.
    """
    pairs = zip(their_times["windows_p50_ms"], our_times["windows_p50_ms"], strict=True)
    each = [times * one / other for one, other in pairs]
    low, high = interval(each)
    return Ratio(
        what=what,
        theirs=theirs,
        ours=ours,
        theirs_ms=round(times * their_times["p50_ms"], 4),
        ours_ms=round(our_times["p50_ms"], 4),
        ratio=round(median(each), 3),
        low=round(low, 3),
        high=round(high, 3),
    )


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % t-interval of a mean ratio, taken on logarithms; at least two, all > 0."""
    logs = np.log(ratios)
    half = T_975[len(logs) - 2] * float(logs.std(ddof=1)) / len(logs) ** 0.5
    middle = float(logs.mean())
    return float(np.exp(middle - half)), float(np.exp(middle + half))


def compare_cold(theirs: str, ours: str, their_cold: Any, our_cold: Any) -> Ratio | None:
    """Compare the time from nothing to the first answer; None where one was not measured."""
    if not their_cold or not our_cold:
        return None
    one, other = (sum(cold[part] for part in COLD) for cold in (their_cold, our_cold))
    return Ratio(
        "cold start to first digit",
        theirs,
        ours,
        round(one, 1),
        round(other, 1),
        round(one / other, 3),
        None,
        None,
    )


def of_runtimes(models: dict[str, Any], ours: str, others: Sequence[str]) -> Iterator[Ratio]:
    """Compare libraries that run one network with ours: one digit, ten digits, cold start."""
    mine = models[ours]
    for name in others:
        theirs = models[name]
        yield compare_times("one digit", name, ours, theirs["call"], mine["call"])
        one_by_one = "ten digits, theirs one by one"
        yield compare_times(one_by_one, name, ours, theirs["call"], mine["ten"], times=10)
        if theirs["kind"] not in ONE_BY_ONE:
            both = theirs["ten"], mine["ten"]
            yield compare_times("ten digits, both in a batch", name, ours, *both)
        if cold := compare_cold(name, ours, theirs["cold"], mine["cold"]):
            yield cold


def of_readers(models: dict[str, Any], ours: str, others: Sequence[str]) -> Iterator[Ratio]:
    """Compare whole readers on the same frame."""
    for name in others:
        times = models[name]["frame"], models[ours]["frame"]
        yield compare_times("a frame of ten digits", name, ours, *times)


def of_files(models: dict[str, Any], ours: str, others: Sequence[str]) -> Iterator[Ratio]:
    """Compare the kernels of model files: one digit, without what a call costs beside them."""
    for name in others:
        times = models[name]["invoke"], models[ours]["invoke"]
        yield compare_times("the model alone, one digit", name, ours, *times)
