"""The label page and what it asks for, as one app."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.errors import ImageError, StorageError
from edge_hdr.labelling.access import ENTRANCE, Door, Guard
from edge_hdr.labelling.doubt import Sample
from edge_hdr.labelling.ledger import Ledger
from edge_hdr.labelling.tables import NON_DIGIT, OPEN, SKIPPED
from edge_hdr_device.web import files as device_files
from edge_hdr_device.web.answers import CarefulHeaders, Refusal, json_answer, say_refusals
from edge_hdr_device.web.body import read_body

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
BODY_BYTES, BODY_S = 4096, 10.0
SHOWN_PX = 256  # the longer side of a picture on the page
FULL = 507  # HTTP's Insufficient Storage
KEPT = {"Cache-Control": "private, max-age=86400, immutable"}


class Desk:
    """What the page asks for.

    Args:
        ledger: keeps what is said.
        samples: in the order that they are shown; the page names them by their place in it.
    """

    def __init__(self, ledger: Ledger, samples: Sequence[Sample]) -> None:
        self._ledger, self._samples = ledger, samples
        self._places = {sample.file: place for place, sample in enumerate(samples)}
        self._run = secrets.token_hex(4)  # tells this run's pictures from those of another
        self.finished = threading.Event()

    def samples(self, request: Request) -> Response:
        """List all samples with what is said of them."""
        ledger = self._ledger
        number = len(ledger.changes)
        rows = [
            [one.file, one.guess, round(one.confidence, 4), ledger.said.get(one.file, OPEN)]
            for one in self._samples
        ]
        head = {"folder": str(ledger.folder), "run": self._run, "classes": ledger.classes}
        return json_answer({**head, "number": number, "samples": rows, "trouble": ledger.trouble})

    def changes(self, request: Request) -> Response:
        """Tell what was said since a number, which an earlier answer gave."""
        ledger = self._ledger
        since = request.query_params.get("since", "")
        number = len(ledger.changes)
        if not since.isdecimal() or int(since) > number:
            raise Refusal(400, f"since={since!r} is no number that was given")
        places = {self._places.get(file) for file in ledger.changes[int(since) : number]}
        said = {place: self._word(place) for place in places if place is not None}
        return json_answer({"number": number, "said": said, "trouble": ledger.trouble})

    async def say(self, request: Request) -> Response:
        """Note what a sample is; 409 where another window said something else meanwhile."""
        from starlette.concurrency import run_in_threadpool

        body = await read_body(request, limit_bytes=BODY_BYTES, timeout_s=BODY_S)
        place, word, was = self._parse(body)
        try:
            now = await run_in_threadpool(self._ledger.say, self._samples[place].file, word, was)
        except StorageError as error:
            raise Refusal(FULL, error.message, error.hint) from error
        return json_answer({"said": now}, status=200 if now == word else 409)

    def picture(self, request: Request) -> Response:
        """Give a sample as a PNG of a usable size."""
        from starlette.responses import Response

        place = request.path_params["place"]
        if place >= len(self._samples):
            raise Refusal(404, f"there is no sample {place}")
        try:
            data = _png(self._ledger.folder / self._samples[place].file)
        except ImageError as error:
            raise Refusal(404, error.message, error.hint) from error
        return Response(data, media_type="image/png", headers=KEPT)

    def finish(self, request: Request) -> Response:
        """End the program that serves the page."""
        self.finished.set()
        return json_answer({"folder": str(self._ledger.folder)})

    def close(self) -> None:
        """Have nothing open that would hold up the server's end."""

    def _word(self, place: int) -> str:
        return self._ledger.said.get(self._samples[place].file, OPEN)

    def _parse(self, body: bytes) -> tuple[int, str, str]:
        """Read what a window says: the sample's place, the word, and what it shows.

        Raises:
            Refusal: it makes no sense (400).
        """
        try:
            given: Any = json.loads(body)
            place, word, was = given["sample"], given["said"], given["was"]
            known = word in {*self._ledger.classes, NON_DIGIT, SKIPPED, OPEN}
            sensible = type(place) is int and 0 <= place < len(self._samples)
        except (ValueError, TypeError, KeyError) as error:
            raise Refusal(400, f"this is no label: {error!r}") from error
        if not (known and sensible and isinstance(was, str)):
            raise Refusal(400, f"this is no label: {given}")
        return place, word, was


def make_app(desk: Desk, door: Door) -> Starlette:
    """Make the app; nothing is served yet."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    app = Starlette(
        routes=[
            Route("/", _page),
            Route(ENTRANCE, door.enter),
            Route("/static/{name}", _static),
            Route("/api/samples", desk.samples),
            Route("/api/changes", desk.changes),
            Route("/api/say", desk.say, methods=["POST"]),
            Route("/api/finish", desk.finish, methods=["POST"]),
            Route("/picture/{place:int}", desk.picture),
        ],
        middleware=[Middleware(CarefulHeaders), Middleware(Guard, door=door)],
    )
    app.state.feed = desk  # closed by the server when it stops
    say_refusals(app)
    return app


async def _page(request: Request) -> Response:
    return _answer("index.html", request)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name in contents():
        return _answer(name, request)
    return device_files.answer(name, request)


def _answer(name: str, request: Request) -> Response:
    """Give one of the page's own files, or say that the browser's copy still holds."""
    from starlette.responses import Response

    data = contents()[name]
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=device_files.TYPES[Path(name).suffix], headers=headers)


@cache
def contents() -> dict[str, bytes]:
    """Give every file of the page by its name."""
    return {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix}


def _png(file: Path) -> bytes:
    import cv2

    from edge_hdr_device.images import read_image
    from edge_hdr_device.ink import shrink

    picture = shrink(read_image(file), SHOWN_PX)
    return bytes(cv2.imencode(".png", picture)[1])
