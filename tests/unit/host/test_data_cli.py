"""`edge-hdr data`: what it writes and prints, and what it refuses."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from edge_hdr.cli.data import app
from edge_hdr.data import idx, mnist
from edge_hdr.data.dataset import Split
from edge_hdr.data.gallery import gallery
from edge_hdr.errors import DataError, StorageError, UnreachableError, UsageError


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave no MNIST, and no server, in reach; work in an empty folder."""
    monkeypatch.delenv("EDGE_HDR_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_HDR_MNIST_URL", "http://127.0.0.1:9/")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Make a folder of three ones and five sevens."""
    for digit, count in (("1", 3), ("7", 5)):
        (tmp_path / "digits" / digit).mkdir(parents=True)
        for number in range(count):
            image = np.full((50, 40), 255, np.uint8)
            cv2.putText(image, digit, (8 + number, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 2)
            cv2.imwrite(str(tmp_path / "digits" / digit / f"{number}.png"), image)
    return tmp_path / "digits"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def document(result: Result) -> dict[str, Any]:
    assert result.exception is None, result.exception
    content: dict[str, Any] = json.loads(result.stdout)
    assert content["ok"] is True
    assert content["error"] is None
    return content


def test_show_writes_a_gallery_and_prints_the_counts(digits: Path, nowhere: Path) -> None:
    result = run("show", "--data", str(digits))
    assert result.exit_code == 0
    image = cv2.imread(str(nowhere / "gallery.png"))
    assert image is not None
    assert image.shape[1] > 24 * 56  # 24 examples of 2 · 28 px in a row
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["1", "2", "1"] in lines
    assert ["7", "4", "1"] in lines
    assert ["all", "6", "2"] in lines
    assert "gallery.png" in result.stdout


def test_show_json(digits: Path, nowhere: Path) -> None:
    (digits / "7" / "bad.png").write_bytes(b"bad")
    result = run("show", "--data", str(digits), "--out", "sheet.png", "--json")
    content = document(result)
    assert content["command"] == "data show"
    data = content["data"]
    assert data["train"]["classes"] == {"1": 2, "7": 4}
    assert data["test"]["images"] == 2
    assert len(data["train"]["sha256"]) == 64
    assert data["gallery"] == "sheet.png"
    assert len(data["warnings"]) == 1
    assert "warning: left out 7/bad.png" in result.stderr
    assert (nowhere / "sheet.png").is_file()


def test_show_is_the_same_for_the_same_seed(digits: Path, nowhere: Path) -> None:
    for name in ("a.png", "b.png"):
        run("show", "--data", str(digits), "--out", name)
    assert (nowhere / "a.png").read_bytes() == (nowhere / "b.png").read_bytes()


def test_show_strict(digits: Path) -> None:
    (digits / "7" / "bad.png").write_bytes(b"bad")
    result = run("show", "--data", str(digits), "--strict")
    assert isinstance(result.exception, DataError)


def test_show_overwrites_by_force_only(digits: Path, nowhere: Path) -> None:
    (nowhere / "gallery.png").write_text("mine")
    result = run("show", "--data", str(digits))
    assert isinstance(result.exception, StorageError)
    assert result.exception.message == "gallery.png exists"
    assert "--force" in result.exception.hint
    assert (nowhere / "gallery.png").read_text() == "mine"
    assert run("show", "--data", str(digits), "--force").exit_code == 0
    assert (nowhere / "gallery.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_is_never_replaced(digits: Path, force: list[str]) -> None:
    result = run("show", "--data", str(digits), "--out", str(digits), *force)
    assert isinstance(result.exception, StorageError)
    assert digits.is_dir()


def test_show_an_unknown_data_set() -> None:
    assert isinstance(run("show", "--data", "minst").exception, DataError)


def test_strokes_are_the_same_for_the_same_seed(nowhere: Path) -> None:
    for name, seed in (("a.npz", "3"), ("b.npz", "3"), ("c.npz", "4")):
        assert run("strokes", "--n", "20", "--seed", seed, "--out", name).exit_code == 0
    contents = [(nowhere / name).read_bytes() for name in ("a.npz", "b.npz", "c.npz")]
    assert contents[0] == contents[1] != contents[2]
    with np.load(nowhere / "a.npz") as archive:
        assert archive["images"].shape == (20, 28, 28)
        assert archive["images"].dtype == np.uint8
        assert np.bincount(archive["labels"]).tolist() == [2] * 10


def test_strokes_json(nowhere: Path) -> None:
    data = document(run("strokes", "--n", "10", "--out", "x.npz", "--json"))["data"]
    assert (data["images"], data["seed"], data["file"]) == (10, 0, "x.npz")
    with np.load(nowhere / "x.npz") as archive:
        digest = hashlib.sha256(archive["images"].tobytes() + archive["labels"].tobytes())
    assert data["sha256"] == digest.hexdigest()


def test_strokes_overwrite_by_force_only(nowhere: Path) -> None:
    (nowhere / "x.npz").write_text("mine")
    assert isinstance(run("strokes", "--n", "10", "--out", "x.npz").exception, StorageError)
    assert (nowhere / "x.npz").read_text() == "mine"
    assert run("strokes", "--n", "10", "--out", "x.npz", "--force").exit_code == 0


def test_strokes_into_another_kind_of_file(nowhere: Path) -> None:
    result = run("strokes", "--n", "10", "--out", "x.png")
    assert isinstance(result.exception, UsageError)
    assert list(nowhere.iterdir()) == []


def test_strokes_of_none() -> None:
    assert run("strokes", "--n", "0", "--out", "x.npz").exit_code == 2


def test_fetch_out_of_reach() -> None:
    result = run("fetch")
    assert isinstance(result.exception, UnreachableError)
    assert result.stdout == ""


@pytest.fixture
def stored(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small set that counts as MNIST where EDGE_HDR_DATA points to."""
    sums = {}
    (nowhere / "stored").mkdir()
    for stem, count in zip(mnist.CHECKSUMS, (30, 30, 20, 20), strict=True):
        shape = (count, 28, 28) if "images" in stem else (count,)
        content = idx.encode(np.zeros(shape, np.uint8))
        (nowhere / "stored" / f"{stem}.gz").write_bytes(gzip.compress(content))
        sums[stem] = idx.content_md5(content)
    read = mnist.read
    monkeypatch.setattr(mnist, "read", lambda place: read(place, checksums=sums))
    monkeypatch.setenv("EDGE_HDR_DATA", str(nowhere / "stored"))
    return nowhere / "stored"


def test_fetch_finds_what_is_here(stored: Path) -> None:
    result = run("fetch")
    assert result.stdout.splitlines() == [
        f"MNIST is in {stored} (EDGE_HDR_DATA)",
        "30 training and 20 test images; all checksums verified",
    ]
    data = document(run("fetch", "--json"))["data"]
    assert data["folder"] == str(stored)
    assert data["train"]["images"] == 30
    assert data["md5"] == mnist.CHECKSUMS


def test_fetch_into_a_folder_that_has_it_needs_no_network(stored: Path) -> None:
    result = run("fetch", "--out", str(stored))
    assert result.stdout.splitlines()[0] == f"MNIST is in {stored} (it was there before)"
    (stored / "t10k-labels-idx1-ubyte.gz").unlink()
    assert isinstance(run("fetch", "--out", str(stored)).exception, UnreachableError)


def test_fetch_names_a_damaged_file(stored: Path) -> None:
    path = stored / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    result = run("fetch")
    assert isinstance(result.exception, DataError)
    assert "t10k-labels-idx1-ubyte.gz is truncated" in result.exception.message


def test_the_gallery_shows_ink_dark_on_light_paper() -> None:
    images = np.zeros((40, 28, 28), np.uint8)
    images[:, 8:20, 8:20] = 255
    split = Split(images, np.repeat([0, 1], 20).astype(np.int64))
    sheet = gallery(split, ("0", "1"), rows_per_class=1, columns=4, scale=1)
    assert sheet.dtype == np.uint8
    assert sheet[0, 0].min() > 240
    # In each class's row 4 squares of 12 · 12 px, beside the name's few pixels on the left.
    dark = (sheet[:, 110:].max(axis=2) < 120).sum()
    assert dark == 2 * 4 * 12 * 12


def test_the_gallery_of_few_and_oddly_named_examples() -> None:
    split = Split(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.int64))
    sheet = gallery(split, ("größer als neun", "absent"))
    assert sheet.ndim == 3
