"""Make a release the current one on trial, then keep it or go back; whole at every instant.

A switch begins by naming what to go back to, and ends by removing that name. Between any two calls
of the system a kill or a power cut leaves a state that `settle` turns into the one before.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from importlib import resources
from pathlib import Path

from edge_hdr_device.errors import DeviceStepError, StorageError
from edge_hdr_device.install.children import run
from edge_hdr_device.install.index import INDEX
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.room import is_full
from edge_hdr_device.storage import storage_error, write_atomic

NONE = "none"  # what a link of a trial says where there was nothing before
KEPT = "kept"  # file of a release that was current and did well; its time orders them
SETTLE_S = 60.0


def current_id(layout: Layout) -> str | None:
    """Give the id of the release that is current; None when there is none."""
    return _linked(layout.current)


def fallback_id(layout: Layout) -> str | None:
    """Give the id of the release to go back to; None outside a trial, or when there was none."""
    found = _linked(layout.fallback)
    return None if found == NONE else found


def in_trial(layout: Layout) -> bool:
    """Tell whether a switch was neither kept nor undone yet."""
    return layout.fallback.is_symlink()


def kept_ids(layout: Layout) -> list[str]:
    """Give the releases that were current and did well, the latest first."""
    marks = {path.parent.name: _age(path) for path in layout.releases.glob(f"*/{KEPT}")}
    return sorted(marks, key=lambda name: (-marks[name], name))


def previous_id(layout: Layout) -> str | None:
    """Give the release that was current before the one that is; None when it is not here."""
    current = current_id(layout)
    whole = (name for name in kept_ids(layout) if (layout.releases / name / INDEX).is_file())
    return next((name for name in whole if name != current), None)


def begin(layout: Layout, release_id: str, config: bytes | None = None) -> None:
    """Make a release current, on trial.

    Args:
        layout: of the deployment; the caller holds it.
        release_id: of a release that is whole.
        config: settings that come with it; None leaves those that are there.

    Raises:
        DeviceStepError: a trial goes on already, or there is no such release.
        StorageError: a link or the settings cannot be written; `go_back` undoes what was done.
    """
    if in_trial(layout):
        raise DeviceStepError(
            f"the switch to {current_id(layout)} is on trial still", hint="go back or keep it first"
        )
    if not (layout.releases / release_id).is_dir():
        raise DeviceStepError(f"there is no release {release_id}", hint="edge-hdr deploy again")
    before = current_id(layout)
    if before is not None and not (layout.releases / before / KEPT).exists():
        _mark_kept(layout)  # the power went right after its trial
    try:
        _remove(layout.kept_config)  # a trial that has ended needs it no more
        _link(layout, layout.fallback, NONE if before is None else f"releases/{before}")
        if config is not None:
            _set_config(layout, config)
        _link(layout, layout.current, f"releases/{release_id}")
    except OSError as error:
        raise storage_error(layout.base, error) from error


def commit(layout: Layout) -> None:
    """End the trial: what is current stays."""
    try:
        _remove(layout.fallback)  # from here on it stays
        _remove(layout.kept_config)
    except OSError as error:
        raise storage_error(layout.base, error) from error
    _mark_kept(layout)


def go_back(layout: Layout) -> None:
    """Undo a trial, and remove everything half made; the caller holds the deployment.

    What runs is not touched: the service's manager is to be told by the caller.

    Raises:
        DeviceStepError: it could not be undone, as where the disk cannot be written any more.
    """
    try:
        done = run(["/bin/sh", "-c", _script(layout), "settle", "held"], timeout_s=SETTLE_S)
        said = done.stderr.strip().splitlines() or [f"code {done.returncode}"]
        failed = done.returncode != 0
    except (OSError, subprocess.TimeoutExpired) as error:
        said, failed = [str(error)], True
    if failed or in_trial(layout):
        raise DeviceStepError(
            f"cannot go back to what ran before: {said[0]}",
            hint=f"repair that, then run as its owner: {shlex.quote(str(layout.settle))}",
        )


def write_settle(layout: Layout) -> None:
    """Write the script that undoes a trial whose installer has gone.

    On a full disk that of another version stays; it goes back just as well.

    Raises:
        StorageError: it cannot be written; one that was there stays.
    """
    text = os.fsencode(_script(layout))
    with contextlib.suppress(OSError):
        if layout.settle.read_bytes() == text and os.access(layout.settle, os.X_OK):
            return
    try:
        write_atomic(layout.settle, text, mode=0o755)
    except StorageError as error:
        if is_full(error) and os.access(layout.settle, os.X_OK):
            return
        raise
    with contextlib.suppress(OSError):
        sync_folder(layout.base)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, so that a power cut cannot undo them."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _script(layout: Layout) -> str:
    places = {
        "manager": layout.mode,
        "base": layout.base,
        "etc": layout.etc,
        "unit": layout.unit,
        "command": layout.command,
    }
    template = resources.files(__package__).joinpath("settle.sh").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda found: shlex.quote(str(places[found[1]])), template)


def _linked(link: Path) -> str | None:
    try:
        return Path(os.readlink(link)).name  # noqa: PTH115 - the text of it, as it is written
    except OSError:
        return None


def _link(layout: Layout, link: Path, target: str) -> None:
    """Make a link, or put it in another's place, in one step."""
    new = layout.work / f"{link.name}.new"
    try:
        layout.work.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        if not is_full(error):
            raise
        new = layout.base / f".{link.name}.part"  # settle sweeps it as well
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)  # noqa: PTH108 - the system's own calls, which a test counts
    os.symlink(target, new)  # noqa: PTH211
    os.replace(new, link)  # noqa: PTH105
    sync_folder(link.parent)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.exists():
        os.unlink(path)  # noqa: PTH108
        sync_folder(path.parent)


def _set_config(layout: Layout, content: bytes) -> None:
    """Put new settings in place; the old ones, or that there were none, are kept for a way back."""
    config, kept = layout.config, layout.kept_config
    config.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600  # it may hold a password
    if not (config.is_symlink() or config.exists()):
        os.symlink(NONE, kept)  # noqa: PTH211
        owner = None
    else:
        with contextlib.suppress(FileNotFoundError):  # of a link to nowhere
            if config.read_bytes() == content:
                return
        owner = config.lstat() if config.is_symlink() else config.stat()
        mode = mode if config.is_symlink() else owner.st_mode & 0o777
        _keep(config, kept)
    sync_folder(kept.parent)
    write_atomic(config, content, mode=mode)
    if owner is not None and os.geteuid() == 0:
        os.chown(config, owner.st_uid, owner.st_gid)
    sync_folder(config.parent)


def _keep(config: Path, kept: Path) -> None:
    """Give the settings a second name; where that cannot be, a copy beside, then renamed."""
    try:
        os.link(config, kept, follow_symlinks=False)
    except OSError:
        half = config.with_name(f".{config.name}.copy.part")
        shutil.copy2(config, half, follow_symlinks=False)
        os.replace(half, kept)  # noqa: PTH105


def _mark_kept(layout: Layout) -> None:
    """Note that the current release did well, later than every other, whatever the clock says."""
    current = current_id(layout)
    if current is None:
        return
    marks = [_age(path) for path in layout.releases.glob(f"*/{KEPT}")]
    time_ns = max([time.time_ns(), *(mark + 1_000_000_000 for mark in marks)])
    mark = layout.releases / current / KEPT
    with contextlib.suppress(OSError):  # a full disk does not undo a release that does well
        mark.touch()
        os.utime(mark, ns=(time_ns, time_ns))


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
