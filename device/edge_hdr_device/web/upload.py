"""Read a picture that somebody sends, on the device, one at a time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.annotate import annotate
from edge_hdr_device.dimensions import declared_size
from edge_hdr_device.errors import EdgeHdrError, ImageError
from edge_hdr_device.images import read_image
from edge_hdr_device.pipeline import Reading
from edge_hdr_device.web.answers import Refusal, json_answer
from edge_hdr_device.web.body import read_body
from edge_hdr_device.web.pictures import jpeg
from edge_hdr_device.web.streams import wants

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MAX_PIXELS = 24_000_000  # 72 MB in colour and as much again on the way: a board may have 512 MB
BODY_S = 60.0  # for an upload over a poor network
TURN_S = 30.0  # for others' pictures to be read
FORMATS = "send a PNG, JPEG, WebP, BMP, GIF, TIFF or PNM file"
TEXT_TYPES = ("application/json", "multipart/", "text/")

Result = TypeVar("Result")


class Uploads:
    """The endpoint that reads pictures.

    Args:
        read: reads one picture; called from one thread at a time.
        limit_bytes: largest upload.
    """

    def __init__(self, read: Callable[[NDArray[np.uint8]], Reading], *, limit_bytes: int) -> None:
        self._read = read
        self._limit_bytes = limit_bytes
        self._turn = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """Read the picture that is the request's body; `?picture=0` leaves the annotated one out.

        Raises:
            Refusal: no picture (400, 415), too large (413), too slow (408), too many wait (503).
        """
        picture = wants(request, "picture", default=True)
        _refuse_text(request.headers.get("content-type", ""))
        try:
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError as error:
            message = "Other pictures are being read."
            raise Refusal(503, message, "try again", {"Retry-After": "5"}) from error
        try:
            data = await read_body(request, limit_bytes=self._limit_bytes, timeout_s=BODY_S)
            return json_answer(await in_thread(lambda: self._work(data, picture=picture)))
        finally:
            self._turn.release()

    def _work(self, data: bytes, *, picture: bool) -> dict[str, Any]:
        if data and declared_size(data) is None:  # its decoder could ask for any memory
            raise Refusal(400, "this is no picture that is read here, or damaged", FORMATS)
        try:
            image = read_image(data, name="the picture", max_pixels=MAX_PIXELS)
            reading = self._read(image)
        except ImageError as error:
            raise Refusal(400, error.message, error.hint) from error
        except EdgeHdrError as error:
            raise Refusal(500, error.message, error.hint) from error
        except MemoryError as error:
            message = "the picture is too large for this device's memory"
            raise Refusal(413, message, "scale it down") from error
        answer: dict[str, Any] = {"reading": reading.to_dict()}
        if picture:
            shown = base64.b64encode(jpeg(annotate(image, reading))).decode()
            answer["picture"] = f"data:image/jpeg;base64,{shown}"
        return answer


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run something in a thread that does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Result] = loop.create_future()

    def settle(value: Result | None, error: BaseException | None) -> None:
        if result.done():  # nobody waits any more
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="page-upload", daemon=True).start()
    return await result


def _refuse_text(media_type: str) -> None:
    if media_type.lower().startswith(TEXT_TYPES):
        raise Refusal(
            415,
            f"{media_type.partition(';')[0]} is no picture",
            "send the file's own bytes, as curl --data-binary @photo.jpg does",
        )
