"""Bring a board's samples here: only what is missing, never over anything else.

Nothing that an archive of the board says is used as a path: only files that were asked for by name
are taken, and only regular ones.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from edge_hdr.errors import ConfigError, DeviceStepError, StorageError, UsageError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.storage import write_atomic

if TYPE_CHECKING:
    from edge_hdr.remote import Installed
    from edge_hdr.transport import Connection

Progress = Callable[[str, int, int | None], None]

INDEX = "index.jsonl"
AS_ROOT = ("sudo", "-n", "--")
PLAIN = ("env", "LC_ALL=C")  # their complaints are read
BATCH_FILES, BATCH_BYTES = 256, 16_000_000
LIST_S, BATCH_S = 120.0, 1800.0
IN_MEMORY_BYTES = 2 * BATCH_BYTES
_RING_NAME = re.compile(r"\d{10}-\d{8}T\d{6}\.\d{3}Z\.png")  # unique, wherever it is moved to
_HALF_MADE = re.compile(r"\..*\.part")


@dataclass
class Pulled:
    """What came of a pull.

    Attributes:
        folder: on the board.
        out: here.
        fetched: files that came now.
        fetched_bytes: of these.
        present: files that were here before, whatever folder they have been moved to.
        gone: files that the board removed meanwhile, to make room.
        conflicts: files here that differ from the board's of the same name; they stay as they are.
    """

    folder: str
    out: Path
    fetched: int = 0
    fetched_bytes: int = 0
    present: int = 0
    gone: int = 0
    conflicts: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {**vars(self), "out": str(self.out)}


def board_folder(connection: Connection, installed: Installed) -> str:
    """Ask a board's settings where its samples are kept.

    Raises:
        UnreachableError: it does not answer.
        ConfigError: its settings cannot be read.
        DeviceStepError: no samples are kept there.
    """
    user = installed.mode == "user"
    layout = Layout.user(Path(installed.base).parents[2]) if user else Layout.system()
    argv: Sequence[str] = ("cat", str(layout.config))
    if installed.may_be_root:
        argv = installed.as_owner(argv)
    done = connection.run(argv, check=False)
    try:
        settings = tomllib.loads(done.stdout.decode())
    except ValueError as error:
        raise ConfigError(
            f"{connection.target}: {layout.config} cannot be read: {error}", hint="repair it there"
        ) from error
    table = settings.get("samples")
    folder = table.get("folder") if isinstance(table, dict) else None
    if not folder or not isinstance(folder, str):
        raise DeviceStepError(
            f"{connection.target} keeps no samples",
            hint=f'set folder = "{layout.state}/samples" in [samples] of {layout.config} there',
        )
    return folder


def pull(
    connection: Connection,
    folder: str,
    out: Path,
    *,
    as_root: bool = False,
    progress: Progress | None = None,
) -> Pulled:
    """Fetch the samples that are not here yet; after a cut, the next call goes on from there.

    Args:
        connection: to the board.
        folder: of the samples there, an absolute path.
        out: where to; made when missing.
        as_root: read them by sudo.
        progress: gets a name, the bytes done and all bytes.

    Raises:
        UsageError: `folder` is relative.
        UnreachableError: the connection was lost; what had come whole is kept.
        DeviceStepError: there is no such folder, or it cannot be read.
        StorageError: `out` cannot be written.
    """
    if not folder.startswith("/"):
        raise UsageError(f"the folder {folder!r} is not absolute", hint="write it from / on")
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file", hint="name a folder")
    prefix = (*(AS_ROOT if as_root else ()), *PLAIN)
    there = _list(connection, folder, prefix)
    result = Pulled(folder, out)
    missing = _missing(there, result)
    total = sum(missing.values())
    for batch in _batches(missing):
        _fetch(connection, batch, result, prefix)
        if progress is not None:
            progress("samples", total if result.gone else result.fetched_bytes, total)
    if INDEX in there:
        _merge_index(connection, result, prefix)
    return result


def _list(connection: Connection, folder: str, prefix: Sequence[str]) -> dict[str, int]:
    """Give the size of each file, by its path below the folder."""
    words = (*prefix, "find", f"{folder.rstrip('/')}/", "-type", "f", "-printf", r"%s %P\0")
    done = connection.run(words, timeout_s=LIST_S, check=False)
    complaints = [line for line in done.stderr.splitlines() if "No such file" not in line]
    if done.returncode and not complaints and not done.stdout:
        raise DeviceStepError(
            f"{connection.target} has no folder {folder}",
            hint="no sample was kept there yet, or name the right one by --folder",
        )
    if done.returncode and complaints:
        raise DeviceStepError(
            f"{connection.target}: {folder} cannot be read: {complaints[-1]}",
            hint="log in as root, as its owner, or as a user with passwordless sudo",
        )
    found = {}
    for entry in done.stdout.split(b"\0")[:-1]:
        size, _, name = os.fsdecode(entry).partition(" ")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not size.isdigit() or not name:
            raise DeviceStepError(
                f"{connection.target}: the list of {folder} makes no sense: {name!r}",
                hint="look at that folder there",
            )
        if not _HALF_MADE.fullmatch(path.name):
            found[name] = int(size)
    return found


def _missing(there: dict[str, int], result: Pulled) -> dict[str, int]:
    """Give those files of the board that are not here; count and note the others."""
    moved = {
        name: (Path(place) / name).stat().st_size
        for place, _, names in os.walk(result.out)
        for name in names
        if _RING_NAME.fullmatch(name)
    }
    missing = {}
    for name, size in there.items():
        if name == INDEX:
            continue
        here = result.out / name
        known = here.stat().st_size if here.is_file() else moved.get(PurePosixPath(name).name)
        if known is None and not os.path.lexists(here):
            missing[name] = size
        elif known == size:
            result.present += 1
        else:
            result.conflicts.append(name)
    return missing


def _batches(files: dict[str, int]) -> Iterator[dict[str, int]]:
    """Cut a list into pieces that a cut connection may cost."""
    batch: dict[str, int] = {}
    for name, size in sorted(files.items()):
        if batch and (len(batch) == BATCH_FILES or sum(batch.values()) + size > BATCH_BYTES):
            yield batch
            batch = {}
        batch[name] = size
    if batch:
        yield batch


def _fetch(
    connection: Connection, batch: dict[str, int], result: Pulled, prefix: Sequence[str]
) -> None:
    """Bring some files here; those that came whole before an error are kept."""
    tar = ("tar", "-C", result.folder, "--null", "--no-recursion", "-cf", "-", "-T", "-")
    names = b"".join(os.fsencode(name) + b"\0" for name in batch)
    before = result.fetched + len(result.conflicts)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as spool:
        try:
            connection.copy((*prefix, *tar), spool, send=names, timeout_s=BATCH_S)
        except DeviceStepError as error:  # it also fails when a file went meanwhile
            _unpack(spool, batch, result)
            came = result.fetched + len(result.conflicts) - before
            if not came and "Cannot stat" not in error.message:
                raise
            result.gone += len(batch) - came
        except BaseException:
            _unpack(spool, batch, result)
            raise
        else:
            _unpack(spool, batch, result)


def _unpack(spool: IO[bytes], wanted: dict[str, int], result: Pulled) -> None:
    """Write the files of an archive that were asked for; one that was cut off is left out."""
    spool.seek(0)
    asked = set(wanted)
    try:
        with tarfile.open(fileobj=spool, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or member.name not in asked:
                    continue
                data = content.read()
                if len(data) == member.size:
                    asked.discard(member.name)
                    _write(result, member.name, data, member.mtime)
    except (tarfile.TarError, EOFError):
        return  # the rest did not come


def _write(result: Pulled, name: str, data: bytes, modified_s: float) -> None:
    path = result.out / name
    if os.path.lexists(path):
        result.conflicts.append(name)
        return
    write_atomic(path, data)
    os.utime(path, (modified_s, modified_s))
    result.fetched += 1
    result.fetched_bytes += len(data)


def _merge_index(connection: Connection, result: Pulled, prefix: Sequence[str]) -> None:
    """Add the board's lines about files that are here; a line that is here stays as it is."""
    words = (*prefix, "cat", f"{result.folder.rstrip('/')}/{INDEX}")
    theirs = connection.run(words, timeout_s=LIST_S).stdout.decode(errors="replace")
    path = result.out / INDEX
    try:
        ours = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        ours = ""
    names = {name for _, _, files in os.walk(result.out) for name in files}
    known = {name for name, _ in _lines(ours)}
    new = [line for name, line in _lines(theirs) if name in names - known]
    if new:
        write_atomic(path, ours + ("" if ours.endswith("\n") or not ours else "\n") + "".join(new))


def _lines(index: str) -> Iterator[tuple[str, str]]:
    """Give an index's lines with the names of their files; one that was cut off is left out."""
    for line in index.splitlines(keepends=True):
        try:
            name = str(json.loads(line)["file"])
        except (ValueError, TypeError, KeyError):
            continue
        if line.endswith("\n"):
            yield PurePosixPath(name).name, line
