"""Keep gathered exposure in the user's cache: a resumed build and a second model draw nothing."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from edge_hdr.data.cache import cache_dir
from edge_hdr.data.dataset import Split
from edge_hdr.errors import StorageError
from edge_hdr.exposure.material import Exposure
from edge_hdr_device.storage import write_atomic

KEPT = 6  # files; the one used longest ago goes first
# What is gathered follows from the code of these, so a change of it makes another key.
SOURCES = (
    ("edge_hdr", "exposure"), ("edge_hdr", "scenes"), ("edge_hdr", "data"), ("edge_hdr_device", ""),
)  # fmt: skip


def kept(make: Callable[[], Exposure], *facts: object) -> Exposure:
    """Give what is in the cache, or make it and put it there.

    A cache that cannot be written or read costs time, nothing else.

    Args:
        make: gathers it.
        facts: everything besides the code that it follows from; their `repr` is the key.
    """
    key = hashlib.sha256(repr((facts, code())).encode()).hexdigest()[:24]
    path = cache_dir() / "exposure" / f"{key}.npz"
    found = _load(path)
    if found is None:
        found = make()
        _save(path, found)
    return found


@cache
def code() -> str:
    """Digest the source that decides what is seen in scenes."""
    digest = hashlib.sha256()
    for package, room in SOURCES:
        folder = files(package) / room if room else files(package)
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.name.endswith((".py", ".txt")):
                digest.update(item.name.encode() + item.read_bytes())
    return digest.hexdigest()


def _load(path: Path) -> Exposure | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            digits = Split(file["images"], file["labels"])
            exposure = Exposure(digits, file["others"])
        path.touch()
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return exposure


def _save(path: Path, exposure: Exposure) -> None:
    file = io.BytesIO()
    np.savez_compressed(
        file,
        images=exposure.digits.images,
        labels=exposure.digits.labels,
        others=exposure.others,
    )
    with contextlib.suppress(StorageError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, file.getvalue())
        ranked = sorted(path.parent.glob("*.npz"), key=lambda item: item.stat().st_mtime)
        for old in ranked[:-KEPT]:
            old.unlink(missing_ok=True)
