"""What edge-hdr has on a board, as the probe reads it.

It is sent to boards as a script with the probe, and runs on Python 3.6: hence quoted annotations.
"""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

from edge_hdr_device.install.probe_place import Place, exists, link

SERVICE = "edge-hdr-device"
RUNTIME, WHEELS = "runtime.zip", "wheels/"  # members that lie elsewhere, and that are not kept
ID_LETTERS = 12


def find_deployment(place: Place, can_be_root: bool) -> "dict[str, Any] | None":
    """Tell of the deployment that another one would replace, else of the one that is there."""
    modes = ("system", "user") if can_be_root else ("user", "system")
    found = [one for one in (_deployment(place, mode) for mode in modes) if one is not None]
    if not found:
        return None
    other = [one["base"] for one in found[1:] if one["current"]]
    return dict(found[0], other=other[0] if other else None)


def _deployment(place: Place, mode: str) -> "dict[str, Any] | None":
    system = mode == "system"
    base = place.root / "opt/edge-hdr" if system else place.home / ".local/share/edge-hdr"
    etc = place.root / "etc/edge-hdr" if system else place.home / ".config/edge-hdr"
    if not exists(base):
        return None
    current = link(base / "current")
    index = _index(base / "releases" / current) if current else {}
    words = ["--user"] if not system else []
    return {
        "mode": mode,
        "base": str(base),
        "current": current or None,
        "version": index.get("version"),
        "model": index.get("model"),
        "releases": _names(base / "releases"),
        "runtimes": _names(base / "runtimes"),
        "environments": _names(base / "environments"),
        "members": sorted(_members(base)),
        "service": place.run("systemctl", *words, "is-active", SERVICE) or None,
        "trusted": _count_keys(etc / "trusted-keys"),
        "trial": bool(link(base / "fallback")),
        "held": _holder(place, base / "lock"),
    }


def _members(base: Path) -> "set[str]":
    """Give the hashes of what need not be sent again."""
    found = set()
    for name in _names(base / "releases"):
        folder = base / "releases" / name
        for member, entry in _index(folder).get("members", {}).items():
            digest, size = str(entry.get("sha256")), entry.get("bytes")
            if member == RUNTIME:
                is_there = exists(base / "runtimes" / digest[:ID_LETTERS])
            else:
                is_there = not member.startswith(WHEELS) and _size(folder / member) == size
            if is_there:
                found.add(digest)
    return found


def _index(release: Path) -> "dict[str, Any]":
    with contextlib.suppress(OSError, ValueError):
        document = json.loads((release / "payload.json").read_text(encoding="utf-8"))
        if isinstance(document, dict):
            return document
    return {}


def _names(folder: Path) -> "list[str]":
    with contextlib.suppress(OSError):
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return []


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return -1


def _count_keys(path: Path) -> "int | None":
    """Count the keys that payloads must be signed with; None where we may not look."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    return sum(1 for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _holder(place: Place, lock: Path) -> "dict[str, Any] | None":
    """Tell who deploys right now; the lock is looked at, not tried."""
    with contextlib.suppress(OSError):
        number = lock.stat().st_ino
        if re.search(rf"FLOCK .*:{number} ", place.text("proc/locks")):
            with contextlib.suppress(ValueError):
                said = json.loads(lock.read_text(encoding="utf-8", errors="replace") or "{}")
                return {"by": str(said.get("by", "")), "since": said.get("since")}
            return {"by": "", "since": None}
    return None
