"""Downloading MNIST from a real web server on loopback that misbehaves as told."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from edge_hdr.cli.data import app
from edge_hdr.data import cache, idx, mnist, mnist_places
from edge_hdr.errors import DataError, StorageError, UnreachableError

STEMS = list(mnist.CHECKSUMS)


def make_content() -> dict[str, bytes]:
    generator = np.random.default_rng(1)
    return {
        STEMS[0]: idx.encode(generator.integers(0, 256, (300, 28, 28), np.uint8)),
        STEMS[1]: idx.encode((np.arange(300) % 10).astype(np.uint8)),
        STEMS[2]: idx.encode(generator.integers(0, 256, (20, 28, 28), np.uint8)),
        STEMS[3]: idx.encode((np.arange(20) % 10).astype(np.uint8)),
    }


CONTENT = make_content()
SUMS = {stem: hashlib.md5(content).hexdigest() for stem, content in CONTENT.items()}
BIG = f"{STEMS[0]}.gz"


class Mirror(http.server.ThreadingHTTPServer):
    """A mirror of MNIST.

    Attributes:
        files: what it has.
        requests: name of the file and Range header of each request.
        cuts: so many bytes of the body go out on each of the next connections, then it breaks.
        ranges: whether it honours Range.
        status: what it answers to everything, when set.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {f"{stem}.gz": gzip.compress(data, mtime=0) for stem, data in CONTENT.items()}
        self.requests: list[tuple[str, str | None]] = []
        self.cuts: list[int] = []
        self.ranges = True
        self.status = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mnist/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        wanted = self.headers["Range"]
        self.server.requests.append((name, wanted))
        body = self.server.files.get(name)
        if body is None or self.server.status:
            self.send_error(self.server.status or 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if not self.server.ranges:
            start = 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(body)
        self.wfile.write(body[start : start + cut])

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(folder: Path, *mirrors: str) -> str:
    return mnist_places.fetch(folder, mirrors=mirrors, checksums=SUMS)


def final_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


ALL = {f"{stem}.gz" for stem in STEMS}


def test_downloads_verifies_and_reports(tmp_path: Path, mirror: Mirror) -> None:
    seen: list[tuple[str, int, int | None]] = []
    base = mnist_places.fetch(
        tmp_path / "new",
        mirrors=[mirror.url],
        checksums=SUMS,
        progress=lambda *report: seen.append(report),
    )
    assert base == mirror.url
    assert final_names(tmp_path / "new") == ALL
    assert len(mnist.read(tmp_path / "new", checksums=SUMS)[0]) == 300
    size = len(mirror.files[BIG])
    assert (BIG, size, size) in seen
    assert size > cache.PIECE_BYTES  # so that it came in pieces, each reported
    assert [done for name, done, _ in seen if name == BIG] == sorted(
        {done for name, done, _ in seen if name == BIG}
    )


def test_sound_files_are_not_fetched_again(tmp_path: Path, mirror: Mirror) -> None:
    fetch(tmp_path, mirror.url)
    (tmp_path / f"{STEMS[1]}.gz").write_bytes(b"damaged")
    mirror.requests.clear()
    mnist_places.fetch(tmp_path, mirrors=[mirror.url], replace=True, checksums=SUMS)
    assert mirror.requests == [(f"{STEMS[1]}.gz", None)]
    assert len(mnist.read(tmp_path, checksums=SUMS)[0]) == 300


def test_another_set_of_the_same_names_is_not_replaced(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / STEMS[1]).write_bytes(b"the labels of another set")
    with pytest.raises(StorageError) as caught:
        fetch(tmp_path, mirror.url)
    assert caught.value.message == (
        f"{tmp_path / STEMS[1]} exists and is not MNIST's, or is damaged"
    )
    assert "--force" in caught.value.hint
    assert (tmp_path / STEMS[1]).read_bytes() == b"the labels of another set"
    assert mirror.requests == []


def test_resumes_what_an_earlier_run_left(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{BIG}.part").write_bytes(mirror.files[BIG][:1000])
    fetch(tmp_path, mirror.url)
    assert mirror.requests[0] == (BIG, "bytes=1000-")
    assert (tmp_path / BIG).read_bytes() == mirror.files[BIG]
    assert final_names(tmp_path) == ALL


def test_a_complete_part_is_only_renamed(tmp_path: Path, mirror: Mirror) -> None:
    size = len(mirror.files[BIG])
    (tmp_path / f"{BIG}.part").write_bytes(mirror.files[BIG])
    fetch(tmp_path, mirror.url)
    assert [request for request in mirror.requests if request[0] == BIG] == [
        (BIG, f"bytes={size}-")
    ]
    assert (tmp_path / BIG).read_bytes() == mirror.files[BIG]


def test_a_server_without_ranges_starts_over(tmp_path: Path, mirror: Mirror) -> None:
    mirror.ranges = False
    (tmp_path / f"{BIG}.part").write_bytes(mirror.files[BIG][:1000])
    fetch(tmp_path, mirror.url)
    assert (tmp_path / BIG).read_bytes() == mirror.files[BIG]


def test_a_part_of_another_file_is_thrown_away_once(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{BIG}.part").write_bytes(b"from a mirror that packs otherwise")
    fetch(tmp_path, mirror.url)
    assert [wanted for name, wanted in mirror.requests if name == BIG] == ["bytes=34-", None]
    assert (tmp_path / BIG).read_bytes() == mirror.files[BIG]


def test_a_broken_transfer_goes_on_by_itself(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cuts = [100, 200]
    fetch(tmp_path, mirror.url)
    assert [wanted for name, wanted in mirror.requests if name == BIG] == [
        None,
        "bytes=100-",
        "bytes=300-",
    ]
    assert (tmp_path / BIG).read_bytes() == mirror.files[BIG]


def test_a_truncated_transfer_keeps_its_part(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cuts = [100] * cache.ATTEMPTS
    with pytest.raises(UnreachableError) as caught:
        fetch(tmp_path, mirror.url)
    kept = 100 * cache.ATTEMPTS
    assert f"{BIG}: the connection broke after {kept} bytes" in caught.value.message
    assert "goes on from there" in caught.value.hint
    assert (tmp_path / f"{BIG}.part").read_bytes() == mirror.files[BIG][:kept]
    assert final_names(tmp_path) == {f"{BIG}.part"}
    fetch(tmp_path, mirror.url)
    assert final_names(tmp_path) == ALL


def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, mirror: Mirror) -> None:
    mirror.files[BIG] = gzip.compress(CONTENT[STEMS[0]][:-1] + b"\x00")
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, mirror.url)
    assert caught.value.message == (
        f"{mirror.url}{BIG} gave other content than MNIST's: its checksum differs"
    )
    assert final_names(tmp_path) == set()


def test_a_login_page_instead_of_a_file(tmp_path: Path, mirror: Mirror) -> None:
    mirror.files[BIG] = b"<html>please log in</html>"
    with pytest.raises(DataError, match="other content than MNIST's"):
        fetch(tmp_path, mirror.url)
    assert final_names(tmp_path) == set()


def test_not_found(tmp_path: Path, mirror: Mirror) -> None:
    del mirror.files[BIG]
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, mirror.url)
    assert caught.value.message == f"{mirror.url}{BIG} answered 404 Not Found"
    assert final_names(tmp_path) == set()


def test_a_server_error_is_the_servers(tmp_path: Path, mirror: Mirror) -> None:
    mirror.status = 503
    with pytest.raises(UnreachableError, match="answered 503"):
        fetch(tmp_path, mirror.url)


def test_the_next_mirror_is_asked(tmp_path: Path, mirror: Mirror) -> None:
    with Mirror() as bad:
        del bad.files[f"{STEMS[1]}.gz"]
        thread = threading.Thread(target=bad.serve_forever, args=(0.01,))
        thread.start()
        try:
            assert fetch(tmp_path, bad.url, mirror.url) == mirror.url
        finally:
            bad.shutdown()
            thread.join()
    assert (f"{STEMS[0]}.gz", None) not in mirror.requests  # the first file came from the first
    assert final_names(tmp_path) == ALL


def test_a_dead_mirror_is_passed_over(tmp_path: Path, mirror: Mirror) -> None:
    assert fetch(tmp_path, f"http://127.0.0.1:{_closed_port()}/", mirror.url) == mirror.url


def test_no_mirror_answers(tmp_path: Path) -> None:
    port = _closed_port()
    with pytest.raises(UnreachableError, match=rf"no mirror answers \(127.0.0.1:{port}\)"):
        fetch(tmp_path, f"http://127.0.0.1:{port}/")


def test_a_name_that_is_not_resolved_in_time_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> socket.socket:
        released.wait(30)
        raise OSError

    monkeypatch.setattr(cache.socket, "create_connection", hang)
    begun = time.monotonic()
    assert cache.reachable(["http://one.invalid/", "http://two.invalid/"], within_s=0.2) == []
    assert time.monotonic() - begun < 10
    released.set()


def test_behind_a_proxy_the_proxy_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    assert cache.reachable(["http://mirror.invalid/"], within_s=5) == ["http://mirror.invalid/"]


def test_a_place_that_cannot_be_written(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{BIG}.part").mkdir()  # as good as a full disk: opening it fails
    with pytest.raises(StorageError, match="cannot write"):
        fetch(tmp_path, mirror.url)


def test_a_disk_that_fills_up(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        fetch(tmp_path, mirror.url)
    assert final_names(tmp_path) == {f"{BIG}.part"}


def test_two_at_once_wait_for_each_other(tmp_path: Path, mirror: Mirror) -> None:
    threads = [threading.Thread(target=fetch, args=(tmp_path, mirror.url)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for name, _ in mirror.requests) == sorted(ALL)
    assert len(mnist.read(tmp_path, checksums=SUMS)[0]) == 300


def test_obtain_downloads_into_the_cache(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGE_HDR_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("EDGE_HDR_MNIST_URL", mirror.url.rstrip("/"))
    mirror.cuts = [100] * cache.ATTEMPTS
    with pytest.raises(UnreachableError) as caught:
        mnist_places.obtain(None, checksums=SUMS)
    assert caught.value.message.startswith("MNIST is not in the cache, and http://127.0.0.1:")
    assert "goes on from there" in caught.value.hint
    place = mnist_places.obtain(None, checksums=SUMS)
    assert place.folder == tmp_path / "edge-hdr" / "mnist"
    assert place.role == f"downloaded from 127.0.0.1:{mirror.server_port}"
    mirror.requests.clear()
    assert mnist_places.obtain(None, checksums=SUMS).role == "the cache"
    assert mirror.requests == []


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_fetch_command_into_a_folder(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_HDR_MNIST_URL", mirror.url)
    out = tmp_path / "usb"
    out.mkdir()
    (out / f"{STEMS[3]}.gz").write_bytes(b"damaged")
    with pytest.raises(StorageError, match="is not MNIST's, or is damaged"):
        CliRunner().invoke(app, ["fetch", "--out", str(out)], catch_exceptions=False)
    # With --force the download starts, and the small stand-in is refused by MNIST's checksums.
    with pytest.raises(DataError, match="other content than MNIST's"):
        CliRunner().invoke(app, ["fetch", "--out", str(out), "--force"], catch_exceptions=False)
    assert final_names(out) == {f"{STEMS[3]}.gz"}
