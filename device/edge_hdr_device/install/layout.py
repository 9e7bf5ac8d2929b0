"""Where a deployment lives on a board: one layout for root, one for a user without root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_hdr_device.system.systemd_unit import NAME

Mode = Literal["system", "user"]


@dataclass(frozen=True)
class Layout:
    """The places of a deployment.

    What runs is `current`, a link to a release. While a switch is on trial, `fallback` is a link to
    the release that goes on if it fails; renaming it over `current` goes back, removing it commits.

    Attributes:
        mode: "system" is root's, with a service of its own user; "user" needs no rights.
        base: folder of releases and of what they share; readable by all.
        etc: folder of the settings.
        state: of the running service: what it remembers, and by default its samples.
        unit: where systemd looks for the unit: a link into the current release.
        command: link that puts `edge-hdr-device` on the PATH.
    """

    mode: Mode
    base: Path
    etc: Path
    state: Path
    unit: Path
    command: Path

    @classmethod
    def system(cls, root: Path = Path("/")) -> Layout:
        """Give root's places below the root of a file system."""
        return cls(
            mode="system",
            base=root / "opt/edge-hdr",
            etc=root / "etc/edge-hdr",
            state=root / "var/lib" / NAME,
            unit=root / f"etc/systemd/system/{NAME}.service",
            command=root / "usr/local/bin/edge-hdr-device",
        )

    @classmethod
    def user(cls, home: Path | None = None) -> Layout:
        """Give a user's places, this one's by default; the same whatever XDG variables say."""
        home = Path.home() if home is None else home
        return cls(
            mode="user",
            base=home / ".local/share/edge-hdr",
            etc=home / ".config/edge-hdr",
            state=home / ".local/state" / NAME,
            unit=home / f".config/systemd/user/{NAME}.service",
            command=home / ".local/bin/edge-hdr-device",
        )

    @property
    def releases(self) -> Path:
        """Give the folder of releases, one each by its payload's id."""
        return self.base / "releases"

    @property
    def runtimes(self) -> Path:
        """Give the folder of unpacked device packages, one each by its hash."""
        return self.base / "runtimes"

    @property
    def environments(self) -> Path:
        """Give the folder of virtual environments, one each by the hash of what is in it."""
        return self.base / "environments"

    @property
    def current(self) -> Path:
        """Give the link to the release that runs."""
        return self.base / "current"

    @property
    def fallback(self) -> Path:
        """Give the link to the release to go back to; there only while a switch is on trial."""
        return self.base / "fallback"

    @property
    def work(self) -> Path:
        """Give the folder of everything half made; whoever finds it without a holder empties it."""
        return self.base / "work"

    @property
    def lock(self) -> Path:
        """Give the file that a deployment holds with flock(2); its text says who holds it."""
        return self.base / "lock"

    @property
    def settle(self) -> Path:
        """Give the script that ends a trial whose installer has gone."""
        return self.base / "settle"

    @property
    def history(self) -> Path:
        """Give the file of what was deployed, a JSON line each."""
        return self.base / "history.jsonl"

    @property
    def config(self) -> Path:
        """Give the settings that the service runs with."""
        return self.etc / "device.toml"

    @property
    def kept_config(self) -> Path:
        """Give the settings from before a switch; they are there only while it is on trial."""
        return self.etc / "device.toml.fallback"

    @property
    def trusted(self) -> Path:
        """Give the public keys that payloads must be signed with, as authorized_keys has them."""
        return self.etc / "trusted-keys"

    @property
    def program(self) -> Path:
        """Give what the unit starts: the launcher of whatever release is current."""
        return self.current / "bin/edge-hdr-device"
