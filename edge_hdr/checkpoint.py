"""Checkpoints of a training phase: one file a phase, replaced whole after each epoch."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import StorageError
from edge_hdr_device.storage import write_atomic


@dataclass(frozen=True)
class Checkpoint:
    """All that a phase needs to go on after an interruption.

    Attributes:
        epochs: how many are done.
        history: a row for each of them.
        arrays: every variable of model, optimizer and average, in order.
        best: validation accuracy and averaged weights of the best epoch, for early stopping.
    """

    epochs: int
    history: list[dict[str, Any]]
    arrays: list[NDArray[Any]]
    best: tuple[float, list[NDArray[Any]]] = field(default=(-1.0, []))


@dataclass(frozen=True)
class CheckpointStore:
    """A folder of checkpoints.

    Attributes:
        folder: where they lie; None keeps nothing.
        write: False on a worker that is not the chief of a shared folder.
    """

    folder: Path | None
    write: bool = True

    def path(self, phase: str) -> Path | None:
        """Give the file of a phase."""
        return self.folder / f"{phase}.npz" if self.folder else None

    def save(self, phase: str, checkpoint: Checkpoint) -> None:
        """Replace the phase's checkpoint.

        Raises:
            StorageError: it cannot be written; the one before is unharmed.
        """
        path = self.path(phase)
        if path is None or not self.write:
            return
        arrays = {f"v{index}": array for index, array in enumerate(checkpoint.arrays)}
        arrays |= {f"b{index}": array for index, array in enumerate(checkpoint.best[1])}
        head = {
            "epochs": checkpoint.epochs,
            "history": checkpoint.history,
            "best": checkpoint.best[0],
        }
        file = io.BytesIO()
        arrays["head"] = np.array(json.dumps(head))
        np.savez(file, allow_pickle=False, **arrays)
        write_atomic(path, file.getvalue())

    def load(self, phase: str) -> Checkpoint | None:
        """Read the phase's checkpoint, None when there is none.

        Raises:
            StorageError: the file is damaged.
        """
        path = self.path(phase)
        if path is None or not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                head = json.loads(str(file["head"]))
                names = set(file.files)
                arrays = [file[f"v{index}"] for index in range(_count(names, "v"))]
                best = [file[f"b{index}"] for index in range(_count(names, "b"))]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise StorageError(
                f"the checkpoint {path} is damaged", hint="remove it, or start again with --force"
            ) from error
        return Checkpoint(head["epochs"], head["history"], arrays, (head["best"], best))


def _count(names: set[str], prefix: str) -> int:
    return sum(name.startswith(prefix) and name[1:].isdigit() for name in names)
