"""What `data scenes` has drawn into a folder before, by its own `labels.json`."""

from __future__ import annotations

import json
import re
from pathlib import Path

LABELS, GALLERY = "labels.json", "gallery.png"
_OWN_KEYS = {"file", "digits", "boxes", "clutter", "severity", "factors", "seed"}
_OWN_NAME = re.compile(r"\d{4,}\.(jpg|png)")


def drawn(folder: Path) -> list[str]:
    """List the pictures that a folder's labels name as scenes.

    Returns:
        Names of files of the folder; none where there are no labels, or others than of scenes.
    """
    try:
        entries = json.loads((folder / LABELS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(entries, list):
        return []
    names = [entry["file"] for entry in entries
             if isinstance(entry, dict) and entry.keys() >= _OWN_KEYS]  # fmt: skip
    is_own = len(names) == len(entries) and all(
        isinstance(name, str) and _OWN_NAME.fullmatch(name) for name in names
    )
    return names if is_own else []


def clear(folder: Path) -> None:
    """Remove the scenes of a folder, their labels and the contact sheet; nothing else.

    Raises:
        OSError: one of them cannot be removed.
    """
    if names := drawn(folder):
        for name in (*names, GALLERY, LABELS):
            (folder / name).unlink(missing_ok=True)
