"""The folder of a release: what is in it, how it is started, and the links that lead to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import InputError
from edge_hdr_device.install import index as names
from edge_hdr_device.install import switch
from edge_hdr_device.install.index import Index, Member, PayloadError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.links import put_link
from edge_hdr_device.install.room import storage, sync, unless_full
from edge_hdr_device.storage import write_atomic

UNIT, LAUNCHER = "edge-hdr-device.service", "bin/edge-hdr-device"
RUNTIME_LINK, VENV_LINK = "runtime", "venv"
NOTE = "installed.json"  # written when a trial was passed: when, by whom, what ran before
LEFT_CONFIG = "left.toml"  # the settings that ran with it, where a later deployment changed them

LAUNCHER_TEXT = """\
#!/bin/sh
# Start this release with its own model, through whatever link it was reached.
here=$(readlink -f -- "$0")
release=${here%/bin/*}
PYTHONPATH=$release/runtime
EDGE_HDR_MODEL=$release/model.tflite
export PYTHONPATH EDGE_HDR_MODEL
exec "$release/venv/bin/python" -P -m edge_hdr_device "$@"
"""


@dataclass(frozen=True)
class Release:
    """A release on this board.

    Attributes:
        folder: of it.
        index: of the payload that it was made of.
        note: what was noted when its trial was passed; empty where nothing was.
    """

    folder: Path
    index: Index
    note: dict[str, Any]

    @property
    def id(self) -> str:
        """Give its name."""
        return self.folder.name

    @property
    def launcher(self) -> Path:
        """Give its command."""
        return self.folder / LAUNCHER

    @property
    def environment(self) -> str:
        """Give the key of its virtual environment."""
        with contextlib.suppress(OSError):
            return (self.folder / VENV_LINK).readlink().name
        return ""

    def config(self, *, left: bool = False) -> bytes | None:
        """Give the settings that came with it; None where none did.

        Args:
            left: prefer those that it ran with when another release took its place.
        """
        order = [LEFT_CONFIG, names.CONFIG] if left else [names.CONFIG]
        for name in order:
            with contextlib.suppress(FileNotFoundError):
                return (self.folder / name).read_bytes()
        return None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "id": self.id,
            "version": self.index.version,
            "model": self.index.model,
            "installed_at": self.note.get("time"),
            "by": self.note.get("by"),
        }


def read(folder: Path) -> Release | None:
    """Read a release; None where there is none, or only a part of one."""
    try:
        index = Index.from_bytes((folder / names.INDEX).read_bytes())
    except (OSError, InputError):
        return None
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = {}
    return Release(folder, index, note if isinstance(note, dict) else {})


def releases(layout: Layout) -> list[Release]:
    """List the releases on this board that passed their trial, the one that ran last first."""
    found = (read(layout.releases / name) for name in switch.kept_ids(layout))
    return [one for one in found if one]


def current(layout: Layout) -> Release | None:
    """Give the release that runs; None where there is none."""
    running = switch.current_id(layout)
    return read(layout.releases / running) if running else None


def note_kept(layout: Layout, release_id: str, *, by: str, previous: str | None) -> None:
    """Note that a release passed its trial, when, by whom, and what ran before it."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    document = {"time": time, "by": by, "previous": previous}
    write_atomic(layout.releases / release_id / NOTE, json.dumps(document) + "\n")


def begin(folder: Path, index: Index, index_bytes: bytes, signature: str | None) -> None:
    """Make the folder of a release, with its index, launcher and link to its runtime."""
    with storage(folder):
        (folder / "bin").mkdir(parents=True)
        (folder / RUNTIME_LINK).symlink_to(f"../../runtimes/{index.runtime}")
    write_atomic(folder / names.INDEX, index_bytes)
    if signature:
        write_atomic(folder / names.SIGNATURE, signature.rstrip("\n") + "\n")
    write_atomic(folder / LAUNCHER, LAUNCHER_TEXT, mode=0o755)


def use_environment(folder: Path, key: str) -> None:
    """Link a release to its virtual environment."""
    put_link(folder / VENV_LINK, f"../../environments/{key}")


def finish(layout: Layout, made: Path, release_id: str) -> Path:
    """Put a finished folder among the releases, and everything on the disk.

    An earlier one of the same id that does not run gives way.
    """
    place = layout.releases / release_id
    with storage(place):
        layout.releases.mkdir(exist_ok=True)
        if place.exists():
            place.rename(made.with_name(f"{made.name}.old"))
        made.rename(place)
        sync(layout.base)
    return place


def unpack_runtime(layout: Layout, archive: Path, runtime: str) -> None:
    """Unpack the device package beside what runs, compiled.

    Raises:
        PayloadError: the archive holds something else.
    """
    import compileall
    import zipfile

    made = layout.work / f"runtime-{runtime}.part"
    with storage(made):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        try:
            with zipfile.ZipFile(archive) as package:
                for entry in package.infolist():
                    _check_entry(entry.filename)
                package.extractall(made)
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise PayloadError(
                f"the device package in the payload cannot be read: {error}",
                hint="bundle it again",
            ) from error
        _open_to_readers(made)
        compileall.compile_dir(made, quiet=2, legacy=False)
        layout.runtimes.mkdir(exist_ok=True)
        made.rename(layout.runtimes / runtime)


def _check_entry(name: str) -> None:
    parts = name.rstrip("/").split("/")
    if parts[0] != "edge_hdr_device" or any(part in {"", ".", ".."} for part in parts):
        raise PayloadError(f"the device package has an entry {name!r}", hint="bundle it again")


def _open_to_readers(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        Path(place).chmod(0o755)
        for name in files:
            (Path(place) / name).chmod(0o644)


def files(index: Index) -> dict[str, Member]:
    """Give the members that lie in a release's folder, by name."""
    return {
        name: member
        for name, member in index.members.items()
        if name != names.RUNTIME and not names.is_wheel(name)
    }


def holds(path: Path, member: Member) -> bool:
    """Tell whether a file is a payload's member, by its hash."""
    try:
        return path.stat().st_size == member.size_bytes and Member.of(path.read_bytes()) == member
    except OSError:
        return False


def environment_of(folder: Path) -> dict[str, str]:
    """Give the environment variables by which a release's own Python finds its package."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
    return {
        **kept,
        "PYTHONPATH": str(folder / RUNTIME_LINK),
        "EDGE_HDR_MODEL": str(folder / names.MODEL),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def discard(layout: Layout, release_id: str) -> None:
    """Remove a release; by rename first, so that no half of one is ever seen."""
    place, gone = layout.releases / release_id, layout.work / f"{release_id}.gone"
    with storage(place):
        if place.is_dir():
            with unless_full():
                layout.work.mkdir(exist_ok=True)
            if not layout.work.is_dir():
                (place / names.INDEX).unlink(missing_ok=True)  # without it, it is none
                gone = place
            else:
                shutil.rmtree(gone, ignore_errors=True)
                place.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def discard_unkept(layout: Layout) -> list[str]:
    """Remove releases that never passed a trial and do not run; gives their ids."""
    with contextlib.suppress(FileNotFoundError):
        good = {*switch.kept_ids(layout), switch.current_id(layout)}
        left = [path.name for path in sorted(layout.releases.iterdir()) if path.name not in good]
        for name in left:
            discard(layout, name)
        return left
    return []
