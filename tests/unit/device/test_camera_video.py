from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.video import VideoFile
from edge_hdr_device.errors import CameraError, ImageError
from edge_hdr_device.settings import CameraConfig

LIMIT_S = 20.0
LEVELS = list(range(10, 250, 20))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a real MJPEG video of twelve frames, each a little lighter."""
    path = tmp_path_factory.mktemp("video") / "counting.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    assert writer.isOpened()
    for level in LEVELS:
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return path


def levels_of(source: VideoFile, most: int) -> list[int]:
    found = []
    while len(found) < most and (picture := source.read()) is not None:
        found.append(int(picture.image.mean()))
    return found


def assert_counts(found: list[int], times: int = 1) -> None:
    assert len(found) == times * len(LEVELS)
    assert np.abs(np.array(found) - np.array(LEVELS * times)).max() <= 3  # JPEG


def test_every_frame_is_given_and_then_the_end(video: Path) -> None:
    with VideoFile(video, fast=True) as source:
        assert not source.live
        assert_counts(levels_of(source, 1000))
        assert source.read() is None


def test_a_video_that_loops_begins_again(video: Path) -> None:
    with VideoFile(video, fast=True, loop=True) as source:
        assert_counts(levels_of(source, 3 * len(LEVELS)), times=3)


def test_in_real_time_it_takes_its_time(video: Path) -> None:
    with VideoFile(video) as source:
        assert source.live
        begin_s = time.monotonic()
        levels_of(source, len(LEVELS))
        assert time.monotonic() - begin_s >= (len(LEVELS) - 1) / 25.0


def test_a_capture_as_fast_as_it_goes_loses_no_frame(video: Path) -> None:
    with Capture(CameraConfig(source=str(video), fast=True)) as capture:
        frames = list(iter(lambda: capture.next(LIMIT_S), None))
        status = capture.status
    assert [frame.number for frame in frames] == list(range(1, len(LEVELS) + 1))
    assert (status.state, status.dropped) == ("ended", 0)


def test_closing_ends_a_loop_in_another_thread(video: Path) -> None:
    source = VideoFile(video, fast=True, loop=True)
    source.open()
    thread = threading.Thread(target=levels_of, args=(source, 10**9))
    thread.start()
    source.close()
    thread.join(LIMIT_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_what_is_no_video_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="cannot be read as a video"):
        VideoFile(path).open()


@pytest.mark.parametrize("loop", [False, True])
def test_a_video_cut_off_in_the_middle_ends_there_with_one_warning(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, loop: bool
) -> None:
    path = tmp_path / "cut.avi"
    whole = video.read_bytes()
    path.write_bytes(whole[: (whole.index(b"movi") + whole.index(b"idx1")) // 2])
    with VideoFile(path, fast=True, loop=loop) as source:
        read = len(levels_of(source, 50))
        assert read == 50 if loop else 0 < read < len(LEVELS)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f" of {len(LEVELS)} frames: it may be cut off" in record.message


def test_a_whole_video_or_one_closed_early_is_no_warning(
    video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with VideoFile(video, fast=True) as source:
        levels_of(source, 1000)
    with VideoFile(video, fast=True) as source:
        source.read()
        source.close()
        assert source.read() is None
    assert not caplog.records


def test_a_looped_video_that_vanishes_is_an_outage(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.avi"
    path.write_bytes(video.read_bytes())
    with VideoFile(path, fast=True, loop=True) as source:
        path.unlink()
        with pytest.raises(CameraError, match="any more"):
            levels_of(source, 1000)
