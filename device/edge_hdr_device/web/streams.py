"""Answers without an end: pictures one after the other, and what was read as events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from edge_hdr_device.web.answers import NO_STORE, Refusal
from edge_hdr_device.web.feed import Feed, Form, Moment

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

BOUNDARY = "edge-hdr-frame"
MJPEG = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
EVENTS = "text/event-stream; charset=utf-8"
EVENTS_FPS = 10.0


class Streams:
    """The endpoints for those who keep watching.

    Args:
        feed: gives the moments.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def pictures(self, request: Request) -> Flow:
        """Give one JPEG after the other, `?overlay=0` without boxes.

        With `?digits=1` each part tells in its header `X-Edge-HDR` what was read in it, so that a
        page can draw that by itself; it is null while the camera is away.
        """
        form: Form = "overlay" if wants(request, "overlay", default=True) else "plain"
        told = wants(request, "digits", default=False)
        return Flow(self._feed, form, MJPEG, _parts(self._feed, form, told=told))

    async def events(self, request: Request) -> Flow:
        """Give the state as server-sent events, two to ten a second."""
        return Flow(self._feed, "state", EVENTS, _events(self._feed))

    async def picture(self, request: Request) -> Response:
        """Give the newest frame as a JPEG, `?overlay=0` without boxes.

        Raises:
            Refusal: there is no fresh frame (503).
        """
        from starlette.responses import Response

        view = self._feed.view
        if view.frame is None or view.result is None:
            raise Refusal(
                503,
                "There is no fresh picture: the camera is away.",
                "/healthz says why",
                {"Retry-After": "2"},
            )
        data = await self._feed.picture(view, overlay=wants(request, "overlay", default=True))
        headers = {**NO_STORE, "X-Frame-Number": str(view.frame.number)}
        return Response(data, media_type="image/jpeg", headers=headers)


class Flow:
    """An answer that goes on until the viewer leaves or the feed ends.

    Args:
        feed: in which a place is held meanwhile.
        form: of what is watched.
        media_type: of the answer.
        chunks: its bytes.
    """

    def __init__(
        self,
        feed: Feed,
        form: Form,
        media_type: str,
        chunks: AsyncGenerator[bytes, None],
    ) -> None:
        self._feed, self._form = feed, form
        # the last is for proxies, which would wait for the end
        self._headers = {"Content-Type": media_type, **NO_STORE, "X-Accel-Buffering": "no"}
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer.

        Raises:
            Refusal: all places are taken (503).
        """
        headers = [(name.lower().encode(), text.encode()) for name, text in self._headers.items()]
        with self._feed.place(self._form):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if scope["method"] != "HEAD":
                await _first(self._pump(send), _gone(receive))
            await send({"type": "http.response.body"})

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


def wants(request: Request, name: str, *, default: bool) -> bool:
    """Read a switch of the query, 0 or 1.

    Raises:
        Refusal: it has another value (400).
    """
    value = request.query_params.get(name, "1" if default else "0")
    if value not in {"0", "1"}:
        raise Refusal(400, f"{name}={value!r} is neither 0 nor 1")
    return value == "1"


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Wait until one of several has ended, and end the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _gone(receive: Receive) -> None:
    """Wait until the viewer has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _parts(feed: Feed, form: Form, *, told: bool) -> AsyncGenerator[bytes, None]:
    yield f"--{BOUNDARY}\r\n".encode()
    async for moment in feed.moments(form, fps=feed.fps):
        jpeg = moment.forms[form]
        told_line = f"X-Edge-HDR: {_told(moment)}\r\n" if told else ""
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n{told_line}\r\n"
        # the boundary that follows comes along: browsers show a part only when they have seen it
        yield head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode()


def _told(moment: Moment) -> str:
    result = moment.view.result
    if result is None:
        return "null"
    return json.dumps(
        {
            "frame": result.frame,
            "width": result.width,
            "height": result.height,
            "digits": [digit.to_dict() for digit in result.digits],
        },
        separators=(",", ":"),
    )


async def _events(feed: Feed) -> AsyncGenerator[bytes, None]:
    yield b"retry: 2000\n\n"
    async for moment in feed.moments("state", fps=EVENTS_FPS):
        yield b"data: " + moment.forms["state"] + b"\n\n"
