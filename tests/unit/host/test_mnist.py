"""MNIST's files: every way to store them, and every way in which they can be damaged."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.data import idx, mnist, mnist_places
from edge_hdr.data.cache import cache_dir
from edge_hdr.errors import ConfigError, DataError, StorageError, UnreachableError

STEMS = list(mnist.CHECKSUMS)
TRAIN, TEST = 12, 5


def arrays() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    return {
        STEMS[0]: generator.integers(0, 256, (TRAIN, 28, 28), np.uint8),
        STEMS[1]: (np.arange(TRAIN) % 10).astype(np.uint8),
        STEMS[2]: generator.integers(0, 256, (TEST, 28, 28), np.uint8),
        STEMS[3]: (np.arange(TEST) % 10).astype(np.uint8),
    }


def checksums(data: dict[str, np.ndarray]) -> dict[str, str]:
    return {stem: hashlib.md5(idx.encode(array)).hexdigest() for stem, array in data.items()}


SUMS = checksums(arrays())


def write(folder: Path, *, suffix: str = ".gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, array in arrays().items():
        content = idx.encode(array)
        packed = gzip.compress(content) if suffix == ".gz" else content
        (folder / f"{stem}{suffix}").write_bytes(packed)
    return folder


def write_npz(folder: Path, **replaced: np.ndarray) -> Path:
    stored = {mnist.NPZ_KEYS[stem]: array for stem, array in arrays().items()} | replaced
    np.savez_compressed(folder / "mnist.npz", **stored)
    return folder


def failure(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        mnist.read(folder, checksums=SUMS)
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 3
    return caught.value.message


def test_idx_content_is_the_published_form() -> None:
    labels = idx.encode(np.array([5, 0], np.uint8))
    assert labels == b"\x00\x00\x08\x01" + b"\x00\x00\x00\x02" + b"\x05\x00"
    image = idx.encode(np.full((1, 2, 3), 9, np.uint8))
    assert image == struct.pack(">4I", 0x803, 1, 2, 3) + bytes([9] * 6)


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_reads_idx_files(tmp_path: Path, suffix: str) -> None:
    train, test = mnist.read(write(tmp_path, suffix=suffix), checksums=SUMS)
    np.testing.assert_array_equal(train.images, arrays()[STEMS[0]])
    np.testing.assert_array_equal(test.labels, [0, 1, 2, 3, 4])
    assert train.labels.dtype == np.int64
    assert len(train) == TRAIN


def test_reads_names_with_a_dot(tmp_path: Path) -> None:
    for path in write(tmp_path, suffix="").iterdir():
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert mnist.missing(tmp_path) == []
    assert len(mnist.read(tmp_path, checksums=SUMS)[0]) == TRAIN


def test_reads_a_plain_file_that_is_called_gz(tmp_path: Path) -> None:
    path = write(tmp_path) / f"{STEMS[1]}.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert len(mnist.read(tmp_path, checksums=SUMS)[0]) == TRAIN


def test_reads_npz_with_wide_labels(tmp_path: Path) -> None:
    write_npz(tmp_path, y_train=np.arange(TRAIN, dtype=np.int64) % 10)
    train, test = mnist.read(tmp_path, checksums=SUMS)
    assert train.images.shape == (TRAIN, 28, 28)
    np.testing.assert_array_equal(test.images, arrays()[STEMS[2]])


def test_truncated_gzip(tmp_path: Path) -> None:
    path = write(tmp_path) / f"{STEMS[0]}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    assert failure(tmp_path) == f"{STEMS[0]}.gz is truncated: its gzip stream ends early"


def test_damaged_gzip(tmp_path: Path) -> None:
    path = write(tmp_path) / f"{STEMS[0]}.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 0xFF  # the stored CRC
    path.write_bytes(content)
    assert failure(tmp_path) == f"{STEMS[0]}.gz is a damaged gzip file"


def test_truncated_idx(tmp_path: Path) -> None:
    path = write(tmp_path, suffix="") / STEMS[0]
    path.write_bytes(path.read_bytes()[:-1])
    full = 16 + TRAIN * 28 * 28
    assert failure(tmp_path) == f"{STEMS[0]} is truncated: {full - 1:,} of {full:,} bytes"


@pytest.mark.parametrize("kept", [0, 7])
def test_truncated_header(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path, suffix="") / STEMS[1]
    path.write_bytes(path.read_bytes()[:kept])
    assert failure(tmp_path) == f"{STEMS[1]} is truncated: {kept} bytes, its header alone has 8"


def test_wrong_magic(tmp_path: Path) -> None:
    write(tmp_path, suffix="")
    (tmp_path / STEMS[0]).write_bytes((tmp_path / STEMS[1]).read_bytes() + bytes(16))
    assert failure(tmp_path) == (
        f"{STEMS[0]} is no idx file of images: its magic number is 2049, not 2051"
    )


def test_bytes_after_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, suffix="") / STEMS[3]
    path.write_bytes(path.read_bytes() + b"\x00\x00")
    assert failure(tmp_path) == (
        f"{STEMS[3]} is damaged: 2 bytes more than the {TEST} items of its header"
    )


def test_wrong_count(tmp_path: Path) -> None:
    write(tmp_path, suffix="")
    (tmp_path / STEMS[1]).write_bytes(idx.encode(np.zeros(TRAIN - 1, np.uint8)))
    assert failure(tmp_path) == (
        f"{STEMS[1]} has {TRAIN - 1} labels, {STEMS[0]} has {TRAIN} images"
    )


def test_other_image_size(tmp_path: Path) -> None:
    write(tmp_path, suffix="")
    (tmp_path / STEMS[0]).write_bytes(idx.encode(np.zeros((TRAIN, 27, 28), np.uint8)))
    assert failure(tmp_path) == f"{STEMS[0]} has images of 27×28 px, not 28×28"


def test_label_out_of_range(tmp_path: Path) -> None:
    write(tmp_path, suffix="")
    (tmp_path / STEMS[3]).write_bytes(idx.encode(np.full(TEST, 11, np.uint8)))
    assert failure(tmp_path) == f"{STEMS[3]} has the label 11, not only 0 to 9"


def test_checksum_differs(tmp_path: Path) -> None:
    path = write(tmp_path, suffix="") / STEMS[2]
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    message = failure(tmp_path)
    assert message.startswith(f"{STEMS[2]}: checksum differs: md5 of the content is ")
    assert message.endswith(SUMS[STEMS[2]])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (write(tmp_path) / f"{STEMS[2]}.gz").unlink()
    assert mnist.missing(tmp_path) == [STEMS[2]]
    assert f"has no {STEMS[2]}[.gz]" in failure(tmp_path)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a-folder cannot be read: Is a directory"):
        (tmp_path / "a-folder").mkdir()
        idx.unpack(tmp_path / "a-folder")


def test_npz_checksum_differs(tmp_path: Path) -> None:
    write_npz(tmp_path, y_test=np.zeros(TEST, np.uint8))
    assert failure(tmp_path).startswith("mnist.npz: y_test: checksum differs")


def test_npz_without_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((1, 28, 28), np.uint8))
    assert failure(tmp_path) == "mnist.npz has no array y_train"


def test_npz_of_another_type(tmp_path: Path) -> None:
    write_npz(tmp_path, x_train=np.zeros((TRAIN, 28, 28), np.float32))
    assert failure(tmp_path).startswith("mnist.npz: x_train is float32 with 3 dimensions")
    write_npz(tmp_path, y_train=np.full(TRAIN, 300))
    assert failure(tmp_path).startswith("mnist.npz: y_train is int64")


def test_npz_with_pickled_objects_is_never_unpickled(tmp_path: Path) -> None:
    write_npz(tmp_path, y_test=np.array([object()]))
    assert failure(tmp_path).startswith("mnist.npz is damaged")


def test_truncated_npz(tmp_path: Path) -> None:
    path = write_npz(tmp_path) / "mnist.npz"
    path.write_bytes(path.read_bytes()[:-50])
    assert failure(tmp_path) == "mnist.npz is truncated or no npz file"


def test_damaged_npz_member(tmp_path: Path) -> None:
    path = write_npz(tmp_path) / "mnist.npz"
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    assert failure(tmp_path).startswith("mnist.npz is damaged")


def test_an_array_file_that_is_called_npz(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    (tmp_path / "mnist.npz").write_bytes(buffer.getvalue())
    assert failure(tmp_path) == "mnist.npz is truncated or no npz file"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave no MNIST, and no server, in reach."""
    monkeypatch.delenv("EDGE_HDR_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("EDGE_HDR_MNIST_URL", "http://127.0.0.1:9/")
    return tmp_path


def test_the_order_of_the_search(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = write(cache_dir() / "mnist")
    assert cached == nowhere / "xdg" / "edge-hdr" / "mnist"
    assert mnist_places.obtain(None) == mnist_places.Place(cached, "the cache")
    configured = nowhere / "configured"
    write(configured / "mnist")
    monkeypatch.setenv("EDGE_HDR_DATA", str(configured))
    assert mnist_places.obtain(None).role == "EDGE_HDR_DATA/mnist"
    write(configured)
    assert mnist_places.obtain(None) == mnist_places.Place(configured, "EDGE_HDR_DATA")
    named = nowhere / "named"
    named.mkdir()
    assert mnist_places.obtain(named).role == "EDGE_HDR_DATA"
    write_npz(named)
    assert mnist_places.obtain(named) == mnist_places.Place(named, "--data-dir")


def test_a_named_folder_must_exist(nowhere: Path) -> None:
    with pytest.raises(DataError, match=r"--data-dir names no folder: .*absent"):
        mnist_places.obtain(nowhere / "absent")


def test_out_of_reach_names_where_it_looked_and_the_ways_out(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_HDR_DATA", str(nowhere / "absent"))
    partial = write(nowhere / "partial")
    (partial / f"{STEMS[3]}.gz").unlink()
    with pytest.raises(UnreachableError) as caught:
        mnist_places.obtain(partial)
    assert caught.value.message == (
        f"MNIST is not in --data-dir (lacks {STEMS[3]}), EDGE_HDR_DATA (no such folder), "
        "the cache, and no mirror answers (127.0.0.1:9)"
    )
    for way in ("--data-dir", "EDGE_HDR_DATA", "--data FOLDER"):
        assert way in caught.value.hint


@pytest.mark.parametrize("address", ["file:///etc", "mirror.example", "https://"])
def test_only_http_addresses_are_mirrors(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("EDGE_HDR_MNIST_URL", address)
    with pytest.raises(ConfigError, match="EDGE_HDR_MNIST_URL is no http or https address"):
        mnist_places.obtain(None)


def test_a_cache_that_cannot_be_made(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist_places, "reachable", list)
    (nowhere / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "file"))
    with pytest.raises(StorageError, match="Not a directory"):
        mnist_places.obtain(None)


def test_the_cache_of_a_user_without_a_home(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative/paths/do/not/count")
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_dir().is_absolute()
    assert "edge-hdr" in cache_dir().name


def test_the_real_set_when_it_is_here() -> None:
    place = mnist_places.find(mnist_places.places(None))
    if place is None:
        pytest.skip("MNIST is not in EDGE_HDR_DATA or the cache")
    train, test = mnist.read(place.folder)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert np.bincount(train.labels).tolist()[:3] == [5923, 6742, 5958]
