"""The archive of a payload: the same entries give the same bytes, and nothing is written twice."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import edge_hdr_device
from edge_hdr.errors import StorageError
from edge_hdr_device import released
from edge_hdr_device.install.index import Member

PIECE_BYTES = 1 << 18
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644 << 16
_STORED = ".whl"  # compressed already


@dataclass(frozen=True)
class WheelFile:
    """A wheel that stays on the disk until it is written.

    Attributes:
        path: of the file.
        member: what it was when the payload was built.
    """

    path: Path
    member: Member

    @classmethod
    def of(cls, path: Path) -> WheelFile:
        """Describe a file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(path, Member(digest, path.stat().st_size))

    def read(self) -> bytes:
        """Read it.

        Raises:
            StorageError: it has gone or changed since the payload was built.
        """
        again = "run the same command again"
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror}", hint=again) from error
        if Member.of(content) != self.member:
            raise StorageError(f"{self.path} has changed meanwhile", hint=again)
        return content


Content = bytes | WheelFile  # what an entry of the archive holds


def runtime_archive(package: Path | None = None, models: Path | None = None) -> bytes:
    """Pack the device package with the released models, the same bytes from the same files.

    Nothing is compressed here, so that the bytes depend on no compressor.

    Args:
        package: folder of the device package; by default the one that is imported.
        models: folder of released models; by default those that `released` finds.
    """
    package = package or Path(edge_hdr_device.__file__).parent
    models = models or released.folder()
    files = {f"{package.name}/released/{name}": path for name, path in _files(models)}
    files |= {f"{package.name}/{name}": path for name, path in _files(package)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            archive.writestr(_entry(name, zipfile.ZIP_STORED), files[name].read_bytes())
    return packed.getvalue()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in inside.parts:
            yield inside.as_posix(), path


class _Sink(io.RawIOBase):
    """Take what `zipfile` writes, and give it on; it cannot seek, so nothing is written twice."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._held.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        held, self._held = b"".join(self._held), []
        for start in range(0, len(held), PIECE_BYTES):
            yield held[start : start + PIECE_BYTES]


def zipped(entries: Mapping[str, Content]) -> Iterator[bytes]:
    """Write a zip with fixed dates and modes, in the order of the names."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in sorted(entries):
            method = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
            content = entries[name]
            raw = content if isinstance(content, bytes) else content.read()
            archive.writestr(_entry(name, method), raw, compresslevel=9)
            yield from sink.taken()
    yield from sink.taken()


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type, info.create_system, info.external_attr = method, _UNIX, _MODE
    return info
