"""The error tree of `edge_hdr_device.errors`, and how to name the nearest known word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from edge_hdr_device.errors import (
    CheckFailedError,
    ConfigError,
    DataError,
    DependencyError,
    DeviceStepError,
    EdgeHdrError,
    ImageError,
    InputError,
    ModelError,
    StorageError,
    UnreachableError,
    UsageError,
)

__all__ = [
    "CheckFailedError",
    "ConfigError",
    "DataError",
    "DependencyError",
    "DeviceStepError",
    "EdgeHdrError",
    "ImageError",
    "InputError",
    "ModelError",
    "StorageError",
    "UnreachableError",
    "UsageError",
    "nearest",
]


def nearest(word: str, known: Iterable[str]) -> str:
    """Phrase a hint that names the known word nearest to an unknown one.

    Args:
        word: what the user wrote.
        known: the words that would have been accepted.

    Returns:
        "did you mean X? known: A, B, X"; without the question when nothing is near.
    """
    names = sorted(known)
    match = difflib.get_close_matches(word, names, n=1, cutoff=0.4)
    question = f"did you mean {match[0]}? " if match else ""
    return f"{question}known: {', '.join(names)}"
