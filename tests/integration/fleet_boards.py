"""Boards of a fleet for tests: folders as homes, and a payload whose installer is a stand-in.

The stand-in keeps to the installer's contract (its words, its lines, its document, its places) and
does what files in a board's home say, so that a fleet of many costs little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_hdr import fleet
from edge_hdr.fleet.inventory import Board
from edge_hdr_device.install.index import CANARY, MODEL, RUNTIME, Index, Member

INSTALLER = """
import json, os, sys, time
from pathlib import Path

home, words = Path(os.environ["HOME"]), sys.argv[1:]
base = home / ".local/share/edge-hdr"
beside = sorted(path.name for path in Path(words[1]).parent.iterdir())
with (home / "calls").open("a") as calls:
    calls.write(json.dumps([*words, *beside]) + "\\n")
runs = os.readlink(base / "current").split("/")[-1] if (base / "current").is_symlink() else None

def tell(event, step, detail=""):
    print(json.dumps({"event": event, "step": step, "detail": detail}), flush=True)

def end(data, error=None):
    document = {"schema": 1, "command": "install", "ok": error is None}
    print(json.dumps({**document, "data": data, "error": error}))
    sys.exit(error["exit_code"] if error else 0)

if "--dry-run" in words:
    end({"id": IDENT, "changed": runs != IDENT})
tell("begin", "lock")
tell("end", "lock")
tell("begin", "canary")
(home / "begun").touch()
time.sleep(float((home / "slow").read_text()) if (home / "slow").exists() else 0)
if (home / "fails").exists():
    error = {"code": "check-failed", "message": "7 of 10 digits", "hint": "train more"}
    end({"step": "canary"}, {**error, "exit_code": 6})
if (home / "crashes").exists():
    sys.exit("Traceback: it broke")
tell("end", "canary")
if (home / "warns").exists():
    tell("warn", "health", "no frames yet")
(base / "releases" / IDENT).mkdir(parents=True, exist_ok=True)
program = base / "releases" / IDENT / "bin/edge-hdr-device"
program.parent.mkdir(exist_ok=True)
data = {"mode": "user", "current": {"id": IDENT, "model": "m"}, "service": None, "ready": None}
document = {"schema": 1, "command": "status", "ok": True, "data": data, "error": None}
program.write_text(f"#!/bin/sh\\necho '{json.dumps(document)}'\\n")
program.chmod(0o755)
(base / "new").symlink_to(f"releases/{IDENT}")
(base / "new").rename(base / "current")
token = None if runs else "secret-token"
end({"id": IDENT, "previous": runs, "changed": runs != IDENT, "token": token})
"""


def stand_in(path: Path, name: str) -> str:
    """Write a payload with the stand-in for an installer.

    Returns:
        The release's id.
    """
    contents = {RUNTIME: b"runtime", MODEL: name.encode(), CANARY: b"{}"}
    members = {key: Member.of(content) for key, content in contents.items()}
    index = Index("0.1.0", f"{name}@000000000000", members)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__main__.py", INSTALLER.replace("IDENT", repr(index.id)))
        archive.writestr("payload.json", index.to_bytes())
    return index.id


class StandIns:
    """Packs the same parcel for every board.

    Args:
        path: of the payload; written.
        name: of its model; another name is another release.
        wheels: brought to every board.
    """

    def __init__(self, path: Path, name: str = "first", wheels: Path | None = None) -> None:
        self.id = stand_in(path, name)
        self.path = path
        self._parcel = fleet.Parcel(self.id, path, wheels)

    def plain(self, known: Sequence[Board], folder: Path) -> dict[str, fleet.Parcel]:
        """Give each board the parcel."""
        return {board.name: self._parcel for board in known}

    def with_wheels(
        self, engine: object, inventory: Path, parcels: Mapping[str, fleet.Parcel]
    ) -> dict[str, fleet.Parcel]:
        """Add nothing."""
        return dict(parcels)


class Homes:
    """Boards that are folders of this machine.

    Args:
        folder: of the homes and the inventory.
        count: of boards, b01 and so on.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.names = [f"b{number:02}" for number in range(1, count + 1)]
        self.hosts: dict[str, dict[str, Any]] = {}
        self.uploads = folder / "uploads"
        self.uploads.mkdir(parents=True)
        for name in self.names:
            self.home(name).mkdir()
            self.hosts[name] = {
                "ansible_connection": "local",
                "edge_hdr_environment": {"HOME": str(self.home(name))},
            }

    def home(self, name: str) -> Path:
        """Give a board's home."""
        return self.folder / name

    def tell(self, name: str, word: str, text: str = "") -> None:
        """Have a board's installer behave: "fails", "crashes", "warns", or "slow" by seconds."""
        (self.home(name) / word).write_text(text)

    def install(self, name: str, packer: StandIns) -> None:
        """Have a board run a release already."""
        command = [sys.executable, str(packer.path), "install", str(packer.path)]
        environment = {**os.environ, "HOME": str(self.home(name))}
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def inventory(self, **groups: list[str]) -> Path:
        """Write the inventory, with groups of boards."""
        path = self.folder / "fleet.yml"
        ours = {"edge_hdr_user_mode": True, "edge_hdr_uploads": str(self.uploads)}
        whole: dict[str, Any] = {"all": {"hosts": self.hosts, "vars": ours}}
        whole |= {name: {"hosts": {board: {} for board in names}} for name, names in groups.items()}
        path.write_text(json.dumps(whole))
        return path

    def runs(self, name: str) -> str | None:
        """Give the release that a board runs."""
        link = self.home(name) / ".local/share/edge-hdr/current"
        return link.readlink().name if link.is_symlink() else None

    def calls(self, name: str) -> list[list[str]]:
        """Give the words of each call of a board's installer, and the files beside its payload."""
        path = self.home(name) / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def refuse(self, name: str, port: int) -> None:
        """Let a board be one at a port of this machine where nobody listens."""
        self.hosts[name] = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": "pi"}

    def behind(self, user: str, port: int, *names: str) -> None:
        """Let boards be reached by an sshd of this machine."""
        for name in names:
            del self.hosts[name]["ansible_connection"]
            self.hosts[name] |= {
                "ansible_host": "127.0.0.1",
                "ansible_port": port,
                "ansible_user": user,
            }
