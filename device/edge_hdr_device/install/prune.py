"""Remove old releases, and the runtimes and environments that no release links to any more."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from edge_hdr_device.install import release as folder
from edge_hdr_device.install import switch
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.storage import storage_error


def prune(layout: Layout, keep: int) -> list[str]:
    """Make room: leave the latest releases and what they need.

    The current release, the one before it and one to fall back to always stay. A release is renamed
    out of its place before its files go, so a kill never leaves half a release that looks whole.

    Args:
        layout: of the deployment; the caller holds it.
        keep: releases that stay in all, the current one included.

    Returns:
        The ids of the removed releases.

    Raises:
        StorageError: one of them cannot be moved away.
    """
    if not layout.releases.is_dir():
        return []
    gone = [path for path in _folders(layout.releases) if path.name not in _staying(layout, keep)]
    for path in gone:
        _remove(layout, path)
    for shared, link in (
        (layout.runtimes, folder.RUNTIME_LINK),
        (layout.environments, folder.VENV_LINK),
    ):
        linked = _linked(layout, link)
        for path in _folders(shared):
            if path.name not in linked:
                _remove(layout, path)
    return [path.name for path in gone]


def _staying(layout: Layout, keep: int) -> set[str]:
    """Choose: what runs, what ran before it, then the latest that did well."""
    current = switch.current_id(layout)
    others = [name for name in switch.kept_ids(layout) if name != current]
    always = (current, switch.previous_id(layout), switch.fallback_id(layout))
    return {name for name in always if name} | set(others[: max(keep - 1, 1)])


def _linked(layout: Layout, link: str) -> set[str]:
    """Give the names that the releases' links of a kind lead to, there or not."""
    names = set()
    for release in _folders(layout.releases):
        with contextlib.suppress(OSError):
            names.add((release / link).readlink().name)
    return names


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())
    except FileNotFoundError:
        return []


def _remove(layout: Layout, path: Path) -> None:
    """Take a folder away: out of its place in one step, then file by file."""
    gone = layout.work / f"{path.parent.name}-{path.name}.gone"
    try:
        layout.work.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(gone, ignore_errors=True)
        os.replace(path, gone)  # noqa: PTH105 - the system's own call, which a test counts
        switch.sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    shutil.rmtree(gone, ignore_errors=True)
