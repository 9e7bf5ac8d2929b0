"""The idx format of MNIST: bytes from a plain or gzipped file, arrays from bytes and back."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import DataError

MAGIC = {1: 2049, 3: 2051}  # unsigned bytes, with one and with three dimensions
GZIP_MAGIC = b"\x1f\x8b"
DAMAGED_HINT = "copy it again, or delete it and run `edge-hdr data fetch`"


def unpack(path: Path) -> bytes:
    """Read a file's uncompressed content.

    Whether it is gzipped is told by its first bytes, not by its name: some programs unpack a
    `.gz` on the way and leave the name as it was.

    Raises:
        DataError: the file cannot be read, or its gzip stream is truncated or damaged.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw
    except EOFError as error:
        raise DataError(
            f"{path.name} is truncated: its gzip stream ends early", hint=DAMAGED_HINT
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name} is a damaged gzip file", hint=DAMAGED_HINT) from error
    except OSError as error:
        raise DataError(
            f"{path.name} cannot be read: {error.strerror}", hint="check that you may read it"
        ) from error


def decode(content: bytes, *, dimensions: int, name: str) -> NDArray[np.uint8]:
    """Give the array in an idx file's content.

    Args:
        content: the uncompressed bytes: magic number and sizes, big-endian, then the data.
        dimensions: 1 for labels, 3 for images.
        name: the file's name, for messages.

    Returns:
        uint8 (N,) or (N, H, W), as stored; read-only.

    Raises:
        DataError: the content is truncated, too long, or of another kind.

    Source: Y. LeCun's description of the idx format.
    """
    header_bytes = 4 * (1 + dimensions)
    if len(content) < header_bytes:
        raise DataError(
            f"{name} is truncated: {len(content)} bytes, its header alone has {header_bytes}",
            hint=DAMAGED_HINT,
        )
    magic, *shape = struct.unpack(f">{1 + dimensions}I", content[:header_bytes])
    if magic != MAGIC[dimensions]:
        kind = "labels" if dimensions == 1 else "images"
        raise DataError(
            f"{name} is no idx file of {kind}: its magic number is {magic}, "
            f"not {MAGIC[dimensions]}",
            hint=DAMAGED_HINT,
        )
    expected = header_bytes + math.prod(shape)
    if len(content) < expected:
        raise DataError(
            f"{name} is truncated: {len(content):,} of {expected:,} bytes", hint=DAMAGED_HINT
        )
    if len(content) > expected:
        raise DataError(
            f"{name} is damaged: {len(content) - expected:,} bytes more than the "
            f"{shape[0]:,} items of its header",
            hint=DAMAGED_HINT,
        )
    return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)


def encode(array: NDArray[np.uint8]) -> bytes:
    """Give the idx content of an array: the inverse of `decode`.

    Args:
        array: uint8 (N,) or (N, H, W).
    """
    header = struct.pack(f">{1 + array.ndim}I", MAGIC[array.ndim], *array.shape)
    return header + array.tobytes()


def content_md5(content: bytes) -> str:
    """Digest uncompressed content the way MNIST's published checksums do, in hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
