"""Keep arrays that took long to make in the user's cache; the oldest use goes first."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.cache import cache_dir
from edge_hdr.errors import StorageError
from edge_hdr_device.storage import write_atomic

Arrays = Mapping[str, NDArray[Any]]
Room = tuple[str, str]  # a package and a folder of it, empty for the package's own modules


def made_once(
    folder: str, make: Callable[[], Arrays], *facts: object, names: set[str], most: int
) -> Arrays:
    """Give what is in the cache, or make it and put it there.

    A cache that cannot be written or read costs time, nothing else.

    Args:
        folder: of the cache.
        make: makes the arrays.
        facts: everything that they follow from, their code too; their `repr` is the key.
        names: of the arrays.
        most: files that stay in the folder; the one used longest ago goes first.
    """
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
    path = cache_dir() / folder / f"{key}.npz"
    found = _load(path)
    if found is None or set(found) != names:
        found = make()
        _save(path, found, most)
    return found


@cache
def code(rooms: tuple[Room, ...]) -> str:
    """Digest the modules and lists of rooms, from which what is made follows."""
    digest = hashlib.sha256()
    for package, room in rooms:
        folder = files(package) / room if room else files(package)
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.name.endswith((".py", ".txt")):
                digest.update(item.name.encode() + item.read_bytes())
    return digest.hexdigest()


def _load(path: Path) -> Arrays | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            found = dict(file)
        path.touch()
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return found


def _save(path: Path, arrays: Arrays, most: int) -> None:
    file, named = io.BytesIO(), dict[str, Any](arrays)
    np.savez_compressed(file, **named)
    with contextlib.suppress(StorageError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, file.getvalue())
        ranked = sorted(path.parent.glob("*.npz"), key=lambda item: item.stat().st_mtime)
        for old in ranked[:-most]:
            old.unlink(missing_ok=True)
