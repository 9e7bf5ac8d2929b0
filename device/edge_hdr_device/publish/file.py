"""Lines of JSON to a file that is rotated when it has grown."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge_hdr_device.publish.message import Kind, Message
from edge_hdr_device.publish.outlet import FIRST_WAIT_S, Outlet
from edge_hdr_device.storage import storage_error

TAIL_BYTES = 1 << 20  # the end of a file in which its last whole line is looked for


class FileOutlet(Outlet):
    """One JSON object a line, appended; `path.1` is the newest of the files rotated away.

    Only whole lines stay in the file: what a full disk or a power cut left of one is cut off. A
    file that was moved or deleted by someone else is made anew. Lines are left to the system to
    bring to the disk, which spares an SD card; a power cut may cost those of the last half minute.

    Args:
        path: of the file; its folder is made when missing.
        wants: the kinds of message that are written.
        max_bytes: size beyond which no line is appended any more.
        keep: rotated files that are kept; with 0 the file is begun anew.
        first_wait_s: pause after the first failure.
    """

    def __init__(
        self,
        path: Path,
        *,
        wants: frozenset[Kind],
        max_bytes: int,
        keep: int,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        super().__init__("file", wants=wants, first_wait_s=first_wait_s)
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: int | None = None

    def _open(self) -> None:
        with self._errors():
            self._take_hold()

    def _send(self, message: Message) -> None:
        line = message.to_json() + b"\n"
        with self._errors():
            file = self._current(len(line))
            start_bytes = os.fstat(file).st_size
            try:
                rest = line
                while rest:
                    rest = rest[os.write(file, rest) :]
            except OSError:
                with contextlib.suppress(OSError):  # else `_take_hold` finds the half line
                    os.ftruncate(file, start_bytes)
                raise

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _take_hold(self) -> int:
        """Open the file at its end, behind its last whole line."""
        self._close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(self._path, flags, 0o644)
        if _is_regular(self._file):
            _cut_half_line(self._file)
        return self._file

    def _current(self, line_bytes: int) -> int:
        """Give the open file, after making it anew where it was moved, and rotating it if due."""
        file = self._file
        if file is None or not self._is_in_place(file):
            file = self._take_hold()
        size = os.fstat(file).st_size
        if size and size + line_bytes > self._max_bytes and _is_regular(file):
            self._rotate()
            file = self._take_hold()
        return file

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        """Move each file one number up; the oldest is lost."""
        self._close()
        if self._keep == 0:
            self._path.unlink(missing_ok=True)
        for number in range(self._keep, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number - 1).replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise storage_error(self._path, error) from error


def _is_regular(file: int) -> bool:
    return stat.S_ISREG(os.fstat(file).st_mode)


def _cut_half_line(file: int) -> None:
    """Cut off what follows the last end of a line.

    What does not look like the begin of one of our lines is another's, and only given its end.
    """
    size = os.fstat(file).st_size
    tail_bytes = min(size, TAIL_BYTES)
    os.lseek(file, size - tail_bytes, os.SEEK_SET)
    tail = os.read(file, tail_bytes)
    half = tail[tail.rfind(b"\n") + 1 :]
    if half.startswith(b"{"):
        os.ftruncate(file, size - len(half))
    elif half:
        os.write(file, b"\n")
