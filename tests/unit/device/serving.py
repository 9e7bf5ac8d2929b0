"""A real server on a free port of this machine, for a `Live` that a test fills by hand."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.camera.source import Frame, Picture
from edge_hdr_device.live import Live, Part
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.pipeline import Digit, Reading
from edge_hdr_device.results import Event, FrameResult, Standing
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.web.app import make_app
from edge_hdr_device.web.server import PageServer
from edge_hdr_device.web.token import hash_of

TOKEN = "a-token-for-these-tests"
LIMIT_S = 20.0  # for anything that is waited for; a test that passes never waits so long
DIGITS = (Digit("4", 0.99, (20, 20, 30, 40)), Digit("2", 0.4, (60, 20, 30, 40), "low confidence"))
SAMPLE = Path(__file__).parents[2] / "data" / "sample.jpg"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the server answered; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookie(self) -> str:
        return self.headers["set-cookie"].partition(";")[0]


class Site:
    """A served page and how to ask it."""

    def __init__(self, server: PageServer, live: Live) -> None:
        self.server, self.live = server, live
        self.port = server.port

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """Ask once; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    @contextmanager
    def watch(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """Open an answer without an end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        try:
            yield answer
        finally:
            answer.close()
            connection.close()


@contextmanager
def served(
    live: Live | None = None,
    *,
    token: str | None = None,
    read: Callable[[NDArray[np.uint8]], Reading] | None = None,
    metrics: Metrics | None = None,
    **settings: Any,
) -> Iterator[Site]:
    """Serve until the end of the body."""
    live = live or make_live()
    config = WebConfig(port=0, **settings)
    app = make_app(
        live,
        config,
        token_hash=hash_of(token) if token else None,
        read_upload=read or read_nothing,
        metrics=metrics or Metrics(),
    )
    server = PageServer(app, config)
    server.start()
    try:
        yield Site(server, live)
    finally:
        server.stop()


def read_nothing(image: NDArray[np.uint8]) -> Reading:
    return Reading((), (), image.shape[1], image.shape[0], 1.0, 1.0, 1.0)


def make_live(*parts: Part, **settings: Any) -> Live:
    """Make a `Live` whose camera streams and whose model is loaded."""
    usual = (Part("camera", "ok", "streaming"), Part("model", "ok", "in use"))
    return Live({"version": "1.2.3"}, lambda: list(parts or usual), **settings)


def show(live: Live, number: int = 1, *, text: str = "42", level: int = 200) -> FrameResult:
    """Show a frame as the frame loop does, with an event when it is the first."""
    now_s = time.time()
    image = np.full((120, 160), level, np.uint8)
    standing = Standing("frame", (text,), 0.9, now_s, number)
    result = FrameResult(
        number, now_s, 160, 120, True, ("4?",), DIGITS, (standing,), {"gate": 0.1, "locate": 2.0}
    )
    events = (Event("announced", standing, "", now_s, number),) if number == 1 else ()
    live.show(Frame(Picture(image), number, now_s, time.monotonic()), result, events)
    return result


@contextmanager
def showing(live: Live, fps: float = 50) -> Iterator[None]:
    """Show frame after frame from a thread of its own, each a little brighter."""
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.wait(1 / fps):
            number += 1
            show(live, number, level=100 + number % 100)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def wait_until(happened: Callable[[], Any]) -> Any:
    """Wait until something is true, and give it."""
    end_s = time.monotonic() + LIMIT_S
    while not (result := happened()):
        assert time.monotonic() < end_s, "it never happened"
        time.sleep(0.01)
    return result


def read_parts(answer: http.client.HTTPResponse) -> Iterator[tuple[dict[str, str], bytes]]:
    """Take an MJPEG stream apart."""
    assert answer.readline() == b"--edge-hdr-frame\r\n"
    while True:
        headers = http.client.parse_headers(answer)
        yield dict(headers), answer.read(int(headers["Content-Length"]))
        assert answer.readline() == b"\r\n"
        assert answer.readline() == b"--edge-hdr-frame\r\n"


def read_events(answer: http.client.HTTPResponse) -> Iterator[Any]:
    """Take a stream of server-sent events apart."""
    while line := answer.readline():
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image, np.uint8)


def raw(port: int) -> socket.socket:
    """Open a connection on which nothing has been said."""
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


def name_of(url: str) -> str:
    return urlsplit(url).netloc
