"""Processes that do pieces of work; the results come in the order of the work."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, Generic, TypeVar

LEAST_PIECES = 6  # fewer are not worth the start of a process

Material = TypeVar("Material")
Result = TypeVar("Result")

_material: Any = None  # in a process of the pool: what it was begun with


class Processes(Generic[Material]):
    """A pool whose processes each hold the same material; a context manager.

    Ctrl-C ends it with its owner, and what a killed process leaves undone is done here.

    Args:
        material: goes to each process once; can be pickled.
        workers: how many; 1 works in this process. When None, all processors where it pays.
        pieces: about how much work there is, by which it pays.
    """

    def __init__(self, material: Material, workers: int | None, pieces: int) -> None:
        self._material = material
        self._count = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None
        if self._count > 1 and (workers or pieces >= LEAST_PIECES):
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=get_context("spawn"),  # a fork would take TensorFlow's locks along
                initializer=_begin,
                initargs=(material,),
            )

    def __enter__(self) -> Processes[Material]:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def results(self, jobs: Iterable[Callable[[Material], Result]]) -> Iterator[Result]:
        """Give the result of each job in turn; no more work is begun than is soon asked for.

        Args:
            jobs: called with the material; can be pickled, as a `partial` of a module's function.
        """
        waiting: deque[tuple[Callable[[Material], Result], Future[Result] | None]] = deque()
        for job in jobs:
            waiting.append((job, self._submit(job)))
            if len(waiting) > 2 * self._count:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def _submit(self, job: Callable[[Material], Result]) -> Future[Result] | None:
        if self._pool is not None:
            with contextlib.suppress(BrokenProcessPool):
                return self._pool.submit(_work, job)
        return None

    def _result(self, job: Callable[[Material], Result], future: Future[Result] | None) -> Result:
        if future is not None:
            with contextlib.suppress(BrokenProcessPool):
                return future.result()
        return job(self._material)


def _begin(material: Any) -> None:
    """Prepare a process of the pool: one thread, no Ctrl-C of its own, no life after its parent."""
    import cv2

    global _material  # noqa: PLW0603 - what the pool's initializer is for
    _material = material
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Callable[[Any], Result]) -> Result:
    return job(_material)
