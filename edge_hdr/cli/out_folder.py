"""The folder for a command's results: tried before the work, and filled whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from edge_hdr.cli.evaluate import claim_out
from edge_hdr_device.storage import storage_error

PROBE = bytes(1 << 16)  # smaller than any report, so that a disk with less room is found out


class OutFolder:
    """Hold the folder of `--out` while its results are made.

    On entry it is made and written to; on exit, what was made is removed if nothing came into it.

    Args:
        path: of the folder.
        force: whether it may hold something already.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.path, self._force = path, force
        self._made: list[Path] = []

    def __enter__(self) -> OutFolder:
        """Make the folder and try to write in it.

        Raises:
            StorageError: it cannot be written, is a file, or holds something and `force` is not
                given.
        """
        try:
            claim_out(self.path, force=self._force)
            self._make()
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(PROBE)
        except OSError as error:
            self._remove_empty()
            raise storage_error(self.path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folders that were made and are empty."""
        self._remove_empty()

    def write(self, contents: Mapping[str, str]) -> list[str]:
        """Write all files, or none.

        Args:
            contents: text by the file's name.

        Returns:
            The files' paths.

        Raises:
            StorageError: they cannot be written; the folder is as before.
        """
        try:
            with tempfile.TemporaryDirectory(prefix=".part.", dir=self.path) as stage:
                for name, text in contents.items():
                    _write_through(Path(stage) / name, text)
                for name in contents:
                    (Path(stage) / name).replace(self.path / name)
        except OSError as error:
            raise storage_error(self.path, error) from error
        return [str(self.path / name) for name in contents]

    def _make(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)

    def _remove_empty(self) -> None:
        with contextlib.suppress(OSError):
            while self._made:
                self._made.pop().rmdir()


def _write_through(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
