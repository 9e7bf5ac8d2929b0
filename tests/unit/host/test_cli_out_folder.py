"""The folder of --out: tried before the work, filled whole or not at all."""

from __future__ import annotations

import pytest

from edge_hdr.cli.out_folder import OutFolder
from edge_hdr.errors import StorageError

PAGES = {"report.html": "page\n", "bench.json": "½\n"}


def test_all_files_are_written(tmp_path):
    out = tmp_path / "new" / "out"
    with OutFolder(out, force=False) as folder:
        written = folder.write(PAGES)
    assert written == [str(out / name) for name in PAGES]
    assert {path.name: path.read_text("utf-8") for path in out.iterdir()} == PAGES


def test_what_was_made_and_stays_empty_is_removed(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyboardInterrupt), OutFolder(tmp_path / "mine/new/out", force=False):
        assert (tmp_path / "mine/new/out").is_dir()
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
    with OutFolder(tmp_path / "mine", force=False):
        pass
    assert (tmp_path / "mine").is_dir()


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    for place, message in (
        ("/proc/foo", "cannot write /proc/foo"),
        ("/proc", "/proc exists"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "out", "cannot write"),
        (tmp_path, "exists"),
    ):
        folder = OutFolder(type(tmp_path)(place), force=False)
        with pytest.raises(StorageError, match=message):
            folder.__enter__()


def test_a_failure_leaves_all_as_it_was(tmp_path):
    out = tmp_path / "out"
    unwritable = {**PAGES, "x" * 300: "a name that no disk takes"}
    with OutFolder(out, force=False) as folder, pytest.raises(StorageError, match="cannot write"):
        folder.write(unwritable)
    assert not out.exists()
    out.mkdir()
    (out / "bench.json").write_text("old")
    with OutFolder(out, force=True) as folder, pytest.raises(StorageError):
        folder.write(unwritable)
    assert [path.read_text() for path in out.iterdir()] == ["old"]
