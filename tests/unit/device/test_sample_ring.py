"""The ring on disk: size, order, restarts, cut power, a person who moves files, training."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr.data.folder import load_folder
from edge_hdr.data.strokes import make_split
from edge_hdr_device import sample_ring
from edge_hdr_device.sample_ring import BLOCK_BYTES, INDEX, Sample, SampleRing

NOON_S = 1_780_000_000.0
BIG = 100 * BLOCK_BYTES


def sample(
    number: int, *, label: str = "3", kind: str = "unsure", time_s: float = NOON_S
) -> Sample:
    image = np.full((20, 20), number % 256, np.uint8)
    return Sample(kind, label, image, time_s, {"frame": number})  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.png"))


def frames(folder: Path) -> list[int]:
    """Give what is kept, in the order of names: each crop is painted in its number."""
    paths = sorted(folder.rglob("*.png"), key=lambda path: path.name)
    return [int(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[0, 0]) for path in paths]


def indexed(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / INDEX).read_text().splitlines()]


def disk_bytes(folder: Path) -> int:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // BLOCK_BYTES) * BLOCK_BYTES for size in sizes)


def test_the_oldest_go_when_it_is_full(tmp_path: Path) -> None:
    ring = SampleRing(tmp_path, 10 * BLOCK_BYTES)
    for number in range(1, 31):
        assert ring.write([sample(number)]) == 1
        assert disk_bytes(tmp_path) <= 10 * BLOCK_BYTES
    assert ring.files == len(frames(tmp_path)) >= 5
    assert frames(tmp_path) == list(range(31 - ring.files, 31))


def test_the_bytes_are_what_is_on_the_disk(tmp_path: Path) -> None:
    ring = SampleRing(tmp_path, 40 * BLOCK_BYTES)
    for number in range(1, 100):
        ring.write([sample(number, label=str(number % 10)), sample(number)])
    assert ring.size_bytes == disk_bytes(tmp_path)


def test_the_index_follows_the_files(tmp_path: Path) -> None:
    ring = SampleRing(tmp_path, 30 * BLOCK_BYTES)
    for number in range(1, 301):
        ring.write([sample(number)])
    lines = indexed(tmp_path)
    assert [line["frame"] for line in lines][-ring.files :] == list(range(301 - ring.files, 301))
    assert len(lines) <= 1.25 * ring.files + sample_ring.STALE_LINES


def test_a_clock_that_jumps_changes_neither_order_nor_files(tmp_path: Path) -> None:
    ring = SampleRing(tmp_path, BIG)
    for number, time_s in enumerate((NOON_S, 0.0, NOON_S + 9e7, 0.0), 1):
        ring.write([sample(number, time_s=time_s)])
    assert frames(tmp_path) == [1, 2, 3, 4]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    SampleRing(tmp_path, BIG).write([sample(1), sample(2)])
    ring = SampleRing(tmp_path, BIG)
    ring.write([sample(3)])
    assert frames(tmp_path) == [1, 2, 3]
    assert ring.files == 3
    assert ring.size_bytes == disk_bytes(tmp_path)


def test_numbers_are_not_given_again_after_a_person_took_the_files(tmp_path: Path) -> None:
    SampleRing(tmp_path, BIG).write([sample(1), sample(2)])
    taken = names(tmp_path)
    shutil.rmtree(tmp_path / "unsure")
    SampleRing(tmp_path, BIG).write([sample(3)])
    assert names(tmp_path)[0] > taken[-1]


def test_a_smaller_limit_holds_at_once(tmp_path: Path) -> None:
    SampleRing(tmp_path, BIG).write([sample(number) for number in range(1, 21)])
    SampleRing(tmp_path, 8 * BLOCK_BYTES).write([sample(21)])
    assert disk_bytes(tmp_path) <= 8 * BLOCK_BYTES
    assert frames(tmp_path)[-1] == 21


def test_a_crop_larger_than_the_ring_is_left_out(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8)
    ring = SampleRing(tmp_path, 4 * BLOCK_BYTES)
    assert ring.write([sample(1), Sample("frames", "", noise, NOON_S, {})]) == 1
    assert frames(tmp_path) == [1]


def test_what_a_power_cut_left_is_cleared_away(tmp_path: Path) -> None:
    SampleRing(tmp_path, BIG).write([sample(1), sample(2), sample(3)])
    torn = sorted((tmp_path / "unsure" / "3").iterdir())[1]
    torn.write_bytes(b"")
    with (tmp_path / INDEX).open("a") as index:
        index.write('{"file": "unsure/3/00000000')
    SampleRing(tmp_path, BIG).write([sample(4)])
    assert frames(tmp_path) == [1, 3, 4]
    assert [line["frame"] for line in indexed(tmp_path)] == [1, 3, 4]


def test_files_of_others_are_never_removed(tmp_path: Path) -> None:
    mine = tmp_path / "unsure" / "3" / "mine.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(bytes(10 * BLOCK_BYTES))
    ring = SampleRing(tmp_path, 6 * BLOCK_BYTES)
    for number in range(1, 20):
        ring.write([sample(number)])
    assert mine.exists()


def test_a_moved_crop_stays_in_the_ring_after_a_restart(tmp_path: Path) -> None:
    SampleRing(tmp_path, BIG).write([sample(1), sample(2)])
    first = sorted((tmp_path / "unsure" / "3").iterdir())[0]
    (tmp_path / "unsure" / "5").mkdir()
    first.rename(tmp_path / "unsure" / "5" / first.name)
    ring = SampleRing(tmp_path, BIG)
    ring.write([sample(3)])
    assert ring.files == 3
    assert [line["frame"] for line in indexed(tmp_path)] == [1, 2, 3]


def test_a_crop_that_a_person_took_away_makes_room_all_the_same(tmp_path: Path) -> None:
    ring = SampleRing(tmp_path, 8 * BLOCK_BYTES)
    ring.write([sample(number) for number in range(1, 6)])
    for path in (tmp_path / "unsure").rglob("*.png"):
        path.unlink()
    for number in range(6, 30):
        ring.write([sample(number)])
    assert disk_bytes(tmp_path) <= 8 * BLOCK_BYTES


def test_no_class_is_left_empty(tmp_path: Path) -> None:
    ring = SampleRing(tmp_path, 6 * BLOCK_BYTES)
    ring.write([sample(1, label="1")])
    for number in range(2, 20):
        ring.write([sample(number, label="2")])
    assert [path.name for path in (tmp_path / "unsure").iterdir()] == ["2"]


def test_labels_that_are_no_names_of_folders_are_escaped(tmp_path: Path) -> None:
    labels = ["7", "a/b", "..", ".x", "%", "é", "+"]
    SampleRing(tmp_path, BIG).write([sample(n, label=label) for n, label in enumerate(labels)])
    made = sorted(path.name for path in (tmp_path / "unsure").iterdir())
    assert made == sorted(["7", "a%2Fb", "%2E.", "%2Ex", "%25", "%C3%A9", "+"])
    assert [line["label"] for line in indexed(tmp_path)] == labels


def test_nothing_of_a_batch_is_kept_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = SampleRing(tmp_path, BIG)
    ring.write([sample(1)])
    (tmp_path / "unsure" / "8").write_text("a file where a class should be")
    with pytest.raises(OSError, match="8"):
        ring.write([sample(2), sample(3, label="8")])
    (tmp_path / "unsure" / "8").unlink()
    ring.write([sample(4)])
    assert frames(tmp_path) == [1, 4]
    assert [line["frame"] for line in indexed(tmp_path)] == [1, 4]


def test_a_share_of_the_disk_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_ring, "SPARE_SHARE", 1.0)
    monkeypatch.setattr(sample_ring, "SPARE_BYTES", 1 << 62)
    with pytest.raises(OSError, match="No space left"):
        SampleRing(tmp_path, BIG).write([sample(1)])


def test_one_batch_is_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = SampleRing(tmp_path, BIG)
    ring.write([sample(1)])
    synced: list[int] = []
    monkeypatch.setattr(sample_ring.os, "fsync", synced.append)
    ring.write([sample(number) for number in range(2, 40)])
    assert len(synced) == 1


def test_a_frame_needs_no_class(tmp_path: Path) -> None:
    SampleRing(tmp_path, BIG).write([sample(1, kind="frames", label="")])
    [path] = (tmp_path / "frames").iterdir()
    assert path.suffix == ".png"
    assert stat.S_ISREG(path.stat().st_mode)


def test_what_is_kept_is_what_build_takes(tmp_path: Path) -> None:
    """Both folders load as data; a crop that a person moved counts as its new class."""
    split = make_split(60, seed=3, workers=1)
    ring = SampleRing(tmp_path, 1000 * BLOCK_BYTES)
    for kind in ("unsure", "accepted"):
        ring.write(
            [
                Sample(kind, str(label), np.pad(255 - image, 8, constant_values=255), NOON_S, {})
                for image, label in zip(split.images, split.labels, strict=True)
            ]
        )
    (tmp_path / "unsure" / "x").mkdir()
    for path in sorted((tmp_path / "unsure" / "4").iterdir())[:3]:
        path.rename(tmp_path / "unsure" / "x" / path.name)
    for kind, classes in (("unsure", 11), ("accepted", 10)):
        data = load_folder(tmp_path / kind, seed=0, strict=True)
        assert len(data.classes) == classes
        assert len(data.train.labels) + len(data.test.labels) == 60
