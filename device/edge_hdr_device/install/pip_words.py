"""What pip's words mean for a person, and which wheels it would miss."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from edge_hdr_device.errors import DeviceStepError, EdgeHdrError, StorageError, UnreachableError

FULL = ("No space left on device", "Disk quota exceeded")
READ_ONLY = "Read-only file system"
SILENT = (
    *("connection broken by", "Failed to establish a new connection", "Connection refused"),
    *("Name or service not known", "Temporary failure in name resolution", "timed out"),
    *("Network is unreachable", "Cannot connect to proxy", "CERTIFICATE_VERIFY_FAILED"),
)
MISSING = ("No matching distribution found", "Could not find a version that satisfies")
LINES = 3


def offline_lacks(requirements: Iterable[str], wheels: Path | None) -> list[str]:
    """List the exact pins that no wheel of a folder is named after."""
    names = [path.name for path in wheels.glob("*.whl")] if wheels else []
    there = {tuple(_plain(part) for part in name.split("-")[:2]) for name in names}
    return [pin for pin in requirements if tuple(map(_plain, pin.split("=="))) not in there]


def pip_error(said: str, *, wheels: Path | None, lacking: list[str]) -> EdgeHdrError:
    """Make an error of what pip said when it failed.

    Args:
        said: all of it.
        wheels: folder of wheels that it had; None for none.
        lacking: pins that were not among them.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = " / ".join(lines[-LINES:]) or "no word"
    if any(word in said for word in FULL):
        return StorageError(
            "pip cannot install the packages: the disk is full",
            hint="free some space, then run it again; nothing was left half written",
        )
    if READ_ONLY in said:
        return StorageError(
            "pip cannot install the packages: the file system is read-only",
            hint="make it writable, then run it again",
        )
    if any(word in said for word in SILENT):
        return UnreachableError(
            f"the package index does not answer: {last}",
            hint="check this board's network and clock, or bring the wheels: deploy --offline",
        )
    if any(word in said for word in MISSING):
        pin = re.search(r"(?:found for|requirement) ([\w.-]+==[\w.]+)", said)
        name = pin[1] if pin else "a package"
        if wheels is not None and not lacking:
            return DeviceStepError(
                f"the payload's wheels are not for this board: none of {name} fits",
                hint="bundle it for this board: edge-hdr bundle --offline --for TARGET",
            )
        return UnreachableError(
            f"the package index has no {name} for this board, or does not answer",
            hint="check this board's network, or bring the wheels: deploy --offline",
        )
    return DeviceStepError(f"pip failed: {last}", hint="see what it says, then run it again")


def _plain(word: str) -> str:
    return re.sub(r"[-_.]+", "-", word).lower()
