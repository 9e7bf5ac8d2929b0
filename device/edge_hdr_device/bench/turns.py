"""Calls of several kinds in turns, in short bursts, so that what disturbs one disturbs all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

LONGEST_BURST_S, SHORTEST_BURST_S = 0.003, 0.0005
MOST_CALLS = 1000  # of a burst
ROUNDS = 8  # aimed at in a window
LEAST_ROUNDS = 4
MOST_LEADING = 20  # calls that warm the caches before a burst
WARM_UP_S, WARM_UP_LEAST_S = 0.3, 0.02  # a window of the warm-up
AGREE, AGREEING = 0.04, 90  # so many per cent of the medians change by no more than this share
SEED = 0  # of the order


class Way:
    """One kind of call that is timed.

    Args:
        model: name of the model that it runs.
        what: is called, as "invoke".
        call: to be timed.
        lead: is called before each burst, not timed, to set what the call needs.
        details: list to which each call appends times in ms within it, kept beside its own.
    """

    def __init__(
        self,
        model: str,
        what: str,
        call: Callable[[], object],
        *,
        lead: Callable[[], object] | None = None,
        details: list[tuple[float, ...]] | None = None,
    ) -> None:
        self.model, self.what = model, what
        self._call, self._lead, self._details = call, lead or call, details
        self._stamps = [0] * (MOST_CALLS + 1)
        self.calls = 1  # of a burst
        self.bursts, self.spent_ns = 0, 0  # in this window
        self._window: list[NDArray[np.float64]] = []
        self.windows: list[NDArray[np.float64]] = []

    @property
    def columns(self) -> int:
        """Count the times of one call: its own and its details."""
        return int(self.windows[0].shape[1])

    def fit(self, burst_s: float) -> None:
        """Choose the calls of a burst by the last window's median."""
        call_ms = max(float(np.median(self.windows[-1][:, 0])), 1e-3)
        self.calls = min(max(1, int(1e3 * burst_s / call_ms)), MOST_CALLS)

    def burst(self) -> None:
        """Time some calls in a row, after some that warm the caches."""
        begin_ns = time.perf_counter_ns()
        self._lead()
        for _ in range(min(self.calls // 4, MOST_LEADING)):
            self._call()
        call, stamps, clock = self._call, self._stamps, time.perf_counter_ns
        indices = range(1, self.calls + 1)
        stamps[0] = clock()
        for index in indices:
            call()
            stamps[index] = clock()
        self.spent_ns += stamps[self.calls] - begin_ns
        self.bursts += 1
        self._keep()

    def close_window(self) -> None:
        """Keep what was timed since the last one, float64 (calls, 1 + details) in ms."""
        self.windows.append(np.concatenate(self._window))
        self._window = []
        self.bursts, self.spent_ns = 0, 0

    def _keep(self) -> None:
        stamps_ns = np.array(self._stamps[: self.calls + 1], np.int64)
        columns = (np.diff(stamps_ns) / 1e6)[:, None]
        if self._details is not None:
            columns = np.hstack([columns, np.array(self._details[-self.calls :])])
            self._details.clear()
        self._window.append(columns)


def take_turns(
    ways: Sequence[Way], *, seconds: float, windows: int, tell: Callable[[int], None]
) -> int:
    """Run bursts of each, round after round, each round in an order of its own.

    Args:
        ways: after `warm_up`.
        seconds: for all windows; longer where the calls are slow.
        windows: to part the time into.
        tell: is called with the number of finished windows.

    Returns:
        The rounds. The times are in the ways' `windows`.
    """
    order, rounds, chance = list(ways), 0, random.Random(SEED)
    for way in ways:
        way.windows.clear()
    for number in range(windows):
        rounds += _window(order, seconds / windows, chance)
        tell(number + 1)
    return rounds


def warm_up(ways: Sequence[Way], *, seconds: float, windows: int) -> tuple[float, bool]:
    """Run everything until it takes as long in a window as in the one before.

    Args:
        ways: to warm up; their bursts are fitted to their calls.
        seconds: of the measurement to come; half of that, at most ten, are the longest warm-up.
        windows: of the measurement to come.

    Returns:
        How long it took in s, and whether the times agreed in the end.
    """
    burst_s = seconds / (len(ways) * windows * ROUNDS)
    burst_s = min(max(burst_s, SHORTEST_BURST_S), LONGEST_BURST_S)
    window_s = min(max(seconds / 20, WARM_UP_LEAST_S), WARM_UP_S)
    most_s = min(max(seconds / 2, 2 * WARM_UP_LEAST_S), 10.0)
    chance = random.Random(SEED)
    start_s, before, agreed = time.monotonic(), None, False
    while not agreed and (before is None or time.monotonic() - start_s < most_s):
        _window(list(ways), window_s, chance, least=2)
        medians = np.array([np.median(way.windows[-1][:, 0]) for way in ways])
        if before is not None:
            changes = np.abs(medians / before - 1)
            agreed = float(np.percentile(changes, AGREEING)) <= AGREE
        before = medians
        for way in ways:
            way.fit(burst_s)
    return time.monotonic() - start_s, agreed


def _window(
    order: list[Way], seconds: float, chance: random.Random, least: int = LEAST_ROUNDS
) -> int:
    """Go round; a call that is longer than a burst takes no more than its share of the time."""
    rounds, begin_ns = 0, time.perf_counter_ns()
    while rounds < least or time.perf_counter_ns() - begin_ns < 1e9 * seconds:
        chance.shuffle(order)
        share_ns = (time.perf_counter_ns() - begin_ns) / len(order)
        for way in order:
            if way.calls > 1 or way.bursts < least or way.spent_ns <= share_ns:
                way.burst()
        rounds += 1
    for way in order:
        way.close_window()
    return rounds


def median_ms(call: Callable[[], object], seconds: float, least: int = 3) -> float:
    """Time a call by itself for a while, after one that is not counted; gives ms."""
    call()
    taken: list[int] = []
    clock = time.perf_counter_ns
    end_ns = clock() + int(1e9 * seconds)
    while len(taken) < least or clock() < end_ns:
        begin_ns = clock()
        call()
        taken.append(clock() - begin_ns)
    return median(taken) / 1e6
