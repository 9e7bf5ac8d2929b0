"""A folder of crops of limited size: the oldest go first, an index says what each one is.

    FOLDER/unsure/<guess>/NUMBER-TIME.png      rejected, or accepted with little confidence
    FOLDER/accepted/<label>/NUMBER-TIME.png    some of those that were accepted
    FOLDER/frames/NUMBER-TIME.png              whole frames, where they are asked for
    FOLDER/index.jsonl                         a line of JSON for each

`unsure` and `accepted` are each a folder that `edge-hdr build --data` takes, once a person has
moved wrong ones to the folder of their class.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.results import stamp
from edge_hdr_device.storage import write_atomic

INDEX = "index.jsonl"
BLOCK_BYTES = 4096  # a small file takes a block of the disk
SPARE_BYTES, SPARE_SHARE = 50_000_000, 0.05  # so much of the disk is left to others
STALE_LINES, STALE_SHARE = 64, 0.25  # the index may have so many more lines than files
_NAME = re.compile(r"(\d{10})-\d{8}T\d{6}\.\d{3}Z\.png")

Kind = Literal["unsure", "accepted", "frames"]


@dataclass(frozen=True)
class Sample:
    """A crop, or a whole frame, to be kept.

    Attributes:
        kind: unsure, accepted, or frames.
        label: what it was read as; empty for a frame.
        image: uint8 (H, W) grey, or (H, W, 3) BGR, as captured.
        time_s: wall clock of the capture, in seconds since 1970.
        facts: what else the index says of it, JSON-ready.
    """

    kind: Kind
    label: str
    image: NDArray[np.uint8]
    time_s: float
    facts: dict[str, Any]


@dataclass(frozen=True)
class _File:
    """A file of the ring."""

    path: Path
    size_bytes: int


class SampleRing:
    """Keep samples in a folder up to a size; used by one thread.

    Numbers rise over restarts and whatever the clock does, so the order of names is the order of
    capture and no file is written over.

    Args:
        folder: made when missing.
        max_bytes: of disk that all files and the index take together.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._files: deque[_File] = deque()
        self._number = 0
        self._lines = self._index_bytes = self._file_bytes = 0
        self._is_open = False

    @property
    def size_bytes(self) -> int:
        """Give the disk space taken."""
        return self._file_bytes + self._index_bytes

    @property
    def files(self) -> int:
        """Give the number of files kept."""
        return len(self._files)

    def write(self, samples: list[Sample]) -> int:
        """Store samples in their order; the oldest files make room.

        Returns:
            How many were stored; fewer than given where one is larger than the ring.

        Raises:
            OSError: the folder cannot be written or the disk is full; nothing of these is kept.
        """
        if not self._is_open:
            self._open()
        stored: list[_File] = []
        lines: list[str] = []
        try:
            for sample in samples:
                data = _png(sample.image)
                if self._make_room(_on_disk(len(data)) + BLOCK_BYTES):
                    file = self._store(sample, data)
                    stored.append(file)
                    lines.append(self._line(file, sample))
            self._append(lines)
        except BaseException:
            self._is_open = False  # what is there is looked at again before the next one
            for file in stored:
                file.path.unlink(missing_ok=True)
            raise
        self._compact_if_stale()
        return len(stored)

    def _open(self) -> None:
        """Learn what the folder holds: sizes, the newest number, the index."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = sorted(_ours(self._folder), key=lambda file: file.path.name)
        for torn in [file for file in found if not file.size_bytes]:  # by a power cut
            torn.path.unlink(missing_ok=True)
        self._files = deque(file for file in found if file.size_bytes)
        self._file_bytes = sum(_on_disk(file.size_bytes) for file in self._files)
        names = [file.path.name for file in self._files]
        names += [name for name, _ in _named(self._index_text())]
        self._number = max((int(name[:10]) for name in names), default=0)
        self._compact()
        self._is_open = True

    def _store(self, sample: Sample, data: bytes) -> _File:
        self._number += 1
        moment = re.sub(r"[-:]", "", stamp(sample.time_s))
        folder = self._folder / sample.kind / _folder_name(sample.label)
        path = folder / f"{self._number:010d}-{moment}.png"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as target:
                target.write(data)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        file = _File(path, len(data))
        self._files.append(file)
        self._file_bytes += _on_disk(file.size_bytes)
        return file

    def _line(self, file: _File, sample: Sample) -> str:
        fields = {
            "file": file.path.relative_to(self._folder).as_posix(),
            "label": sample.label or None,
            "time": stamp(sample.time_s),
            **sample.facts,
        }
        return json.dumps(fields) + "\n"

    def _append(self, lines: list[str]) -> None:
        """Add to the index, and bring it and all before it to disk."""
        if not lines:
            return
        with (self._folder / INDEX).open("a", encoding="utf-8") as index:
            index.writelines(lines)
            index.flush()
            os.fsync(index.fileno())
            self._index_bytes = _on_disk(index.tell())
        self._lines += len(lines)

    def _make_room(self, wanted: int) -> bool:
        """Remove the oldest until so many bytes fit; False when they never will."""
        if wanted > self._max_bytes:
            return False
        while self._files and self.size_bytes + wanted > self._max_bytes:
            file = self._files[0]
            file.path.unlink(missing_ok=True)  # a person may have moved it
            with contextlib.suppress(OSError):  # an empty class would be refused as data
                file.path.parent.rmdir()
            self._files.popleft()
            self._file_bytes -= _on_disk(file.size_bytes)
            self._compact_if_stale()
        disk = os.statvfs(self._folder)
        spare = min(SPARE_BYTES, SPARE_SHARE * disk.f_blocks * disk.f_frsize)
        if disk.f_bavail * disk.f_frsize - wanted < spare:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
        return True

    def _compact_if_stale(self) -> None:
        allowed = (1 + STALE_SHARE) * len(self._files) + STALE_LINES
        if self._lines > (allowed if self._files else 0):
            self._compact()

    def _compact(self) -> None:
        """Write the index anew with the lines whose files are still there."""
        before = self._index_text()
        kept = {file.path.name for file in self._files}
        lines = [line for name, line in _named(before) if name in kept]
        after = "".join(lines)
        if after != before:
            write_atomic(self._folder / INDEX, after)
        self._lines, self._index_bytes = len(lines), _on_disk(len(after))

    def _index_text(self) -> str:
        try:
            return (self._folder / INDEX).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""


def _ours(folder: Path) -> Iterator[_File]:
    """List the files that a ring wrote, wherever below the folder a person has moved them."""
    for place, _, names in os.walk(folder):
        for name in names:
            if _NAME.fullmatch(name):
                path = Path(place) / name
                with contextlib.suppress(FileNotFoundError):
                    yield _File(path, path.stat().st_size)


def _named(index: str) -> Iterator[tuple[str, str]]:
    """Give an index's lines with the names of their files; one that was cut off is left out."""
    for line in index.splitlines(keepends=True):
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            name = json.loads(line)["file"].rpartition("/")[2]
            if _NAME.fullmatch(name) and line.endswith("\n"):
                yield name, line


def _on_disk(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _folder_name(label: str) -> str:
    """Give a class's folder; only characters that no file system minds stand for themselves."""
    name = quote(label, safe=" +=,;()[]'!@#$&")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _png(image: NDArray[np.uint8]) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", image)[1])
