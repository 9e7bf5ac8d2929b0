"""The archives of a payload: their index, and members that are checked while they are written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edge_hdr_device.install.index import (
    INDEX,
    MEMBERS,
    RUNTIME,
    SIGNATURE,
    Index,
    Member,
    PayloadError,
)
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.storage import storage_error

BLOCK_BYTES = 1 << 18
MAX_INDEX_BYTES, MAX_SIGNATURE_BYTES = 1 << 20, 1 << 12
AGAIN = "copy or bundle it again"
_DAMAGE = (  # what zipfile and zlib raise for a file that was cut or changed
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # an encrypted entry; NotImplementedError, too
)


@dataclass(frozen=True)
class _Source:
    """One of the archives."""

    path: Path
    zip: zipfile.ZipFile

    def read(self, name: str, most: int) -> bytes | None:
        """Give a small entry; None where there is none."""
        try:
            with self.zip.open(name) as entry:
                content = entry.read(most + 1)
        except KeyError:
            return None
        except _DAMAGE as error:
            raise _damaged(self.path, error) from error
        if len(content) > most:
            raise PayloadError(f"{self.path}: {name} is too large", hint=AGAIN)
        return content


class Archive:
    """A payload in one or several archives: the first that has an index counts.

    Nothing of a member is given out before its size and hash are those of the index; whether the
    index itself can be trusted is for `trust.check` to say.

    Attributes:
        index: what the payload says of itself.
        index_bytes: the same as it was signed.
        signature: the line that goes with it; None for an unsigned payload.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the archives and read the index.

        Args:
            paths: of the archives; those without an index only bring members.

        Raises:
            PayloadError: a file is missing, truncated or no payload.
        """
        with contextlib.ExitStack() as opened:
            self._sources = [_open(path, opened) for path in paths]
            self.index_bytes, self.signature = self._head()
            self.index = Index.from_bytes(self.index_bytes)
            self._opened = opened.pop_all()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the archives."""
        self._opened.close()

    def has(self, name: str) -> bool:
        """Tell whether a member came along."""
        return self._source(name) is not None

    def check(self, name: str) -> None:
        """Read a member and keep nothing of it.

        Raises:
            PayloadError: it is not there, damaged, or not what the index says.
        """
        self._copy(name, lambda block: None, None)

    def extract(self, name: str, to: Path, *, held: Mapping[str, Path] | None = None) -> None:
        """Write a member to a file that is whole or not there.

        Args:
            name: of the index.
            to: the file; one that is there is replaced.
            held: members that this board has by their hash, for those that did not come along.

        Raises:
            PayloadError: nobody has it, or it is damaged, or not what the index says.
            StorageError: the file cannot be written; nothing of it is left.
        """
        half = to.with_name(f"{to.name}.part")
        try:
            try:
                to.parent.mkdir(parents=True, exist_ok=True)
                with half.open("wb") as file:
                    self._copy(name, _writer(file, to), held)
                    _finish(file, to)
                half.replace(to)
            except OSError as error:
                raise storage_error(to, error) from error
        except BaseException:
            with contextlib.suppress(OSError):
                half.unlink()
            raise

    def _head(self) -> tuple[bytes, str | None]:
        for source in self._sources:
            content = source.read(INDEX, MAX_INDEX_BYTES)
            if content is not None:
                signature = source.read(SIGNATURE, MAX_SIGNATURE_BYTES)
                line = None if signature is None else signature.decode("ascii", "replace").strip()
                return content, line
        names = ", ".join(str(source.path) for source in self._sources)
        raise PayloadError(f"{names}: no payload of edge-hdr", hint="make one: edge-hdr bundle")

    def _source(self, name: str) -> _Source | None:
        known = name in self.index.members
        having = (item for item in self._sources if known and MEMBERS + name in item.zip.NameToInfo)
        return next(having, None)

    def _copy(
        self, name: str, take: Callable[[bytes], None], held: Mapping[str, Path] | None
    ) -> None:
        """Give a member piece by piece; too much of it, too little or another is an error."""
        member = self.index.members.get(name)
        if member is None:
            raise PayloadError(f"the payload lacks {name}", hint=AGAIN)
        digest, size = hashlib.sha256(), 0
        source = self._source(name)
        kept = (held or {}).get(member.sha256)
        if source is None and kept is None:
            raise PayloadError(
                f"the payload lacks {name}, and this board does not have it",
                hint="give the whole payload, or all its parts at once",
            )
        pieces = _from_zip(source, MEMBERS + name) if source else _from_file(kept or Path())
        for block in pieces:
            size += len(block)
            if size > member.size_bytes:
                break
            digest.update(block)
            take(block)
        if size != member.size_bytes or digest.hexdigest() != member.sha256:
            where = source.path if source else kept
            raise PayloadError(f"{where}: {name} is not what the index says", hint=AGAIN)


def held(layout: Layout) -> dict[str, Path]:
    """Find the members that a board has, by their hash.

    Returns:
        Files of its releases; for `runtime.zip` the folder that it was unpacked to.
    """
    found: dict[str, Path] = {}
    for path in sorted(layout.releases.glob(f"*/{INDEX}")):
        with contextlib.suppress(OSError, PayloadError):
            members = Index.from_bytes(path.read_bytes()).members
            for name, member in members.items():
                if place := _place(layout, path.parent, name, member):
                    found[member.sha256] = place
    return found


def _place(layout: Layout, release: Path, name: str, member: Member) -> Path | None:
    if name == RUNTIME:
        folder = layout.runtimes / member.sha256[:12]
        return folder if folder.is_dir() else None
    file = release / name
    return file if file.is_file() and file.stat().st_size == member.size_bytes else None


def _open(path: Path, opened: contextlib.ExitStack) -> _Source:
    try:
        file = opened.enter_context(path.open("rb"))
        return _Source(path, opened.enter_context(zipfile.ZipFile(file)))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise PayloadError(
            f"cannot read {path}: {error.strerror}", hint="give a payload: edge-hdr bundle"
        ) from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> PayloadError:
    return PayloadError(f"{path} is truncated, damaged or no payload: {error}", hint=AGAIN)


def _from_zip(source: _Source, name: str) -> Iterator[bytes]:
    try:
        with source.zip.open(name) as entry:
            while block := entry.read(BLOCK_BYTES):
                yield block
    except _DAMAGE as error:
        raise _damaged(source.path, error) from error


def _from_file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise PayloadError(
            f"cannot read {path}: {error.strerror}", hint="give the whole payload"
        ) from error


def _writer(file: BinaryIO, to: Path) -> Callable[[bytes], None]:
    def write(block: bytes) -> None:
        try:
            file.write(block)
        except OSError as error:
            raise storage_error(to, error) from error

    return write


def _finish(file: BinaryIO, to: Path) -> None:
    try:
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o644)
    except OSError as error:
        raise storage_error(to, error) from error
