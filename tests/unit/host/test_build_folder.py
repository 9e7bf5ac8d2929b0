from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr.build_folder import claim_folder, locked, record
from edge_hdr.config import BuildConfig
from edge_hdr.errors import StorageError

CONFIG = BuildConfig(epochs=3)


def test_new_and_empty_folders_are_free(tmp_path: Path) -> None:
    claim_folder(tmp_path / "new", CONFIG, force=False)
    claim_folder(tmp_path, CONFIG, force=False)


def test_an_unfinished_build_is_resumed_by_the_same_settings_only(tmp_path: Path) -> None:
    record(tmp_path, CONFIG, "abc", write=True)
    claim_folder(tmp_path, CONFIG, force=False)
    with pytest.raises(StorageError, match=r"other settings \(epochs: 3 → 4\)"):
        claim_folder(tmp_path, replace(CONFIG, epochs=4), force=False)
    with pytest.raises(StorageError, match="other data"):
        record(tmp_path, CONFIG, "def", write=True)


def test_a_finished_build_is_kept(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"model")
    with pytest.raises(StorageError, match="finished build"):
        claim_folder(tmp_path, CONFIG, force=False)


def test_a_foreign_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(StorageError, match="is no build"):
        claim_folder(tmp_path, CONFIG, force=False)


def test_force_makes_the_folder_unfinished_and_keeps_the_old_model_aside(tmp_path: Path) -> None:
    record(tmp_path, CONFIG, "abc", write=True)
    (tmp_path / "model.tflite").write_bytes(b"model")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "float.npz").write_bytes(b"")
    claim_folder(tmp_path, CONFIG, force=True)
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["checkpoints", "previous.tflite"]
    record(tmp_path, CONFIG, "abc", write=True)
    claim_folder(tmp_path, CONFIG, force=False)  # an interruption is resumed without --force


def test_another_error_ratio_resumes(tmp_path: Path) -> None:
    record(tmp_path, CONFIG, "abc", write=True)
    claim_folder(tmp_path, replace(CONFIG, max_error_ratio=5.0), force=False)


def test_one_build_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "out"),
        pytest.raises(StorageError, match="another build is at work"),
        locked(tmp_path / "out"),
    ):
        pass
    with locked(tmp_path / "out"):
        claim_folder(tmp_path / "out", CONFIG, force=False)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(StorageError, match="is a file"), locked(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "mine"
