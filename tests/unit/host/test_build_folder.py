from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr.build_folder import claim_folder, record
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


def test_force_starts_anew_and_keeps_the_old_model_until_a_new_one_is_there(tmp_path: Path) -> None:
    record(tmp_path, CONFIG, "abc", write=True)
    (tmp_path / "model.tflite").write_bytes(b"model")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "float.npz").write_bytes(b"")
    claim_folder(tmp_path, CONFIG, force=True)
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["checkpoints", "model.tflite"]
