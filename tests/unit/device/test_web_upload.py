import base64
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from serving import LIMIT_S, SAMPLE, Answer, Site, decode, raw, read_nothing, served, wait_until

from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import ModelError
from edge_hdr_device.pipeline import Reader, Reading
from edge_hdr_device.web import upload

MODEL = Path(__file__).parents[3] / "models" / "ds-cnn-small-int8" / "model.tflite"
LINES = ["0123456789", "31415926", "27182818", "2026", "90210"]


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


def send(site: Site, body: object, path: str = "/api/read", **headers: str) -> Answer:
    return site.ask(path, "POST", body, **headers)


def encoded(suffix: str, image: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


def test_a_photo_is_read_on_the_device() -> None:
    with served(read=Reader(Classifier(MODEL)).read) as site:
        answer = send(site, SAMPLE.read_bytes(), Content_Type="image/jpeg")
    assert answer.status == 200
    assert answer.json["reading"]["lines"] == LINES
    head, _, data = answer.json["picture"].partition(",")
    assert head == "data:image/jpeg;base64"
    sample = cv2.imread(str(SAMPLE))
    assert sample is not None
    shown = decode(base64.b64decode(data))
    assert shown.shape == sample.shape
    assert np.abs(shown.astype(int) - sample).max() > 100, "boxes are drawn"


def test_the_annotated_picture_can_be_left_out(site: Site) -> None:
    answer = send(site, SAMPLE.read_bytes(), "/api/read?picture=0")
    assert answer.json.keys() == {"reading"}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm", ".jp2"])
@pytest.mark.parametrize("kind", [None, "image/anything", "application/x-www-form-urlencoded"])
def test_any_picture_is_read_whatever_it_calls_itself(
    site: Site, suffix: str, kind: str | None
) -> None:
    body = encoded(suffix, np.full((90, 120, 3), 90, np.uint8))
    answer = send(site, body, **({"Content_Type": kind} if kind else {}))
    assert answer.status == 200, answer.json
    assert (answer.json["reading"]["width"], answer.json["reading"]["height"]) == (120, 90)


def png_header(width: int, height: int) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\0\0\0\0IEND"
    )


def webp_header(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0" * 4 + sides


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is empty"),
        (b"no picture at all", "no picture that is read here"),
        (b'{"image": "..."}', "no picture that is read here"),
        (SAMPLE.read_bytes()[:5000], "truncated"),
        (b"\xff\xd8\xff" + b"x" * 100, "no picture that is read here"),
        (png_header(0, 0), "no pixels"),
        (png_header(100_000, 100_000), "24 million"),
        (webp_header(16_000, 16_000), "24 million"),
        (b"P5 9000 9000 255\n", "24 million"),
        (png_header(10, 10), "damaged"),
        (b"\x59\xa6\x6a\x95" + struct.pack(">IIIIIII", 9000, 9000, 24, 0, 1, 0, 0), "no picture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_usable_picture_is_refused(site: Site, body: bytes, reason: str) -> None:
    answer = send(site, body, Content_Type="image/png")
    assert answer.status == 400
    assert reason in answer.json["error"]["message"]
    assert answer.json["error"]["hint"]


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "text/plain; charset=utf-8"]
)
def test_json_in_place_of_a_picture_is_refused(site: Site, kind: str) -> None:
    answer = send(site, b"{}", Content_Type=kind)
    assert answer.status == 415
    assert "--data-binary" in answer.json["error"]["hint"]


def test_too_large_an_upload_is_refused_when_it_is_announced() -> None:
    with served(upload_bytes=1000) as site, raw(site.port) as connection:
        connection.sendall(
            b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_too_large_an_upload_is_refused_while_it_comes() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(100)

    with served(upload_bytes=1000) as site:
        answer = send(site, chunks())
    assert answer.status == 413
    assert "1000 bytes" in answer.json["error"]["message"]


def test_too_slow_an_upload_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "BODY_S", 0.1)
    with raw(site.port) as connection:
        connection.sendall(
            b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    assert send(site, SAMPLE.read_bytes()).status == 200


def test_an_upload_that_breaks_off_leaves_the_next_alone(site: Site) -> None:
    for _ in range(3):
        connection = raw(site.port)
        head = b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
        connection.sendall(head + bytes(200_000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert send(site, SAMPLE.read_bytes()).status == 200


def test_pictures_are_read_one_at_a_time() -> None:
    reading, most = threading.Semaphore(1), []

    def read(image: NDArray[np.uint8]) -> Reading:
        most.append(reading.acquire(blocking=False))
        time.sleep(0.02)
        reading.release()
        return read_nothing(image)

    answers: list[Answer] = []
    with served(read=read) as site:
        threads = [
            threading.Thread(target=lambda: answers.append(send(site, SAMPLE.read_bytes())))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.status for answer in answers] == [200] * 4
    assert most == [True] * 4


def test_who_waits_too_long_for_a_turn_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "TURN_S", 0.05)
    begun, over = threading.Event(), threading.Event()

    def read(image: NDArray[np.uint8]) -> Reading:
        begun.set()
        over.wait(LIMIT_S)
        return read_nothing(image)

    with served(read=read) as site:
        first = threading.Thread(target=lambda: send(site, SAMPLE.read_bytes()))
        first.start()
        begun.wait(LIMIT_S)
        answer = send(site, SAMPLE.read_bytes())
        over.set()
        first.join()
    assert answer.status == 503
    assert "retry-after" in answer.headers


def test_a_reading_that_hangs_does_not_hold_up_the_end() -> None:
    over = threading.Event()

    def read(image: NDArray[np.uint8]) -> Reading:
        over.wait(LIMIT_S)
        return read_nothing(image)

    with served(read=read) as site, raw(site.port) as connection:
        body = SAMPLE.read_bytes()
        head = f"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        wait_until(lambda: any(one.name == "page-upload" for one in threading.enumerate()))
        site.server.stop()
        assert not site.server._thread.is_alive()
    over.set()
    wait_until(lambda: not any(one.name == "page-upload" for one in threading.enumerate()))


@pytest.mark.parametrize(
    ("error", "status"),
    [(ModelError("the model is gone", hint="put it back"), 500), (MemoryError(), 413)],
)
def test_a_fault_while_reading_is_told(error: Exception, status: int) -> None:
    def read(image: NDArray[np.uint8]) -> Reading:
        raise error

    with served(read=read) as site:
        answer = send(site, SAMPLE.read_bytes())
        assert answer.status == status
        assert answer.json["error"]["hint"]
        assert site.ask("/healthz").status == 200
