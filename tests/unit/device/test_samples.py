"""Which crops are kept, and that a disk in trouble never reaches the frame loop."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawing import paper, seven, zero

from edge_hdr_device import sample_ring, samples
from edge_hdr_device.pipeline import Digit
from edge_hdr_device.results import FrameResult
from edge_hdr_device.sample_ring import INDEX
from edge_hdr_device.samples import Samples
from edge_hdr_device.settings import SamplesConfig

NOON_S = 1_780_000_000.0
SURE = Digit("0", 0.999, (100, 100, 60, 100), track=1)
UNSURE = Digit("7", 0.71, (300, 100, 60, 100), track=2)
REJECTED = Digit("7", 0.41, (300, 100, 60, 100), "low confidence", track=3)


@pytest.fixture
def image() -> np.ndarray:
    frame = paper()
    zero(frame, 100, 100, 100)
    seven(frame, 300, 100, 100)
    return frame


def result(*digits: Digit, frame: int = 1, changed: bool = True, name: str = "") -> FrameResult:
    return FrameResult(
        frame=frame,
        time_s=NOON_S + frame,
        width=640,
        height=480,
        changed=changed,
        lines=("".join(digit.label for digit in digits),),
        digits=digits,
        standing=(),
        name=name,
    )


def config(folder: Path, **changes: object) -> SamplesConfig:
    return replace(SamplesConfig(folder=str(folder), batch_s=60), **changes)


def kept(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def index(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / INDEX).read_text().splitlines()]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[list[Samples]]:
    """Collect what a test makes, so that no thread is left behind."""
    everything: list[Samples] = []
    yield everything
    for one in everything:
        one.stop()


def keep(made: list[Samples], settings: SamplesConfig) -> Samples:
    one = Samples(settings, "ds-cnn-small 1.2")
    made.append(one)
    one.start()
    return one


def test_rejected_and_unsure_digits_are_kept_and_sure_ones_are_not(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    one.offer(image, result(SURE, UNSURE, replace(REJECTED, label="1")))
    one.stop()
    assert [name.rpartition("/")[0] for name in kept(tmp_path)] == ["unsure/1", "unsure/7"]
    assert one.part.level == "ok"
    assert one.part.facts["stored"] == 2


def test_the_index_says_what_a_crop_is(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    one.offer(image, result(SURE, REJECTED, frame=17))
    one.stop()
    [line] = index(tmp_path)
    assert line == {
        "file": kept(tmp_path)[0],
        "label": "7",
        "time": "2026-05-28T20:26:57.000Z",
        "confidence": 0.41,
        "accepted": False,
        "reason": "low confidence",
        "line": "0?",
        "box": [300, 100, 60, 100],
        "crop": [280, 80, 100, 140],  # 20 % of the longer side on each side
        "track": 3,
        "reading": [],
        "frame": 17,
        "model": "ds-cnn-small 1.2",
    }
    crop = cv2.imread(str(tmp_path / str(line["file"])), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(crop, image[80:220, 280:380])


def test_a_digit_at_the_edge_is_cut_where_the_frame_ends(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    one.offer(image, result(replace(UNSURE, box=(600, 400, 40, 80))))
    one.stop()
    assert index(tmp_path)[0]["crop"] == [584, 384, 56, 96]


def test_a_coloured_frame_gives_the_grey_that_was_read(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    frame = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    one = keep(made, config(tmp_path))
    one.offer(frame, result(UNSURE))
    frame[:] = 0  # the crop is a copy
    one.stop()
    crop = cv2.imread(str(tmp_path / kept(tmp_path)[0]), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(crop, image[80:220, 280:380])


def test_a_digit_that_stays_rejected_is_kept_once(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    for frame in range(1, 1001):
        one.offer(image, result(replace(REJECTED, label="17"[frame % 2]), frame=frame))
    one.stop()
    assert [name[:8] for name in kept(tmp_path)] == ["unsure/1", "unsure/7"]  # once a guess


def test_a_digit_that_stays_rejected_is_kept_again_after_a_while(
    tmp_path: Path, image: np.ndarray, made: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "AGAIN_S", 0.0)
    one = keep(made, config(tmp_path))
    for frame in (1, 2, 3):
        one.offer(image, result(REJECTED, frame=frame))
    one.stop()
    assert len(kept(tmp_path)) == 3


def test_every_third_accepted_digit_is_kept(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path, every=3))
    for track in range(1, 8):
        for frame in (1, 2):  # seen twice, it is one digit all the same
            one.offer(image, result(replace(SURE, track=track), frame=2 * track + frame))
    one.stop()
    assert [line["track"] for line in index(tmp_path)] == [3, 6]
    assert [name.rpartition("/")[0] for name in kept(tmp_path)] == ["accepted/0"] * 2


def test_a_camera_of_noise_does_not_wear_out_the_card(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    for track in range(500):
        one.offer(image, result(replace(REJECTED, track=track)))
    one.stop()
    count = len(kept(tmp_path))
    assert samples.BURST <= count <= samples.BURST + 10
    assert one.part.facts["passed_over"] == 500 - count


def test_pictures_of_a_folder_are_all_looked_at(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    for track in range(200):
        one.offer(image, result(replace(REJECTED, track=track), name=f"{track}.png"))
    one.stop()
    assert len(kept(tmp_path)) == 200
    assert index(tmp_path)[7]["name"] == "7.png"


def test_whole_frames_are_kept_only_when_asked_for(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path, frames=True, every=1))
    one.offer(image, result(SURE, frame=1))
    one.offer(image, result(SURE, UNSURE, frame=2))
    one.stop()
    frames = [line for line in index(tmp_path) if str(line["file"]).startswith("frames/")]
    assert [line["frame"] for line in frames] == [2]
    assert len(frames[0]["digits"]) == 2  # type: ignore[arg-type]
    stored = cv2.imread(str(tmp_path / str(frames[0]["file"])), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(stored, image)


def test_an_unchanged_frame_gives_nothing(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path))
    one.offer(image, result(REJECTED, changed=False))
    one.stop()
    assert kept(tmp_path) == []


def test_without_a_folder_nothing_is_kept(
    tmp_path: Path, image: np.ndarray, made: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = keep(made, SamplesConfig())
    one.offer(image, result(REJECTED))
    one.stop()
    assert one.part.state == "off"
    assert list(tmp_path.iterdir()) == []


def test_many_crops_are_written_before_the_time(
    tmp_path: Path, image: np.ndarray, made: list[Samples]
) -> None:
    one = keep(made, config(tmp_path, batch_s=3600))
    for track in range(samples.BATCH):
        one.offer(image, result(replace(REJECTED, track=track)))
    assert wait_until(lambda: one.part.facts["stored"] == samples.BATCH)


def test_what_waits_is_bounded(
    tmp_path: Path, image: np.ndarray, made: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    crop_bytes = 100 * 140
    monkeypatch.setattr(samples, "WAITING_BYTES", 10 * crop_bytes)
    one = Samples(config(tmp_path), "m")  # not started: its thread is too slow to take any
    for frame in range(1, 31):
        one.offer(image, result(replace(REJECTED, track=frame), frame=frame))
    assert one.part.facts["waiting"] == 10
    assert one.part.facts["dropped"] == 20
    made.append(one)
    one.start()
    one.stop()
    assert [line["frame"] for line in index(tmp_path)] == list(range(21, 31))  # the newest


def test_a_folder_that_cannot_be_made_is_degraded_until_it_can(
    tmp_path: Path,
    image: np.ndarray,
    made: list[Samples],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(samples, "RETRY_S", 0.05)
    blocker = tmp_path / "card"
    blocker.write_text("a file where the folder should be")
    one = keep(made, config(blocker / "samples", batch_s=0.01))
    with caplog.at_level(logging.INFO, "edge_hdr.samples"):
        for track in range(3):
            one.offer(image, result(replace(REJECTED, track=track)))
            assert wait_until(lambda at=track: one.part.facts["dropped"] == at + 1)
        assert one.part.level == "degraded"
        assert "cannot keep samples in" in one.part.detail
        blocker.unlink()
        one.offer(image, result(replace(REJECTED, track=9)))
        assert wait_until(lambda: one.part.facts["stored"] == 1)
    assert one.part.level == "ok"
    assert len(caplog.messages) == 2  # once that it fails, once that it is over
    assert "again" in caplog.messages[1]


def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    """Under a limit for files of 300 bytes no crop can be written; then it is lifted."""
    script = """
import resource, sys, time
from edge_hdr_device import samples
from test_samples import REJECTED, config, paper, replace, result, seven, wait_until
from pathlib import Path
samples.RETRY_S = 0.05
image = paper()
seven(image, 300, 100, 100)
one = samples.Samples(config(Path(sys.argv[1]), batch_s=0.01), "m")
one.start()
one.offer(image, result(REJECTED))
assert wait_until(lambda: one.part.facts["dropped"] == 1), one.part
assert one.part.level == "degraded", one.part
assert not list(Path(sys.argv[1]).rglob("*.png"))
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
one.offer(image, result(replace(REJECTED, track=8)))
assert wait_until(lambda: one.part.facts["stored"] == 1), one.part
one.stop()
"""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "samples")],
        preexec_fn=limit,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(kept(tmp_path / "samples")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_small_disk_that_is_full_and_then_read_only_is_survived(
    tmp_path: Path, image: np.ndarray, made: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "RETRY_S", 0.05)
    monkeypatch.setattr(sample_ring, "SPARE_BYTES", -(1 << 40))  # let the kernel refuse
    disk = tmp_path / "disk"
    disk.mkdir()
    if mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)):
        pytest.skip("no tmpfs can be mounted here")
    try:
        (disk / "others").write_bytes(bytes(15 * 4096))  # room for the crop, not for the index
        one = keep(made, config(disk / "samples", batch_s=0.01))
        one.offer(image, result(REJECTED))
        assert wait_until(lambda: one.part.facts["dropped"] == 1)
        assert "No space left" in one.part.detail
        assert kept(disk) == []
        (disk / "others").unlink()
        one.offer(image, result(replace(REJECTED, track=8)))
        assert wait_until(lambda: one.part.facts["stored"] == 1)
        assert mount("-o", "remount,ro", str(disk)) == 0
        one.offer(image, result(replace(REJECTED, track=9)))
        assert wait_until(lambda: one.part.facts["dropped"] == 2)
        assert "Read-only" in one.part.detail
        one.stop()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def mount(*arguments: str) -> int:
    return subprocess.run(["mount", *arguments], check=False).returncode


def wait_until(holds: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if holds():
            return True
        time.sleep(0.01)
    return False
