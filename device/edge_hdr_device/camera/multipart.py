"""Take the pictures out of a multipart stream, as MJPEG cameras send it over HTTP."""

from __future__ import annotations

from typing import Protocol

from edge_hdr_device.errors import CameraError

MAX_PART_BYTES = 16_000_000
MAX_LINE_BYTES = 8_000
MAX_HEADERS = 64


class Reader(Protocol):
    """What is read from: a response of `http.client`, or an open file."""

    def read(self, count: int, /) -> bytes:
        """Give so many bytes, or fewer at the end."""
        ...

    def readline(self, limit: int, /) -> bytes:
        """Give bytes up to a line feed, at most so many."""
        ...


class Parts:
    """The parts of a multipart body, one after the other.

    Args:
        stream: the body.
        content_type: of the response; names the boundary, with or without its dashes.

    Source: RFC 2046, 5.1, and what cameras make of it: boundaries with dashes of their own or in
    quotes, lengths that are missing.
    """

    def __init__(self, stream: Reader, content_type: str) -> None:
        self._stream = stream
        _, _, boundary = content_type.partition("boundary=")
        self._boundary = boundary.partition(";")[0].strip().strip('"').strip("-").encode()
        self._is_inside = False  # the line of the boundary was read already

    def next(self) -> bytes:
        """Read the next part.

        Raises:
            CameraError: the stream has ended, or what comes is no multipart stream.
            OSError: the connection broke or is silent.
        """
        if not self._is_inside:
            self._find_boundary()
        self._is_inside = False
        length = self._read_headers()
        if length is None:
            return self._read_to_boundary()
        if length > MAX_PART_BYTES:
            raise _no_stream(f"a picture of {length} bytes")
        data = self._stream.read(length)
        if len(data) < length:
            raise CameraError("the stream has ended in the middle of a picture")
        return data

    def _find_boundary(self) -> None:
        passed = 0
        while not self._is_boundary(line := self._line()):
            passed += len(line)
            if passed > MAX_PART_BYTES:
                raise _no_stream("no boundary between pictures")

    def _read_headers(self) -> int | None:
        """Read a part's headers and give its length, where they tell."""
        length = None
        for _ in range(MAX_HEADERS):
            line = self._line().strip()
            if not line:
                return length
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
        raise _no_stream("headers without end")

    def _read_to_boundary(self) -> bytes:
        data = bytearray()
        while not self._is_boundary(line := self._line()):
            data += line
            if len(data) > MAX_PART_BYTES:
                raise _no_stream(f"a picture of more than {MAX_PART_BYTES} bytes")
        self._is_inside = True
        return bytes(data.removesuffix(b"\n").removesuffix(b"\r"))

    def _is_boundary(self, line: bytes) -> bool:
        return line.startswith(b"--") and line.strip().strip(b"-") == self._boundary

    def _line(self) -> bytes:
        line = self._stream.readline(MAX_LINE_BYTES)
        if not line:
            raise CameraError("the stream has ended")
        return line


def _no_stream(what: str) -> CameraError:
    return CameraError(f"this is no stream of pictures: {what}")
