"""A folder that takes long to make, kept in edge-hdr's cache and made again when it is gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from edge_hdr.data.cache import cache_dir, locked

STAMP = ".made-of"


def cached(name: str, made_of: str, make: Callable[[Path], None]) -> Path:
    """Give the folder `aarch64/NAME` of the cache.

    Args:
        name: of the folder.
        made_of: what it depends on; when that has changed, the folder is made anew.
        make: fills an empty folder; what fails leaves nothing behind.
    """
    folder = cache_dir() / "aarch64" / name
    with locked(folder):
        made = folder / "content"
        stamp = folder / STAMP
        if made.is_dir() and stamp.exists() and stamp.read_text() == made_of:
            return made
        stamp.unlink(missing_ok=True)
        part = folder / f"part-{os.getpid()}"
        for old in (made, *folder.glob("part-*")):
            shutil.rmtree(old, ignore_errors=True)
        part.mkdir()
        try:
            make(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        part.rename(made)
        stamp.write_text(made_of)
        return made
