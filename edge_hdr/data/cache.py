"""The user's cache, and how a file gets into it: found reachable, resumed, verified, renamed."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import socket
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from edge_hdr.data.dataset import Progress
from edge_hdr.errors import DataError, UnreachableError
from edge_hdr_device.storage import storage_error

CONNECT_S = 6.0  # for name, connection and all mirrors together: an offline machine waits this long
ANSWER_S = 10.0  # for each answer and each piece of it
ATTEMPTS = 4
PIECE_BYTES = 1 << 16


def cache_dir() -> Path:
    """Give edge-hdr's cache folder: in XDG_CACHE_HOME, else in ~/.cache; it may not exist yet."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if Path(configured).is_absolute():
        return Path(configured) / "edge-hdr"
    try:
        return Path.home() / ".cache" / "edge-hdr"
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / f"edge-hdr-{os.getuid()}"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process at a time; others wait until it is released.

    Raises:
        StorageError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise storage_error(folder, error) from error
    with lock:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def reachable(urls: Sequence[str], *, within_s: float = CONNECT_S) -> list[str]:
    """Keep the addresses whose server takes a connection; all are tried at once.

    A thread each, because resolving a name cannot be given a timeout. Behind a proxy nothing is
    tried: it is the proxy that connects.
    """
    answered: set[str] = set()
    threads = [
        threading.Thread(target=_knock, args=(url, within_s, answered), daemon=True) for url in urls
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [url for url in urls if url in answered]


def _knock(url: str, within_s: float, answered: set[str]) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxied = parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with contextlib.suppress(OSError):
        if not proxied:
            socket.create_connection((host, port), timeout=within_s / 2).close()
        answered.add(url)


def download(
    url: str, target: Path, *, verify: Callable[[Path], None], progress: Progress | None = None
) -> None:
    """Fetch one file, going on from its `.part` where an earlier transfer broke off.

    Args:
        url: http or https address.
        target: the final name; it appears only with verified content.
        verify: called with the complete `.part` file; raises DataError to refuse it.
        progress: called with the file's name, the bytes that are here and the bytes in all.

    Raises:
        UnreachableError: no answer, a server error, or a transfer that broke; `.part` is kept.
        DataError: the server refuses the request, or `verify` the content; then `.part` is removed.
        StorageError: the file cannot be written.
    """
    part = target.with_name(target.name + ".part")
    resumed = _size(part) > 0
    _transfer(url, part, progress)
    try:
        verify(part)
    except DataError:
        part.unlink(missing_ok=True)
        if not resumed:
            raise
        # The old part may stem from a mirror whose file is packed differently: once more, whole.
        download(url, target, verify=verify, progress=progress)
        return
    try:
        part.replace(target)
    except OSError as error:
        raise storage_error(target, error) from error


def _transfer(url: str, part: Path, progress: Progress | None) -> None:
    """Bring a `.part` file to its full length, reconnecting a few times."""
    for _ in range(ATTEMPTS):
        if _receive(url, part, progress):
            return
    raise UnreachableError(
        f"{url}: the connection broke after {_size(part):,} bytes",
        hint="run the same command again: it goes on from there",
    )


def _receive(url: str, part: Path, progress: Progress | None) -> bool:
    """Append what one connection gives; tell whether the file is complete now."""
    response = _open(url, start=_size(part))
    if response is None:
        return True
    with response:
        start = _size(part) if response.status == HTTPStatus.PARTIAL_CONTENT else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        try:
            with part.open("ab" if start else "wb") as file:
                whole = _copy(response, file, _Meter(part.stem, start, total, progress))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise storage_error(part, error) from error
    return whole


class _Meter:
    """Count a transfer's bytes and tell the caller's progress function."""

    def __init__(self, name: str, start: int, total: int | None, progress: Progress | None) -> None:
        self.name = name
        self.done = start
        self.total = total
        self.progress = progress

    def add(self, count: int) -> None:
        """Note that `count` more bytes are here."""
        self.done += count
        if self.progress is not None:
            self.progress(self.name, self.done, self.total)


def _copy(response: http.client.HTTPResponse, file: IO[bytes], meter: _Meter) -> bool:
    """Copy an answer into a file; tell whether it came whole."""
    while True:
        try:
            piece = response.read(PIECE_BYTES)
        except (OSError, http.client.HTTPException):
            return False
        if not piece:
            return meter.total is None or meter.done == meter.total
        file.write(piece)
        meter.add(len(piece))


def _open(url: str, *, start: int) -> http.client.HTTPResponse | None:
    """Ask for a file from byte `start` on; None where the server says that nothing is left."""
    headers = {"User-Agent": "edge-hdr"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - callers allow http(s) only
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=ANSWER_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        kind = UnreachableError if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR else DataError
        raise kind(f"{url} answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise UnreachableError(f"{url} does not answer: {reason}") from error
    return answer


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
