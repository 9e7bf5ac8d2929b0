"""Where MNIST is: looked for in the named folders and the cache, else downloaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge_hdr.data import mnist
from edge_hdr.data.cache import cache_dir, download, locked, reachable
from edge_hdr.data.dataset import Progress
from edge_hdr.errors import ConfigError, DataError, StorageError, UnreachableError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)


@dataclass(frozen=True)
class Place:
    """A folder where MNIST is or may be.

    Attributes:
        folder: the folder of the idx files or of `mnist.npz`; it may not exist.
        role: who named it, in words that are the same on every machine, as "EDGE_HDR_DATA/mnist".
    """

    folder: Path
    role: str


def places(data_dir: Path | None) -> list[Place]:
    """List where MNIST is looked for: `data_dir`, EDGE_HDR_DATA, then the cache.

    Raises:
        DataError: `data_dir` names no folder.
    """
    named = []
    if data_dir is not None:
        if not data_dir.is_dir():
            raise DataError(f"--data-dir names no folder: {data_dir}", hint=mnist.WAYS_OUT)
        named.append(Place(data_dir, "--data-dir"))
    if configured := os.environ.get("EDGE_HDR_DATA"):
        named.append(Place(Path(configured).expanduser(), "EDGE_HDR_DATA"))
    nested = [
        place
        for outer in named
        for place in (outer, Place(outer.folder / "mnist", f"{outer.role}/mnist"))
    ]
    return [*nested, Place(cache_dir() / "mnist", "the cache")]


def find(candidates: Sequence[Place]) -> Place | None:
    """Give the first place that has MNIST: `mnist.npz` or all four idx files."""
    return next((place for place in candidates if not mnist.missing(place.folder)), None)


def searched(candidates: Sequence[Place]) -> str:
    """Say where MNIST was looked for, and which file makes a nearly complete place unusable."""
    words = []
    for place in candidates:
        absent = mnist.missing(place.folder)
        if len(absent) < len(mnist.CHECKSUMS):
            words.append(f"{place.role} (lacks {', '.join(absent)})")
        elif place.role == "EDGE_HDR_DATA" and not place.folder.is_dir():
            words.append(f"{place.role} (no such folder)")
        elif not place.role.endswith("/mnist"):
            words.append(place.role)
    return ", ".join(words)


def obtain(
    data_dir: Path | None,
    *,
    checksums: Mapping[str, str] = mnist.CHECKSUMS,
    progress: Progress | None = None,
) -> Place:
    """Find MNIST, or download it into the cache.

    Raises:
        DataError: `data_dir` does not exist, or a mirror's files are not MNIST's.
        UnreachableError: it is in no place, and no mirror answers.
        StorageError: the cache cannot be written.
    """
    candidates = places(data_dir)
    if (place := find(candidates)) is not None:
        return place
    target = candidates[-1].folder
    try:
        base = fetch(target, replace=True, checksums=checksums, progress=progress)
    except (DataError, UnreachableError) as error:
        raise type(error)(
            f"MNIST is not in {searched(candidates)}, and {error.message}",
            hint=error.hint or mnist.WAYS_OUT,
        ) from error
    return Place(target, f"downloaded from {urlsplit(base).netloc}")


def fetch(
    folder: Path,
    *,
    mirrors: Sequence[str] | None = None,
    replace: bool = False,
    checksums: Mapping[str, str] = mnist.CHECKSUMS,
    progress: Progress | None = None,
) -> str:
    """Download the files that a folder lacks, from the first mirror that can give them all.

    Args:
        folder: made when missing; only verified files get their final names in it.
        mirrors: base addresses; by default EDGE_HDR_MNIST_URL, else the known mirrors.
        replace: download a file anew that is there and has other content; else that is an error.
        checksums: md5 of each file's uncompressed content.
        progress: called with a file's name, the bytes that are here and the bytes in all.

    Returns:
        The base address that gave the files.

    Raises:
        ConfigError: EDGE_HDR_MNIST_URL is no http or https address.
        DataError: a mirror refuses a file, or its content is not MNIST's.
        UnreachableError: no mirror answers, or the transfer broke; a later call resumes it.
        StorageError: the folder cannot be written, or has files of other content.
    """
    bases = _mirrors() if mirrors is None else list(mirrors)
    answering = reachable(bases)
    if not answering:
        hosts = ", ".join(urlsplit(base).netloc for base in bases)
        raise UnreachableError(f"no mirror answers ({hosts})", hint=mnist.WAYS_OUT)
    failures: list[DataError | UnreachableError] = []
    with locked(folder):
        if not replace:
            _refuse_other_content(folder, checksums)
        for base in answering:
            try:
                for stem, checksum in checksums.items():
                    _fetch_file(base, folder, stem, checksum, progress)
            except (DataError, UnreachableError) as error:
                failures.append(error)
            else:
                return base
    # A wrong file says more than a silent server.
    raise min(failures, key=lambda error: not isinstance(error, DataError))


def _mirrors() -> list[str]:
    configured = os.environ.get("EDGE_HDR_MNIST_URL")
    if not configured:
        return list(MIRRORS)
    parts = urlsplit(configured)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"EDGE_HDR_MNIST_URL is no http or https address: {configured}",
            hint=f"give the folder that has the four idx files, as {MIRRORS[0]}",
        )
    return [configured.rstrip("/") + "/"]


def _refuse_other_content(folder: Path, checksums: Mapping[str, str]) -> None:
    """Protect files that bear MNIST's names and are another set's."""
    for stem, checksum in checksums.items():
        present = mnist.find_file(folder, stem)
        if present is not None and not mnist.is_sound(present, checksum):
            raise StorageError(
                f"{present} exists and is not MNIST's, or is damaged",
                hint="name another folder, or replace it by --force",
            )


def _fetch_file(
    base: str, folder: Path, stem: str, checksum: str, progress: Progress | None
) -> None:
    """Download one file unless a sound one is there."""
    url = f"{base}{stem}.gz"

    def verify(path: Path) -> None:
        if not mnist.is_sound(path, checksum):
            raise DataError(
                f"{url} gave other content than MNIST's: its checksum differs", hint=mnist.WAYS_OUT
            )

    present = mnist.find_file(folder, stem)
    if present is None or not mnist.is_sound(present, checksum):
        download(url, folder / f"{stem}.gz", verify=verify, progress=progress)
