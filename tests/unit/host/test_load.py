"""`--data`: which data set is loaded, when it falls back, and what it says then."""

from __future__ import annotations

import gzip
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr.data import idx, mnist, mnist_places
from edge_hdr.data.dataset import DIGITS, Dataset
from edge_hdr.data.load import load
from edge_hdr.errors import DataError, StorageError, UnreachableError

STEMS = list(mnist.CHECKSUMS)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave no MNIST, and no server, in reach."""
    monkeypatch.delenv("EDGE_HDR_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    monkeypatch.setenv("EDGE_HDR_MNIST_URL", "http://127.0.0.1:9/")
    return tmp_path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small set that counts as MNIST."""
    folder = tmp_path / "small"
    folder.mkdir()
    sums = {}
    for stem, count in zip(STEMS, (30, 30, 20, 20), strict=True):
        shape = (count, 28, 28) if "images" in stem else (count,)
        content = idx.encode((np.arange(np.prod(shape)).reshape(shape) % 10).astype(np.uint8))
        (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
        sums[stem] = idx.content_md5(content)
    read = mnist.read
    monkeypatch.setattr(mnist, "read", lambda place: read(place, checksums=sums))
    return folder


def small_load(spec: str, data_dir: Path | None = None, **options: object) -> Dataset:
    arguments = {"seed": 0, "strokes_train": 40, "strokes_test": 20} | options
    return load(spec, data_dir=data_dir, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", ["mnist", "auto"])
def test_mnist_from_a_named_folder(small: Path, spec: str) -> None:
    dataset = small_load(spec, small)
    assert (dataset.name, dataset.test_name) == ("mnist", "MNIST test")
    assert (len(dataset.train), len(dataset.test)) == (30, 20)
    assert dataset.classes == DIGITS
    assert dataset.warnings == ()
    assert dataset.source == "MNIST as published (checksums verified), --data-dir"


def test_the_source_names_no_path(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_HDR_DATA", str(small))
    assert small_load("auto").source.endswith(", EDGE_HDR_DATA")


def test_auto_falls_back_to_strokes_and_says_so() -> None:
    dataset = small_load("auto")
    assert dataset.name == "strokes"
    assert dataset.test_name == "strokes test (procedural)"
    (warning,) = dataset.warnings
    assert warning.startswith("procedural strokes stand in for MNIST: MNIST is not in the cache")
    for way in ("--data-dir", "EDGE_HDR_DATA", "--data FOLDER"):
        assert way in warning
    assert "\n" not in warning


def test_auto_falls_back_where_the_cache_cannot_be_written(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_places, "reachable", list)
    (nowhere / "home").write_text("in the way")
    dataset = small_load("auto")
    assert dataset.name == "strokes"
    assert str(nowhere) not in dataset.warnings[0]
    assert "cannot write ~/cache" in dataset.warnings[0]


def test_auto_stops_at_mnist_that_is_here_and_damaged(small: Path) -> None:
    (small / f"{STEMS[0]}.gz").write_bytes(b"\x1f\x8bcut")
    with pytest.raises(DataError, match=STEMS[0]):
        small_load("auto", small)


def test_mnist_never_falls_back(nowhere: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        small_load("mnist")
    assert caught.value.exit_code == 4
    for way in ("--data-dir", "EDGE_HDR_DATA", "--data FOLDER"):
        assert way in caught.value.hint
    assert not (nowhere / "home").exists()  # nothing is made where nothing can be fetched


def test_mnist_stops_where_the_cache_cannot_be_written(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_places, "reachable", list)
    (nowhere / "home").write_text("in the way")
    with pytest.raises(StorageError):
        small_load("mnist")


def test_a_named_folder_that_does_not_exist_is_an_error_under_auto(nowhere: Path) -> None:
    with pytest.raises(DataError, match="--data-dir names no folder"):
        small_load("auto", nowhere / "absent")


def test_strokes() -> None:
    seen: list[tuple[str, int, int | None]] = []
    dataset = small_load("strokes", progress=lambda *report: seen.append(report))
    assert (len(dataset.train), len(dataset.test)) == (40, 20)
    assert dataset.source == "procedural strokes, training seed 0"
    assert dataset.warnings == ()
    assert seen == [("drawing strokes", 40, 60), ("drawing strokes", 60, 60)]


def test_strokes_seeds_change_the_training_split_only() -> None:
    first, other = small_load("strokes"), small_load("strokes", seed=1)
    assert first.train.sha256() == small_load("strokes").train.sha256()
    assert first.train.sha256() != other.train.sha256()
    assert first.test.sha256() == other.test.sha256()


def test_strokes_training_and_test_differ() -> None:
    dataset = small_load("strokes", strokes_train=40, strokes_test=40)
    trained = {image.tobytes() for image in dataset.train.images}
    assert not trained & {image.tobytes() for image in dataset.test.images}


def test_a_folder(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for digit in "01":
        (nowhere / "mnist" / digit).mkdir(parents=True)
        for number in range(3):
            image = np.full((50, 40), 255, np.uint8)
            cv2.putText(image, digit, (8 + number, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 2)
            cv2.imwrite(str(nowhere / "mnist" / digit / f"{number}.png"), image)
    (nowhere / "mnist" / "0" / "bad.png").write_bytes(b"bad")
    dataset = small_load(str(nowhere / "mnist"))
    assert dataset.classes == ("0", "1")
    assert len(dataset.warnings) == 1
    with pytest.raises(DataError, match="unusable"):
        small_load(str(nowhere / "mnist"), strict=True)
    # The name of a data set is not a folder of that name; ./mnist is.
    monkeypatch.chdir(nowhere)
    assert small_load("./mnist").classes == ("0", "1")
    with pytest.raises(UnreachableError):
        small_load("mnist")


def test_a_folder_in_the_home(nowhere: Path) -> None:
    (nowhere / "home" / "mine").mkdir(parents=True)
    with pytest.raises(DataError, match="has no labelled images"):
        small_load("~/mine")


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        small_load("minst")
    assert caught.value.message == "--data minst is no data set and no folder"
    assert caught.value.hint == (
        "did you mean mnist? known: auto, mnist, strokes, or the path of a folder"
    )


def test_a_file_is_no_folder(nowhere: Path) -> None:
    (nowhere / "digits.zip").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        small_load(str(nowhere / "digits.zip"))
