"""Write files so that a full disk, a kill or a power cut never leaves half a file."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from edge_hdr_device.errors import StorageError


def write_atomic(path: Path, data: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all: beside it first, to disk, then renamed over it.

    Args:
        path: the final name; its folder is made when missing.
        data: bytes, or text that is stored as UTF-8.
        mode: who may read it; 0o600 for a secret.

    Raises:
        StorageError: the folder cannot be written or the disk is full; `path` is as before.
    """
    payload = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        if isinstance(error, OSError):
            raise storage_error(path, error) from error
        raise


def storage_error(path: Path, error: OSError) -> StorageError:
    """Translate an operating system error about a path into one that says what to do."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    remedy = "free some space or name another folder" if full else "name another place"
    return StorageError(
        f"cannot write {path}: {error.strerror or error}",
        hint=f"{remedy}; nothing was left half written",
    )
