from __future__ import annotations

import io

import pytest

from edge_hdr_device.camera import multipart
from edge_hdr_device.camera.multipart import Parts
from edge_hdr_device.errors import CameraError

KIND = "multipart/x-mixed-replace;boundary=frame"
DATA = [b"\xff\xd8one\r\n--fram\n\xff\xd9", b"\xff\xd8two\xff\xd9"]


def with_length(boundary: bytes = b"--frame") -> bytes:
    return b"".join(
        boundary + b"\r\nContent-Type: image/jpeg\r\ncontent-length: %d\r\n\r\n" % len(part)
        + part + b"\r\n"
        for part in DATA
    )  # fmt: skip


def without_length(boundary: bytes = b"--frame") -> bytes:
    parts = b"".join(boundary + b"\r\nContent-Type: image/jpeg\r\n\r\n" + p + b"\r\n" for p in DATA)
    return parts + boundary + b"--\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (KIND, with_length()),
        (KIND, without_length()),
        (KIND, b"preamble\r\n\r\n" + with_length()),
        (f"{KIND.replace('frame', chr(34) + 'frame' + chr(34))}", with_length()),
        ("multipart/x-mixed-replace; boundary=--frame; charset=x", with_length()),
        (KIND, with_length(b"----frame")),
        (KIND, without_length().replace(b"\r\n--frame", b"\n--frame")),
    ],
)
def test_parts_are_taken_out_whole(kind: str, body: bytes) -> None:
    parts = Parts(io.BytesIO(body), kind)
    assert [parts.next(), parts.next()] == DATA


def test_the_end_is_told() -> None:
    parts = Parts(io.BytesIO(with_length()), KIND)
    parts.next()
    parts.next()
    with pytest.raises(CameraError, match="ended"):
        parts.next()


def test_a_picture_that_breaks_off_is_told() -> None:
    parts = Parts(io.BytesIO(with_length()[:-8]), KIND)
    parts.next()
    with pytest.raises(CameraError, match="in the middle of a picture"):
        parts.next()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"--frame\r\nContent-Length: 99999999999\r\n\r\n", "a picture of 99999999999 bytes"),
        (b"--frame\r\n" + b"x: y\r\n" * 1000, "headers without end"),
        (b"\x00" * 5000, "no boundary"),
        (b"--frame\r\n\r\n" + b"\x00" * 5000, "more than 1000 bytes"),
    ],
)
def test_what_has_no_end_is_given_up(
    body: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "MAX_PART_BYTES", 1000)
    monkeypatch.setattr(multipart, "MAX_LINE_BYTES", 100)
    with pytest.raises(CameraError, match=words):
        Parts(io.BytesIO(body), KIND).next()
