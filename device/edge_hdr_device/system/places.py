"""Which places that the settings name the service can use: what it may see, and where it writes."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device import released
from edge_hdr_device.camera.spec import WORDS, parse
from edge_hdr_device.errors import ConfigError
from edge_hdr_device.settings import CameraConfig, RunConfig
from edge_hdr_device.system.systemd_unit import STATE, check_path, check_visible

READ, SEARCH, WRITE = 4, 1, 3  # bits of a mode; a file is made by who may write and search
OWN_FOLDER = f"name a folder of its own below {STATE} or /srv"
FILES = "keep it in /etc/edge-hdr"
# others rely on them; what lies deeper in them may be the service's own
SYSTEM_FOLDERS = frozenset(
    Path(name)
    for name in (
        *("/", "/var", "/var/log", "/var/lib", "/var/cache", "/var/spool"),
        *("/srv", "/opt", "/mnt", "/media"),
    )
)
# the system's, or closed to the service, down to the last folder
SYSTEM_TREES = tuple(
    Path("/", name)
    for name in (
        *("home", "root", "tmp", "var/tmp", "run", "dev", "proc", "sys"),
        *("etc", "usr", "boot", "bin", "sbin", "lib", "lib64"),
    )
)


@dataclass(frozen=True)
class Account:
    """The user that the service runs as.

    Attributes:
        name: of the user.
        uid: None while there is no such user.
        groups: numbers of those that it is in, under the service.
    """

    name: str
    uid: int | None
    groups: frozenset[int]

    @classmethod
    def find(cls, name: str, groups: Iterable[str]) -> Account:
        """Look a user up; the unit puts it into further groups."""
        wanted = {entry.gr_gid for entry in grp.getgrall() if entry.gr_name in set(groups)}
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return cls(name, None, frozenset(wanted))
        return cls(name, entry.pw_uid, frozenset({*os.getgrouplist(name, entry.pw_gid), *wanted}))

    def is_in(self, group: str) -> bool:
        """Tell whether it is in a group."""
        return any(
            entry.gr_name == group and entry.gr_gid in self.groups for entry in grp.getgrall()
        )

    def may(self, path: Path, want: int) -> bool:
        """Tell by the modes of a path and its folders; True where we may not look ourselves."""
        if self.uid == 0:
            return True
        path = Path(os.path.realpath(path))
        steps = [*((parent, SEARCH) for parent in path.parents), (path, want)]
        return all(self._has(step, bits) for step, bits in steps)

    def _has(self, path: Path, want: int) -> bool:
        try:
            info = path.stat()
        except OSError:
            return True
        shift = 6 if info.st_uid == self.uid else 3 if info.st_gid in self.groups else 0
        return (info.st_mode >> shift) & want == want


def is_there(path: Path) -> bool:
    """Tell whether a path exists; one that we may not look at does."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def secret_files(config: RunConfig) -> dict[str, Path]:
    """List the files that only the service's user should read, by setting."""
    names = {
        "mqtt.credentials": config.mqtt.credentials,
        "mqtt.key": config.mqtt.key,
        "web.key": config.web.key,
        "web.token_file": config.web.token_file,
    }
    return {name: Path(text) for name, text in names.items() if text}


def read_files(config: RunConfig) -> dict[str, Path]:
    """List the other files that the service reads, by setting.

    Raises:
        ConfigError: the camera is none.
        ModelError: the model is neither a path nor one that is released.
    """
    model = config.read.model
    if model in released.names():
        model = ""
    elif model and not Path(model).is_absolute():
        released.find(model)  # a slip in a released name is told as such
    names = {
        "camera.source": _camera_file(config.camera),
        "read.model": model,
        "mqtt.ca": config.mqtt.ca,
        "mqtt.cert": config.mqtt.cert,
        "web.cert": config.web.cert,
    }
    return {name: Path(text) for name, text in names.items() if text}


def written_folders(config: RunConfig, state: Path = STATE) -> dict[str, Path]:
    """List the folders outside the state folder that the service writes to, by setting."""
    folder, file = config.samples.folder, config.output.file
    found = {"samples.folder": Path(folder)} if folder else {}
    found |= {"output.file": Path(file).parent} if file else {}
    return {name: path for name, path in found.items() if not path.is_relative_to(state)}


def check_places(config: RunConfig, *, own: bool = False, state: Path = STATE) -> None:
    """Refuse settings that name a place which the service cannot or must not use.

    Args:
        config: the settings.
        own: whether it is a user's own service, which may use all that the user may.
        state: its state folder.

    Raises:
        ConfigError: a path that is relative, closed to the service, or a folder of the system.
        ModelError: see `read_files`.
    """
    for name, path in (secret_files(config) | read_files(config)).items():
        check_path(path, name)
        if not own:
            check_visible(path, name, FILES)
    for name, text in (
        ("samples.folder", config.samples.folder),
        ("output.file", config.output.file),
    ):
        if text:
            check_path(Path(text), name)
    for name, folder in written_folders(config, state).items():
        if not own:
            _check_free(folder, name)
        if is_there(folder) and os.access(folder, os.F_OK) and not folder.is_dir():
            raise ConfigError(f"{name}: {folder} is a file, not a folder", hint=OWN_FOLDER)


def _check_free(folder: Path, name: str) -> None:
    """Refuse a folder to write to that others rely on."""
    for place in (folder, Path(os.path.realpath(folder))):
        if place in SYSTEM_FOLDERS or any(place.is_relative_to(tree) for tree in SYSTEM_TREES):
            raise ConfigError(
                f"{name}: the service must not write to {place}, a folder of the system",
                hint=OWN_FOLDER,
            )


def _camera_file(config: CameraConfig) -> str:
    """Give the file or folder that the camera is; empty for anything else."""
    source = config.source.strip()
    if not source.startswith("/"):
        parse(config)
    word = source.partition(":")[0]
    is_file = not (word in WORDS or "://" in source or source.isdigit())
    return source if is_file and not source.startswith("/dev/") else ""
