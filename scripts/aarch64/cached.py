"""A folder that takes long to make, kept in edge-hdr's cache and made again when it is gone."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from edge_hdr.data.cache import cache_dir, locked


def cached(name: str, made_of: str, make: Callable[[Path], None]) -> Path:
    """Give a folder of the cache, one for each thing that it is made of.

    So another version of the project neither takes it away nor uses it.

    Args:
        name: of the folder.
        made_of: all that it depends on.
        make: fills an empty folder; what fails leaves nothing behind.
    """
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    folder = cache_dir() / "aarch64" / f"{name}-{digest}"
    made, part = folder / "content", folder / "part"
    with locked(folder):
        if not made.is_dir():
            shutil.rmtree(part, ignore_errors=True)  # of one that was killed
            part.mkdir()
            try:
                make(part)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
            part.rename(made)
    return made
