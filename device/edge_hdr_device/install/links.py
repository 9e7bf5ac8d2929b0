"""Links into a deployment: put in place in one step, and told from what is somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

from edge_hdr_device.install.room import storage


def put_link(link: Path, target: str | Path) -> None:
    """Make or change a link in one step."""
    with storage(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        beside = link.with_name(f".{link.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(target)
        beside.replace(link)


def leads_to(link: Path, base: Path) -> bool:
    """Tell whether a path is a link into a deployment."""
    try:
        return Path(os.path.normpath(link.parent / link.readlink())).is_relative_to(base)
    except OSError:
        return False


def remove_link(link: Path, base: Path) -> bool:
    """Remove a link if it is one into a deployment; tell whether it was."""
    if not leads_to(link, base):
        return False
    with storage(link):
        link.unlink(missing_ok=True)
    return True


def steady_wants(unit: Path) -> None:
    """Let what starts a unit at boot lead to the unit, not to the release that it is of today."""
    for folder in unit.parent.glob("*.wants"):
        if (link := folder / unit.name).is_symlink():
            put_link(link, f"../{unit.name}")
