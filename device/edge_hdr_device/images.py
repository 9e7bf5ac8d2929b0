"""Bytes to pictures: decoded upright, whole and of a usable size, or a clear error."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.dimensions import JPEG, PNG, declared_size, jpeg_segments
from edge_hdr_device.errors import ImageError

MAX_PIXELS = 100_000_000  # 300 MB once decoded in colour
SUFFIXES = frozenset(
    {".bmp", ".gif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"}
    | {".tif", ".tiff", ".webp"}
)
_BAND_PX = 64
_PAPER, _BOARD = 255, 0  # what lies behind transparent pixels, opposite to the ink on it


def read_image(
    source: Path | str | bytes, *, name: str = "", max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Read a picture in any format that OpenCV reads, turned upright by its EXIF orientation.

    Transparent pixels become white paper, or black where the opaque ones are light.

    Args:
        source: a file, or the bytes of one.
        name: what to call it in errors; by default the file's name.
        max_pixels: most that are decoded.

    Returns:
        uint8 (H, W) grey or (H, W, 3) BGR.

    Raises:
        ImageError: missing, empty, no image, truncated, without pixels, or with too many.
    """
    data = source if isinstance(source, bytes) else _read(Path(source))
    name = name or ("the image" if isinstance(source, bytes) else str(source))
    if not data:
        raise ImageError(f"{name} is empty (0 bytes)", hint="copy or take the picture again")
    _check_size(declared_size(data), name, max_pixels)
    if _is_truncated(data):
        raise ImageError(
            f"{name} is truncated: its end is missing after {len(data)} bytes",
            hint="copy or download the picture again",
        )
    image = _decode(data, name)
    _check_size((image.shape[1], image.shape[0]), name, max_pixels)
    return image


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures of a folder by their suffixes, sorted by name.

    Raises:
        ImageError: it holds none.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ImageError(
            f"no pictures in the folder {folder}", hint="name a folder of PNG or JPEG files"
        )
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"no such image: {path}", hint="check the path") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(f"cannot read {path}: {reason}", hint="check the path") from error


def _decode(data: bytes, name: str) -> NDArray[np.uint8]:
    import cv2

    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        if image is not None and image.dtype == np.uint16:
            image = _eight_bits(np.asarray(image, np.uint16))
        elif image is not None and image.dtype != np.uint8:
            image = cv2.imdecode(buffer, cv2.IMREAD_ANYCOLOR)
        if image is not None and data.startswith((PNG, b"RIFF")):
            whole = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
            if whole is not None and whole.ndim == 3 and whole.shape[2] == 4:
                image = _opaque(np.asarray(image, np.uint8), whole[:, :, 3])
    except cv2.error as error:
        reason = str(error).strip().splitlines()[-1]
        raise ImageError(
            f"{name} cannot be decoded: {reason}", hint="save it again as PNG or JPEG"
        ) from error
    if image is None or image.size == 0:
        raise ImageError(
            f"{name} is no image that OpenCV reads, or it is damaged",
            hint="give a PNG, JPEG, WebP, BMP, TIFF or PNM file",
        )
    return np.asarray(image, np.uint8)


def _eight_bits(image: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Reduce 16 bits to 8; scanners of 12 bits leave the upper four empty."""
    return np.asarray(image >> (4 if image.max() < 1 << 12 else 8), np.uint8)


def _opaque(image: NDArray[np.uint8], alpha: NDArray[Any]) -> NDArray[np.uint8]:
    """Lay a picture on paper, or on a board when its opaque part is light."""
    most = np.iinfo(alpha.dtype).max
    if image.shape[:2] != alpha.shape or alpha.min() == most:
        return image

    def bands() -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Give some rows at a time, as real numbers take a multiple of the picture's memory."""
        for top in range(0, len(alpha), _BAND_PX):
            rows = slice(top, top + _BAND_PX)
            share = alpha[rows].astype(np.float32) / np.float32(most)
            yield rows, share[:, :, None] if image.ndim == 3 else share

    channels = image.size / alpha.size
    light = sum(float((image[rows] * share).sum()) for rows, share in bands())
    whole = sum(float(share.sum()) * channels for _, share in bands())
    behind = _PAPER if light < 128 * max(whole, 1e-6) else _BOARD
    flat = np.empty_like(image)
    for rows, share in bands():
        flat[rows] = np.rint(image[rows] * share + behind * (1 - share))
    return flat


def _check_size(size: tuple[int, int] | None, name: str, max_pixels: int) -> None:
    if size is None:
        return
    width, height = size
    if width == 0 or height == 0:
        raise ImageError(f"{name} has no pixels ({width}×{height})", hint="take the picture again")
    if width * height > max_pixels:
        raise ImageError(
            f"{name} has {width}×{height} pixels, more than {max_pixels // 1_000_000} million",
            hint="scale it down; 12 million pixels are plenty",
        )


def _is_truncated(data: bytes) -> bool:
    """Tell whether the end of a PNG, JPEG, WebP or BMP is missing; decoders fill it with grey."""
    if data.startswith(PNG):
        return b"IEND" not in data[-64:] and b"IEND" not in data
    if data.startswith(JPEG):
        scans = [position for marker, position in jpeg_segments(data) if marker == 0xDA]
        return not scans or data.find(b"\xff\xd9", scans[0]) < 0
    if data.startswith(b"RIFF") and len(data) >= 8:
        return len(data) < int(struct.unpack("<I", data[4:8])[0]) + 8
    if data.startswith(b"BM") and len(data) >= 6:
        return len(data) < int(struct.unpack("<I", data[2:6])[0])
    return False
