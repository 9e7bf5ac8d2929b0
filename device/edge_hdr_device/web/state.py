"""What the runtime tells of itself: reading, history, health, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from edge_hdr_device.errors import DependencyError
from edge_hdr_device.live import Live
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.web.answers import NO_STORE, Refusal, json_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
NEEDED = ("camera", "model")  # parts without which nothing can be read

Result = TypeVar("Result")


class State:
    """The endpoints that answer at once.

    Args:
        live: what is told.
        metrics: what is counted.
        pool: of threads, for what takes long.
    """

    def __init__(self, live: Live, metrics: Metrics, pool: Executor) -> None:
        self._live = live
        self._metrics = metrics
        self._pool = pool

    async def reading(self, request: Request) -> Response:
        """Tell what stands, the newest frame, times and health."""
        return json_answer(await self._in_pool(self._live.to_dict))

    async def history(self, request: Request) -> Response:
        """Tell the last changes of what stands, newest first."""
        view = self._live.view
        events = [event.to_dict() for event in view.history]
        return json_answer({"events": view.events, "history": events})

    async def alive(self, request: Request) -> Response:
        """Tell whether the frame loop lives, 200 or 503; and how each part does to who may know."""
        alive = self._live.alive
        return self._health(request, "ok" if alive else "stuck", good=alive)

    async def ready(self, request: Request) -> Response:
        """Tell whether digits can be read, 200 or 503: the camera gives frames, the model loads."""
        parts = {part.name: part.level for part in self._live.parts}
        missing = [name for name in NEEDED if parts.get(name, "ok") == "failing"]
        ready = not missing and self._live.view.frame is not None
        return self._health(request, "ready" if ready else "not ready", good=ready)

    async def metrics(self, request: Request) -> Response:
        """Tell what was counted, in Prometheus' text format.

        Raises:
            Refusal: prometheus-client is not installed (501).
        """
        from starlette.responses import Response

        try:
            text = await self._in_pool(partial(self._metrics.text, self._live))
        except DependencyError as error:
            raise Refusal(501, error.message, error.hint) from error
        return Response(text, headers={**NO_STORE, "Content-Type": PROMETHEUS})

    async def _in_pool(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _health(self, request: Request, status: str, *, good: bool) -> Response:
        told = self._live.health() if request.scope["edge_hdr_known"] else {}
        return json_answer({"status": status, **told}, status=200 if good else 503)
