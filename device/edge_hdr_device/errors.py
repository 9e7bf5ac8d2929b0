"""Every error that edge-hdr raises on purpose.

    EdgeHdrError                  the base; nothing raises it directly
    ├── UsageError           2    the command line does not make sense
    ├── InputError           3    something given to us cannot be used
    │   ├── ImageError       3    an image that cannot be read
    │   │   └── SomeUnreadableError 3   of several images; the others were read
    │   ├── DataError        3    a data set: missing, truncated, wrong checksum, one class only
    │   ├── ConfigError      3    a configuration file, key or value
    │   ├── ModelError       3    no TFLite file, another shape, more classes, a damaged manifest
    │   ├── DependencyError  3    a package that this command needs is not installed
    │   └── StorageError     3    a place that cannot be written: it exists, is full or is read-only
    ├── UnreachableError     4    a board, a server or the network does not answer
    │   └── CameraError      4    a camera: missing, busy, forbidden, silent, without a format
    ├── DeviceStepError      5    a step on the device failed
    └── CheckFailedError     6    a check failed: accuracy, latency, canary

The number is the process's exit code. 0 is success, 1 a bug, 130 an interruption.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class EdgeHdrError(Exception):
    """Carry one clear line about what is wrong and one about what to do.

    Args:
        message: what is wrong, one line, naming the file, key or value.
        hint: what to do about it, one line; empty when there is nothing to add.
    """

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EdgeHdrError):
    """The command line does not make sense."""

    code = "usage"
    exit_code = 2


class InputError(EdgeHdrError):
    """Something given to us cannot be used."""

    code = "input"
    exit_code = 3


class ImageError(InputError):
    """An image cannot be read or has an unusable size."""

    code = "image"


class SomeUnreadableError(ImageError):
    """Some of several pictures could not be read; the others' results are in `data`."""

    def __init__(self, failed: int, total: int, data: dict[str, Any]) -> None:
        super().__init__(
            f"{failed} of {total} images could not be read",
            hint="the others were read; each failure is named above",
        )
        self.data = data


class DataError(InputError):
    """A data set is missing, truncated, damaged or has too few classes."""

    code = "data"


class ConfigError(InputError):
    """A configuration file, key or value is wrong."""

    code = "config"


class ModelError(InputError):
    """A model file is no TFLite file, is damaged or has another interface than needed."""

    code = "model"


class DependencyError(InputError):
    """A package that this command needs is not installed."""

    code = "dependency"


class StorageError(InputError):
    """A file or folder cannot be written: it exists already, the disk is full or read-only."""

    code = "storage"


class UnreachableError(EdgeHdrError):
    """A board, a server or the network does not answer."""

    code = "unreachable"
    exit_code = 4


class CameraError(UnreachableError):
    """A camera gives no pictures: it is missing, busy, forbidden, silent or has gone."""

    code = "camera"


class DeviceStepError(EdgeHdrError):
    """A step on the device failed."""

    code = "device-step"
    exit_code = 5


class CheckFailedError(EdgeHdrError):
    """A check that the user asked for failed: accuracy, latency or the canary."""

    code = "check-failed"
    exit_code = 6


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
