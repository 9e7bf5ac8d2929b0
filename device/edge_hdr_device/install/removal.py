"""Remove a deployment: all of it, or all but what its user collected and wrote."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_hdr_device.config import resolve
from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.install import configuration, holding, links, switch
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.room import storage
from edge_hdr_device.install.service_choice import LINGERING, marker
from edge_hdr_device.install.systemd import Systemd
from edge_hdr_device.install.trial import ASIDE
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.system.systemd_unit import USER

# what the runtime remembers in its state folder; everything else in there is its user's
REMEMBERED = ("web-token", "delegates.json", "selftest")
# what a deployment makes in its base, in the order in which it goes; the lock is the last
BASE = (
    *("current", "fallback", "settle", "history.jsonl", LINGERING),
    *("releases", "runtimes", "environments", "work", "lock"),
)
SAMPLES = "samples"  # where they are kept in the state folder, if the settings say so
ETC = ("device.toml.fallback", "trusted-keys")


@dataclass
class Removal:
    """What was removed and what was kept.

    Attributes:
        mode: whose deployment it was.
        removed: in words, in their order.
        kept: places that stay, with the reason.
    """

    mode: str
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {"mode": self.mode, "removed": self.removed, "kept": self.kept}


def uninstall(layout: Layout, *, purge: bool = False, by: str = "") -> Removal:
    """Stop the service and remove the deployment.

    Killed half-way and run again it ends the same.

    Args:
        layout: of the deployment.
        purge: remove what was collected, the settings and the service's user as well.
        by: who does it.

    Raises:
        DeviceStepError: a deployment is at work.
        StorageError: something cannot be removed.
    """
    found = Removal(layout.mode)
    if not _is_there(layout, purge=purge):
        return found
    settings = _settings(layout)
    with holding.hold(layout, by=by or "edge-hdr-device uninstall", guard=False):
        if switch.in_trial(layout):
            switch.go_back(layout)
        with storage(layout.base):
            _remove_service(layout, found)
            _remove_state(layout, found, purge=purge)
            if purge:
                _remove_collected(layout, settings, found)
            else:
                found.kept += _collected(layout, settings)
            _remove_settings(layout, found, purge=purge)
            _remove_base(layout, found, purge=purge)
    if layout.mode == "user":
        _remove_unit_folders(layout, found)
    if purge and layout.mode == "system":
        _remove_user(found)
    return found


def _is_there(layout: Layout, *, purge: bool) -> bool:
    places = [*(layout.base / name for name in BASE), layout.unit, layout.command]
    places += [layout.base]
    places += [layout.state, layout.etc] if purge else [layout.state / n for n in REMEMBERED]
    return any(os.path.lexists(place) for place in places)


def _settings(layout: Layout) -> RunConfig:
    with contextlib.suppress(EdgeHdrError):
        return resolve({}, file=layout.config, environment={})
    return RunConfig()


def _remove_service(layout: Layout, found: Removal) -> None:
    systemd = Systemd(layout.mode)
    ours = links.leads_to(layout.unit, layout.base)
    if ours and systemd.is_there():
        systemd.stop()
        systemd.disable()
        found.removed.append("the service")
    if ours:
        layout.unit.unlink(missing_ok=True)
        found.removed.append(str(layout.unit))
    if systemd.is_there():
        systemd.daemon_reload()
        systemd.forget_failure()
    aside = layout.unit.with_name(layout.unit.name + ASIDE)
    if aside.exists():
        found.kept.append(f"{aside} (a unit that was there before)")
    if links.remove_link(layout.command, layout.base):
        found.removed.append(str(layout.command))
    if marker(layout).exists():
        systemd.linger_no_more()
        found.removed.append("lingering of this user")


def _remove_unit_folders(layout: Layout, found: Removal) -> None:
    """Remove the folders of a user's units where nothing is in them."""
    folder = layout.unit.parent
    for place in (*sorted(folder.glob("*.wants")), folder, folder.parent):
        _remove_if_empty(place, found)


def _remove_state(layout: Layout, found: Removal, *, purge: bool) -> None:
    names = [path.name for path in _entries(layout.state)] if purge else list(REMEMBERED)
    for name in names:
        _remove(layout.state / name, found)
    _remove_if_empty(layout.state, found)


def _collected(layout: Layout, settings: RunConfig) -> list[str]:
    """Name what was collected, wherever it is."""
    kept = dict.fromkeys([*_samples(settings), layout.state / SAMPLES])
    places = [(path, "samples") for path in kept]
    places += [(path, "readings") for path in _readings(settings)]
    named = [f"{path} ({what})" for path, what in places if path.exists()]
    known = [path for path, _ in places]
    return named + [
        f"{path} (not ours)"
        for path in _entries(layout.state)
        if not any(one == path or path in one.parents for one in known)
    ]


def _remove_collected(layout: Layout, settings: RunConfig, found: Removal) -> None:
    for path in [*_samples(settings), *_readings(settings)]:
        if not path.is_relative_to(layout.state):
            _remove(path, found)


def _samples(settings: RunConfig) -> list[Path]:
    return [Path(settings.samples.folder).expanduser()] if settings.samples.folder else []


def _readings(settings: RunConfig) -> list[Path]:
    """List the file of readings with those that it was rotated to."""
    if not settings.output.file:
        return []
    file = Path(settings.output.file).expanduser()
    name = re.compile(re.escape(file.name) + r"(\.\d+)?")
    return [path for path in _entries(file.parent) if name.fullmatch(path.name)]


def _remove_settings(layout: Layout, found: Removal, *, purge: bool) -> None:
    content = None
    with contextlib.suppress(EdgeHdrError):
        content = configuration.present(layout)
    if content is not None and (purge or not configuration.is_own(layout, content)):
        _remove(layout.config, found)
    names = [path.name for path in _entries(layout.etc)] if purge else list(ETC)
    for name in names:
        _remove(layout.etc / name, found)
    found.kept += [f"{path} (settings)" for path in _entries(layout.etc)]
    _remove_if_empty(layout.etc, found)


def _remove_base(layout: Layout, found: Removal, *, purge: bool) -> None:
    others = [path.name for path in _entries(layout.base) if path.name not in BASE]
    halves = [name for name in others if name.startswith(".") and name.endswith(".part")]
    for name in (*(others if purge else halves), *BASE):
        _remove(layout.base / name, found)
    found.kept += [f"{path} (not ours)" for path in _entries(layout.base)]
    _remove_if_empty(layout.base, found)


def _remove_user(found: Removal) -> None:
    if configuration.service_account(Layout.system()) is None:
        return
    done = holding.run(["userdel", USER])
    if done.returncode:
        said = done.stderr.strip().splitlines() or [str(done.returncode)]
        found.kept.append(f"the user {USER} ({said[-1]})")
    else:
        found.removed.append(f"the user {USER}")


def _remove(path: Path, found: Removal) -> None:
    """Remove a file, a link or a folder with all that is in it."""
    if not os.path.lexists(path):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    found.removed.append(str(path))


def _remove_if_empty(folder: Path, found: Removal) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
        found.removed.append(str(folder))


def _entries(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []
