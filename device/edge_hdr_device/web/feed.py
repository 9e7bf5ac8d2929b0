"""The newest moment, encoded once for all who watch, and only while somebody does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from edge_hdr_device.live import Live, View
from edge_hdr_device.web.answers import Refusal, to_json
from edge_hdr_device.web.pictures import view_jpeg

VIEWERS = 8  # of pictures: encoded once for all, sent to each
LISTENERS = 40  # to events: a class; the page of who comes later asks for the reading instead
WAIT_S = 0.25  # longest wait for a frame, so that an end is noticed soon
STILL_S = 0.5  # between two moments in which nothing changed
STATUS_S = 1.0  # between two looks at facts, times and health

Form = Literal["plain", "overlay", "state"]
PICTURES: tuple[Form, ...] = ("plain", "overlay")


@dataclass(frozen=True)
class Moment:
    """What viewers get.

    Attributes:
        view: the moment itself.
        forms: as far as somebody wants them: a JPEG, a JPEG with boxes, the state as JSON.
    """

    view: View
    forms: dict[Form, bytes]


class Feed:
    """Hand the same moments to all viewers; a slow one misses some.

    Args:
        live: gives the moments.
        fps: most pictures a second.
        pool: of two threads or more: one waits for frames, one encodes for others.
    """

    def __init__(self, live: Live, *, fps: float, pool: Executor) -> None:
        self.fps = fps
        self._live = live
        self._period_s = 1 / max(fps, 1 / STILL_S)
        self._closing = False
        self._wanted: Counter[Form] = Counter({"plain": 0, "overlay": 0, "state": 0})
        self._pool = pool
        self._task: asyncio.Task[None] | None = None
        self._turn: asyncio.Future[Moment | None] | None = None
        self._last = Moment(View(None, None, (), ()), {})
        self._last_s = self._status_s = float("-inf")
        self._status: dict[str, Any] = {}

    @property
    def view(self) -> View:
        """Give the newest moment."""
        return self._live.view

    def close(self) -> None:
        """End all streams soon; callable from any thread."""
        self._closing = True

    @contextmanager
    def place(self, form: Form) -> Iterator[None]:
        """Hold a place for a viewer.

        Raises:
            Refusal: all places are taken (503).
        """
        limit, forms = (LISTENERS, (form,)) if form == "state" else (VIEWERS, PICTURES)
        if sum(self._wanted[one] for one in forms) >= limit:
            headers = {"Retry-After": "5"}
            raise Refusal(503, f"{limit} others are watching.", "try again later", headers)
        self._wanted[form] += 1
        try:
            yield
        finally:
            self._wanted[form] -= 1

    async def moments(self, form: Form, *, fps: float) -> AsyncIterator[Moment]:
        """Give the moments of a form from now on, at most `fps` a second; a place must be held."""
        pause_s = 0.9 / fps  # the last tenth is for clocks that do not beat as one
        last_s = float("-inf")
        while not self._closing:
            if self._turn is None:
                self._turn = asyncio.get_running_loop().create_future()
                self._task = asyncio.create_task(self._run(self._turn))
            moment = await asyncio.shield(self._turn)
            now_s = time.monotonic()
            if moment is not None and form in moment.forms and now_s - last_s >= pause_s:
                last_s = now_s
                yield moment

    async def picture(self, view: View, *, overlay: bool) -> bytes:
        """Encode one picture for somebody who does not watch."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, partial(view_jpeg, view, overlay=overlay)
        )

    async def _run(self, turn: asyncio.Future[Moment | None]) -> None:
        """Take moment after moment while somebody watches; a fault ends all streams."""
        loop = asyncio.get_running_loop()
        try:
            while self._wanted.total() and not self._closing:
                due_s = loop.time() + self._period_s
                moment = await loop.run_in_executor(self._pool, self._take)
                if moment is not None:
                    told, turn = turn, loop.create_future()
                    self._turn = turn
                    told.set_result(moment)
                await asyncio.sleep(due_s - loop.time())
        except Exception as error:
            turn.set_exception(error)
        finally:
            self._turn = None
            if not turn.done():
                turn.set_result(None)

    def _take(self) -> Moment | None:
        """Wait for a moment that is worth showing; None where there was none in a while."""
        before = self._last.view
        view = self._live.wait(before.frame.number if before.frame else 0, WAIT_S)
        now_s = time.monotonic()
        same = (view.frame is None) == (before.frame is None) and view.reads == before.reads
        if same and now_s - self._last_s < STILL_S:
            return None
        if now_s - self._status_s >= STATUS_S:
            self._status, self._status_s = self._live.status(), now_s
        forms = {form: self._encode(form, view) for form in +self._wanted}
        self._last, self._last_s = Moment(view, forms), now_s
        return self._last

    def _encode(self, form: Form, view: View) -> bytes:
        if form == "state":
            return to_json(self._live.to_dict(view, self._status))
        if view.frame is self._last.view.frame and form in self._last.forms:
            return self._last.forms[form]
        return view_jpeg(view, overlay=form == "overlay")
