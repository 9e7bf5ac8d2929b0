"""Whether what the settings want written can be written where they want it."""

from __future__ import annotations

import os
from pathlib import Path

from edge_hdr_device.errors import StorageError
from edge_hdr_device.settings import RunConfig


def check_places(config: RunConfig) -> None:
    """Tell whether samples and the file of readings can be written where they are wanted.

    Raises:
        StorageError: one cannot; nothing was made.
    """
    if config.samples.folder:
        _check_folder("samples.folder", config.samples.folder, Path(config.samples.folder))
    if config.output.file:
        _check_folder("output.file", config.output.file, Path(config.output.file).parent)


def _check_folder(setting: str, text: str, folder: Path) -> None:
    """Refuse a folder that is not there, and cannot be made either, or that takes no files."""
    what = ""
    try:
        folder = folder.expanduser().absolute()
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not nearest.is_dir():
            what = f"{nearest} is a file, not a folder"
        elif not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
            what = f"{nearest} cannot be written by this user"
        elif os.statvfs(nearest).f_flag & os.ST_RDONLY:
            what = f"{nearest} is mounted read-only"
    except PermissionError as error:  # it lies within a folder that is closed to this user
        what = f"{error.filename} is closed to this user"
    except OSError as error:
        what = f"{error.filename}: {error.strerror}"
    except RuntimeError:
        what = "there is no such home"
    if what:
        raise StorageError(
            f"{setting} = {text!r}: {what}",
            hint=f"set {setting} to a place that this user may write, on the board itself",
        )
