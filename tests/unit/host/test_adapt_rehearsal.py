"""What is rehearsed: scenes are looked at once, and the next adaptation finds them in the cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_hdr.adaptation import rehearsal
from edge_hdr.adaptation.rehearsal import gather
from edge_hdr_device.manifest import read_model

TINY = Path(__file__).parents[2] / "data" / "tiny-int8.tflite"


def test_scenes_are_one_piece_of_work_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sizes = {"LEARNT": 40, "SEEN": 6, "OTHERS": 4, "CHECKED_SEEN": 3, "CHECKED_OTHERS": 2,
             "STROKES": 200}  # fmt: skip
    for name, size in sizes.items():
        monkeypatch.setattr(rehearsal, name, size)
    manifest, told = read_model(TINY)[1], []

    def ask():
        told.clear()
        return gather(manifest, data="strokes", data_dir=None, seed=3,
                      progress=lambda *words: told.append(words))  # fmt: skip

    first = ask()
    looked = [words[1:] for words in told if words[0] == "looking at scenes"]
    assert {total for _, total in looked} == {6 + 4 + 3 + 2}
    assert [done for done, _ in looked] == sorted(done for done, _ in looked)
    assert looked[-1] == (15, 15)
    assert len(first.scenes) == 3 + 2
    again = ask()
    assert "looking at scenes" not in {words[0] for words in told}
    assert np.array_equal(again.train.images, first.train.images)
    assert np.array_equal(again.scenes.labels, first.scenes.labels)
