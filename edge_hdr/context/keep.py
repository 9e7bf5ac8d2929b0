"""Keep gathered material in the user's cache, so that a second training draws nothing."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import numpy as np

from edge_hdr.context.material import Material
from edge_hdr.data.cache import cache_dir
from edge_hdr.errors import StorageError
from edge_hdr.exposure.keep import code
from edge_hdr_device.storage import write_atomic

KEPT = 4  # files; the one used longest ago goes first


def kept(make: Callable[[], Material], *facts: object) -> Material:
    """Give what is in the cache, or make it and put it there.

    Args:
        make: gathers it.
        facts: everything besides the code that it follows from; their `repr` is the key.
    """
    own = (files("edge_hdr.context") / "gather.py").read_bytes()
    key = hashlib.sha256(repr((facts, code())).encode() + own).hexdigest()[:24]
    path = cache_dir() / "context" / f"{key}.npz"
    found = _load(path)
    if found is None:
        found = make()
        _save(path, found)
    return found


def _load(path: Path) -> Material | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            found = Material(**{name: file[name] for name in file.files})
        path.touch()
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return found


def _save(path: Path, material: Material) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **asdict(material))
    with contextlib.suppress(StorageError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, file.getvalue())
        ranked = sorted(path.parent.glob("*.npz"), key=lambda item: item.stat().st_mtime)
        for old in ranked[:-KEPT]:
            old.unlink(missing_ok=True)
