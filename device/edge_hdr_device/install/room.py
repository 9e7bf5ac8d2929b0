"""Room on the disk: looked for beforehand, and told of when it ends."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge_hdr_device.errors import StorageError
from edge_hdr_device.storage import storage_error

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: BaseException | None) -> bool:
    """Tell whether an error, or what it came from, is that the disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__
    return False


@contextlib.contextmanager
def unless_full() -> Iterator[None]:
    """Let a full disk keep the body from its work, where all goes on without."""
    try:
        yield
    except (OSError, StorageError) as error:
        if not is_full(error):
            raise


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Translate what the system says against writing into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise storage_error(Path(error.filename or path), error) from error


def check_space(folder: Path, need_bytes: int) -> None:
    """Refuse to begin what the disk cannot take.

    Raises:
        StorageError: there is less room than needed.
    """
    place = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free_bytes = shutil.disk_usage(place).free
    if free_bytes < need_bytes:
        raise StorageError(
            f"{folder} has {free_bytes / 1e6:.0f} MB free, this needs {need_bytes / 1e6:.0f} MB",
            hint="free some space: apt-get clean, or journalctl --vacuum-size=50M",
        )


def sync(folder: Path) -> None:
    """Put everything of a file system on its disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    except AttributeError:  # a C library without it
        os.sync()
    finally:
        os.close(descriptor)
