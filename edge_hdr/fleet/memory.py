"""What earlier runs made of a fleet's boards, so that the same command goes on where they ended."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_hdr.errors import DeviceStepError
from edge_hdr.fleet.outcome import BoardOutcome
from edge_hdr_device.storage import storage_error, write_atomic

FORMAT = 1


class Memory:
    """Outcomes by board, in a file of the user's state folder; each is written as it comes.

    Args:
        inventory: whose boards they are.
    """

    def __init__(self, inventory: Path) -> None:
        whole = inventory.resolve()
        mark = hashlib.sha256(str(whole).encode(errors="surrogateescape")).hexdigest()[:12]
        self.path = folder() / f"{whole.stem}-{mark}.json"
        self._inventory = str(whole)
        self._boards = self._read()

    def has(self, board: str, release: str) -> BoardOutcome | None:
        """Give the outcome of a board that got this release and no other since, else None."""
        entry = self._boards.get(board)
        if not entry or entry["id"] != release or entry["result"] not in {"updated", "same"}:
            return None
        return BoardOutcome(board, "same")

    def tried(self, board: str, release: str) -> bool:
        """Tell whether a board was asked to take this release, with whatever result."""
        entry = self._boards.get(board)
        return entry is not None and entry["id"] == release

    def keep(self, outcome: BoardOutcome, release: str) -> None:
        """Remember a board's outcome.

        Raises:
            StorageError: the file cannot be written; it is as before.
        """
        self._boards[outcome.board] = {
            "id": release,
            "result": outcome.result,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        content = {"format": FORMAT, "inventory": self._inventory, "boards": self._boards}
        write_atomic(self.path, json.dumps(content, indent=1) + "\n", mode=0o600)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other deployments of the same inventory out.

        Raises:
            DeviceStepError: there is one.
            StorageError: the folder cannot be written.
        """
        lock = self.path.with_suffix(".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = lock.open("a+")
        except OSError as error:
            raise storage_error(lock, error) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise DeviceStepError(
                    f"{self._inventory} is being deployed by process {file.read().strip()}",
                    hint="wait for it, or end it",
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self._boards = self._read()
            yield

    def _read(self) -> dict[str, dict[str, Any]]:
        """Read the file; one that is damaged counts as none: then all boards are asked."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                return {}
            return {
                str(name): {"id": str(entry["id"]), "result": str(entry["result"]), **entry}
                for name, entry in content["boards"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def folder() -> Path:
    """Give the folder of what is remembered of fleets."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local/state"
    return base / "edge-hdr/fleets"
