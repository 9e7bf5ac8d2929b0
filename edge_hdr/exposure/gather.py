"""Gather exposure: scenes are drawn and looked at, non-digits drawn, by several processes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

import numpy as np

from edge_hdr.data.dataset import Progress, Split
from edge_hdr.exposure.crops import crops_of, scene_of, together
from edge_hdr.exposure.drawn import draw
from edge_hdr.exposure.material import Exposure

SCENES = 8  # of a piece of work
DRAWN = 256  # non-digits of a piece of work; both are part of what a seed means
LEAST_PIECES = 6  # fewer are not worth the start of a process
SPARE = 0.2  # digits a scene, so many at the least, or the search is given up
FOUND_SHARE = 0.5  # of the non-digits, at most, are those found in scenes

Work = Callable[[Split, int, int], Exposure]  # digits, number of the piece, seed
Job = tuple[Work, int, int]

_digits = Exposure().digits  # in a process of the pool: what scenes are written with


def gather(
    train: Split,
    *,
    digits: int,
    others: int | None,
    seed: int,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Exposure:
    """Collect what a device would see of scenes written with a split's digits.

    Args:
        train: labelled digits 0 to 9, normalized; of the part that may be trained on.
        digits: how many located digits are wanted.
        others: how many non-digits, at most half of them found in the scenes and the rest drawn;
            None gives those that were found as they come, and leaves out the parts of cuts.
        seed: the same split, numbers and seed give the same bytes, whatever `workers` is.
        progress: told how many examples there are.
        workers: processes; 1 works in this process. When None, all processors where it pays.
    """
    tell = _Told(progress, digits + (others or 0))
    pieces = -(-digits // SCENES) * 2
    with _Workers(train, workers, pieces // 12 + (others or 0) // DRAWN) as pool:
        found = _found(pool, _look if others is None else _look_closely, digits, seed, tell)
        if others is None:
            return found
        kept = found.others[: int(FOUND_SHARE * others)]
        drawn = _drawn(pool, others - len(kept), seed, tell)
    return Exposure(found.digits, np.concatenate([kept, *drawn]))


def _found(pool: _Workers, look: Work, wanted: int, seed: int, tell: _Told) -> Exposure:
    parts: list[Exposure] = []
    count = 0
    most = 1 + int(wanted / SPARE / SCENES)
    jobs = ((look, number, seed) for number in range(most if wanted else 0))
    for part in pool.results(jobs):
        parts.append(part)
        count += len(part.digits)
        tell.add(len(part.digits))
        if count >= wanted:
            break
    whole = together(parts)
    return Exposure(whole.digits.take(np.arange(min(wanted, count))), whole.others)


def _drawn(pool: _Workers, wanted: int, seed: int, tell: _Told) -> list[np.ndarray]:
    parts = []
    for part in pool.results((_make, n, seed) for n in range(-(-wanted // DRAWN))):
        tell.add(len(part.others))
        parts.append(part.others)
    if parts:
        parts[-1] = parts[-1][: wanted - DRAWN * (len(parts) - 1)]
    return parts


def _look(digits: Split, number: int, seed: int, *, cut: bool = False) -> Exposure:
    """Draw a piece's scenes and look at them."""
    numbers = range(number * SCENES, (number + 1) * SCENES)
    return together([crops_of(scene_of(digits, n, seed), cut=cut) for n in numbers])


def _look_closely(digits: Split, number: int, seed: int) -> Exposure:
    """Draw a piece's scenes and look at them and at the parts of cuts."""
    return _look(digits, number, seed, cut=True)


def _make(digits: Split, number: int, seed: int) -> Exposure:
    """Draw a piece's non-digits."""
    return Exposure(others=draw(DRAWN, digits, np.random.default_rng([seed, number, 1])))


@dataclass
class _Told:
    """Tell how far the work is."""

    progress: Progress | None
    total: int
    done: int = 0

    def add(self, count: int) -> None:
        self.done = min(self.total, self.done + count)
        if self.progress is not None:
            self.progress("looking at scenes", self.done, self.total)


class _Workers:
    """Processes that do pieces of work; the results come in the order of the work."""

    def __init__(self, digits: Split, workers: int | None, pieces: int) -> None:
        self._digits = digits
        self._count = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None
        if self._count > 1 and (workers or pieces >= LEAST_PIECES):
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=get_context("spawn"),  # a fork would take TensorFlow's locks along
                initializer=_begin,
                initargs=(digits,),
            )

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def results(self, jobs: Iterator[Job]) -> Iterator[Exposure]:
        """Give the result of each job in turn; no more work is begun than is soon asked for."""
        waiting: deque[tuple[Job, Future[Exposure] | None]] = deque()
        for job in jobs:
            waiting.append((job, self._submit(job)))
            if len(waiting) > 2 * self._count:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def _submit(self, job: Job) -> Future[Exposure] | None:
        if self._pool is not None:
            with contextlib.suppress(BrokenProcessPool):
                return self._pool.submit(_work, job)
        return None

    def _result(self, job: Job, future: Future[Exposure] | None) -> Exposure:
        """Wait for a job; what a killed process leaves undone is done here."""
        if future is not None:
            with contextlib.suppress(BrokenProcessPool):
                return future.result()
        return job[0](self._digits, *job[1:])


def _begin(digits: Split) -> None:
    """Prepare a process of the pool: one thread, no Ctrl-C of its own, no life after its parent."""
    import cv2

    global _digits  # noqa: PLW0603 - what the pool's initializer is for
    _digits = digits
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job) -> Exposure:
    return job[0](_digits, *job[1:])
