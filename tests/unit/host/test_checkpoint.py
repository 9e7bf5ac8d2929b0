from pathlib import Path

import numpy as np
import pytest

from edge_hdr.checkpoint import Checkpoint, CheckpointStore
from edge_hdr.errors import StorageError

ROW = {"phase": "float", "epoch": 1, "loss": 0.5}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
    best = (0.9, [np.ones(2, np.float32)])
    store = CheckpointStore(tmp_path)
    store.save("float", Checkpoint(3, [ROW], arrays, best))
    loaded = store.load("float")
    assert loaded is not None
    assert (loaded.epochs, loaded.history, loaded.best[0]) == (3, [ROW], 0.9)
    for found, saved in zip([*loaded.arrays, *loaded.best[1]], [*arrays, *best[1]], strict=True):
        np.testing.assert_array_equal(found, saved)
        assert found.dtype == saved.dtype


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert CheckpointStore(tmp_path).load("qat") is None
    assert CheckpointStore(None).load("qat") is None


def test_a_worker_that_is_not_the_chief_writes_nothing(tmp_path: Path) -> None:
    CheckpointStore(tmp_path, write=False).save("float", Checkpoint(1, [], []))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 50, 300])
def test_a_damaged_file_is_named(tmp_path: Path, keep: int) -> None:
    store = CheckpointStore(tmp_path)
    store.save("float", Checkpoint(1, [ROW], [np.zeros(100)]))
    path = tmp_path / "float.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StorageError, match=r"float\.npz is damaged"):
        store.load("float")
