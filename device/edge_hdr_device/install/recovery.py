"""Undo what an earlier deployment left half done, as its holder has gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from edge_hdr_device.install import release, switch
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.room import storage
from edge_hdr_device.install.systemd import Systemd


def recover(layout: Layout, spare: Iterable[Path] = ()) -> str:
    """End a trial that nobody watches any more, and remove what was never kept.

    Args:
        layout: of the deployment; the caller holds it.
        spare: files in the work folder that are still needed.

    Returns:
        What was done, one line; empty where nothing was.
    """
    done = []
    if switch.in_trial(layout):
        tried = switch.current_id(layout)
        switch.go_back(layout)
        now = switch.current_id(layout)
        done.append(f"went back from {tried} to {now or 'nothing'}")
        _start_again(layout)
    _sweep(layout, spare)
    removed = release.discard_unkept(layout)
    if removed:
        done.append(f"removed {', '.join(removed)}, which never ran through")
    return "; ".join(done)


def _sweep(layout: Layout, spare: Iterable[Path]) -> None:
    """Empty the work folder."""
    needed = [path.resolve() for path in spare]
    if not layout.work.is_dir():
        return
    with storage(layout.work):
        for entry in layout.work.iterdir():
            if any(path.is_relative_to(entry.resolve()) for path in needed):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _start_again(layout: Layout) -> None:
    systemd = Systemd(layout.mode)
    if not systemd.is_there():
        return
    systemd.daemon_reload()
    if release.current(layout) is None:
        systemd.stop()
        systemd.forget_failure()
    elif systemd.is_enabled():
        systemd.restart()
