"""Read a picture's width and height from its header, before anything is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

Size = tuple[int, int]
_WORD, _LONG = 3, 4  # types of a TIFF field


def declared_size(data: bytes) -> Size | None:
    """Give width and height in px as a PNG, JPEG, WebP, BMP, GIF, TIFF, PNM or JPEG 2000 says.

    Args:
        data: the file, or as much of its beginning as is there.

    Returns:
        None for other formats and where the header is damaged.
    """
    for mark, read in _READERS.items():
        if data.startswith(mark):
            try:
                return read(data)
            except (struct.error, IndexError, OverflowError):  # the last on 32-bit systems alone
                return None
    return None


def jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """List marker and position of a JPEG's segments up to its first scan; empty for others."""
    segments: list[tuple[int, int]] = []
    position = 2 if data.startswith(JPEG) else len(data)
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        segments.append((marker, position))
        if marker == 0xDA:
            break
        position += 2 + int(struct.unpack(">H", data[position + 2 : position + 4])[0])
    return segments


def _jpeg(data: bytes) -> Size | None:
    for marker, position in jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
    return None


def _png(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> Size:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # negative: written from the top


def _webp(data: bytes) -> Size | None:
    """Source: WebP container specification; RFC 6386, 9.1; WebP lossless bitstream, 3."""
    kind = data[8:16]
    if kind == b"WEBPVP8X":
        wide, high = data[24:27], data[27:30]
        return 1 + int.from_bytes(wide, "little"), 1 + int.from_bytes(high, "little")
    if kind == b"WEBPVP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"WEBPVP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> Size | None:
    """Source: TIFF 6.0, sections 2 and 8: fields 256 and 257 of the first directory."""
    order = "<" if data.startswith(b"II") else ">"
    (position,) = struct.unpack_from(f"{order}I", data, 4)
    (fields,) = struct.unpack_from(f"{order}H", data, position)
    found = {}
    for index in range(fields):
        start = position + 2 + 12 * index
        tag, kind = struct.unpack_from(f"{order}HH", data, start)
        if tag in {256, 257} and kind in {_WORD, _LONG}:
            size = "H" if kind == _WORD else "I"
            (found[tag],) = struct.unpack_from(f"{order}{size}", data, start + 8)
    return (found[256], found[257]) if len(found) == 2 else None


def _pnm(data: bytes) -> Size | None:
    header = re.sub(rb"#[^\n]*", b"", data[:1000])
    match = re.match(rb"P[1-6]\s+(\d+)\s+(\d+)\s", header)
    match = match or re.match(rb"P7\s+WIDTH\s+(\d+)\s+HEIGHT\s+(\d+)\s", header)
    return (int(match[1]), int(match[2])) if match else None


def _jpeg_2000(data: bytes) -> Size | None:
    start = data.find(b"ihdr", 0, 200)
    if start < 0:
        return None
    height, width = struct.unpack_from(">II", data, start + 4)
    return width, height


_READERS: dict[bytes, Callable[[bytes], Size | None]] = {
    PNG: _png,
    JPEG: _jpeg,
    b"RIFF": _webp,
    b"BM": _bmp,
    b"GIF8": _gif,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"\0\0\0\x0cjP  ": _jpeg_2000,
    **{b"P%d" % kind: _pnm for kind in range(1, 8)},
}
