from __future__ import annotations

import logging
import threading
import time

import numpy as np
import pytest
from scripted_source import LIMIT_S, Hanging, Scripted, picture, scripted, wait_for

import edge_hdr_device.camera.capture as module
from edge_hdr_device.camera.source import Picture
from edge_hdr_device.errors import CameraError, ConfigError, DependencyError, ImageError
from edge_hdr_device.settings import CameraConfig

GONE = CameraError("the cable is out", hint="put it in")


def log_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    taken = threading.Event()
    script = [*(picture(level) for level in range(1, 6)), lambda: taken.wait(LIMIT_S) and None]
    with scripted(Scripted(script)) as capture:
        wait_for(lambda: capture.status.frames == 5)
        frame = capture.next(LIMIT_S)
        taken.set()
        assert frame is not None
        assert frame.image[0, 0] == 5
        assert frame.number == 5
        assert capture.status.dropped == 4


def test_a_frame_is_given_once() -> None:
    wait = threading.Event()
    with scripted(Scripted([picture(), wait.wait])) as capture:
        assert capture.next(LIMIT_S) is not None
        assert capture.next(0.01) is None
        wait.set()


def test_a_frame_carries_both_clocks() -> None:
    before_s, before_wall_s = time.monotonic(), time.time()
    with scripted(Scripted([picture()])) as capture:
        frame = capture.next(LIMIT_S)
    assert frame is not None
    assert before_s <= frame.monotonic_s <= time.monotonic()
    assert before_wall_s <= frame.time_s <= time.time()


def test_a_source_that_is_not_live_loses_nothing_and_ends() -> None:
    with scripted(Scripted([picture(level) for level in range(50)], live=False)) as capture:
        levels = []
        while (frame := capture.next(LIMIT_S)) is not None:
            levels.append(int(frame.image[0, 0]))
        status = capture.status
    assert levels == list(range(50))
    assert (status.state, status.frames, status.dropped) == ("ended", 50, 0)


def test_after_the_end_there_is_no_waiting() -> None:
    with scripted(Scripted([])) as capture:
        wait_for(lambda: capture.status.state == "ended")
        before_s = time.monotonic()
        assert capture.next(LIMIT_S) is None
        assert time.monotonic() - before_s < LIMIT_S / 2


def test_a_camera_that_fails_is_opened_again_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    wait = threading.Event()
    sources = [
        Scripted([picture(1), GONE]),
        *(Scripted([CameraError("still out")]) for _ in range(4)),
        Scripted([picture(2), wait.wait]),
    ]
    with scripted(*sources) as capture:
        wait_for(lambda: capture.status.reconnects == 1)
        frame = capture.next(LIMIT_S)
        status = capture.status
        wait.set()
    assert frame is not None
    assert frame.image[0, 0] == 2
    assert frame.number == 2
    assert (status.state, status.error) == ("streaming", "")
    assert [source.closed >= 1 for source in sources[:-1]] == [True] * 5
    said = log_of(caplog)
    assert said[:2] == ["camera: scripted", "camera is away: the cable is out (put it in)"]
    assert said[2].startswith("camera is back after ")
    assert len(said) == 3


def test_why_it_waits_is_in_the_status() -> None:
    with scripted(Scripted([picture(), GONE]), Scripted([GONE] * 1000)) as capture:
        wait_for(lambda: capture.status.state == "waiting")
        status = capture.status
    assert (status.error, status.hint) == ("the cable is out", "put it in")
    assert status.to_dict()["error"] == "the cable is out"


def test_a_camera_that_comes_late_is_no_reconnection() -> None:
    wait = threading.Event()
    with scripted(Scripted([GONE]), Scripted([picture(), wait.wait])) as capture:
        assert capture.next(LIMIT_S) is not None
        assert capture.status.reconnects == 0
        wait.set()


def test_what_was_captured_before_an_outage_is_not_given_after_it() -> None:
    with scripted(Scripted([picture(1), GONE]), Scripted([GONE] * 1000)) as capture:
        wait_for(lambda: capture.status.state == "waiting")
        assert capture.next(0.01) is None
        assert (capture.status.frames, capture.status.dropped) == (1, 1)


@pytest.mark.parametrize(
    "error", [DependencyError("no package"), ImageError("no such file"), ConfigError("no such key")]
)
def test_what_waiting_cannot_repair_is_raised(error: Exception) -> None:
    class Impossible(Scripted):
        def open(self) -> None:
            raise error

    with scripted(Impossible([])) as capture:
        with pytest.raises(type(error), match=str(error)):
            capture.next(LIMIT_S)
        assert capture.status.state == "ended"


def test_a_file_that_was_there_before_is_waited_for() -> None:
    class Gone(Scripted):
        def open(self) -> None:
            raise ImageError("the stick is out")

    with scripted(Scripted([picture(), GONE]), Gone([])) as capture:
        wait_for(lambda: capture.status.error == "the stick is out")
        assert capture.status.state == "waiting"


def test_a_bug_in_a_source_is_an_outage_like_any_other() -> None:
    wait = threading.Event()
    with scripted(Scripted([ZeroDivisionError("oh")]), Scripted([picture(), wait.wait])) as capture:
        assert capture.next(LIMIT_S) is not None
        wait.set()


def test_corrupt_pictures_are_counted_and_passed_over() -> None:
    script = [
        ImageError("half a picture"),
        Picture(np.zeros((0, 5), np.uint8)),
        Picture(np.zeros((4, 6), np.float32)),  # type: ignore[arg-type]
        Picture(np.zeros((4, 6, 4), np.uint8)),
        Picture(np.broadcast_to(np.uint8(0), (20_000, 20_000))),
        picture(7),
    ]
    with scripted(Scripted(script, live=False)) as capture:
        frame = capture.next(LIMIT_S)
        assert capture.status.corrupt == 5
    assert frame is not None
    assert frame.image[0, 0] == 7


def test_a_camera_that_gives_only_corrupt_pictures_is_opened_again() -> None:
    wait = threading.Event()
    broken = Scripted([ImageError("noise")] * 1000)
    with scripted(broken, Scripted([picture(), wait.wait])) as capture:
        assert capture.next(LIMIT_S) is not None
        assert capture.status.corrupt == module.MOST_CORRUPT
        assert broken.closed == 1
        wait.set()


def test_pictures_that_a_source_passes_over_are_counted_as_dropped() -> None:
    source = Scripted([])

    def skip() -> Picture:
        source.skipped += 3
        return picture()

    source._script = iter([picture(), skip])
    source.live = False
    with scripted(source) as capture:
        assert [frame.number for frame in iter(lambda: capture.next(LIMIT_S), None)] == [1, 5]
        assert (capture.status.frames, capture.status.dropped) == (5, 3)


@pytest.mark.parametrize(
    ("rotate", "corner"), [(0, (0, 0)), (90, (0, 3)), (180, (3, 5)), (270, (5, 0))]
)
def test_a_picture_is_turned_clockwise(rotate: int, corner: tuple[int, int]) -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = 255
    with scripted(Scripted([Picture(image, truth=("1",))]), rotate=rotate) as capture:
        frame = capture.next(LIMIT_S)
    assert frame is not None
    assert frame.image.shape == ((4, 6, 3) if rotate % 180 == 0 else (6, 4, 3))
    assert frame.image[corner].tolist() == [255, 255, 255]
    assert int((frame.image > 0).sum()) == 3
    assert frame.picture.truth == ("1",)


def test_a_camera_that_hangs_is_left_and_another_one_opened(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    wait = threading.Event()
    hung = Hanging()
    with scripted(hung, Scripted([picture(3), wait.wait]), stall_s=0.1) as capture:
        wait_for(lambda: capture.status.reconnects == 1)
        hung.let_go.set()
        wait_for(lambda: hung.closed >= 2)  # by the watcher, and by its own thread when it is back
        frame = capture.next(LIMIT_S)
        frames = capture.status.frames
        wait.set()
    assert frame is not None
    assert frame.image[0, 0] == 3  # what the hung thread gave at last was not taken
    assert frames == 2
    assert sum("hangs for 0.1 s" in text for text in log_of(caplog)) == 1


def test_when_too_many_threads_hang_the_camera_is_stuck() -> None:
    hung = [Hanging() for _ in range(module.MOST_BLOCKED + 1)]
    with scripted(*hung, stall_s=0.1) as capture:
        wait_for(lambda: capture.status.state == "stuck")
        assert "hangs" in capture.status.error
        assert capture.next(LIMIT_S) is None
        assert not hung[-1].opened
        for one in hung:
            one.let_go.set()
    assert capture.status.state == "stuck"


def test_a_device_that_a_hung_thread_holds_for_long_is_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_BLOCKED_S", 0.2)
    hung = Hanging()
    with scripted(hung, Scripted([CameraError("it is in use")] * 1000), stall_s=0.1) as capture:
        wait_for(lambda: capture.status.state == "stuck")
        hung.let_go.set()


def test_stopping_takes_a_second_even_when_the_camera_hangs() -> None:
    hung = Hanging()
    capture = scripted(hung)
    capture.start()
    assert hung.hanging.wait(LIMIT_S)
    before_s = time.monotonic()
    capture.stop()
    took_s = time.monotonic() - before_s
    hung.let_go.set()
    assert took_s < 2 * module.STOP_S
    wait_for(lambda: hung.closed)


def test_stopping_closes_the_camera_and_counts_what_was_not_taken() -> None:
    wait = threading.Event()
    source = Scripted([picture(), wait.wait])
    capture = scripted(source)
    capture.start()
    wait_for(lambda: capture.status.frames)
    wait.set()
    capture.stop()
    assert source.closed == 1
    assert capture.status.state == "ended"
    assert (capture.status.frames, capture.status.dropped) == (1, 1)
    assert capture.next(LIMIT_S) is None


def test_a_slow_camera_is_not_taken_for_a_silent_one() -> None:
    config = CameraConfig(source="synthetic", fps=0.5, stall_s=0.1)
    assert module.Capture(config)._stall_s == 3 / 0.5


def test_the_settings_are_checked_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="no camera"):
        module.Capture(CameraConfig(source="synthetik"))


def test_pauses_grow_and_begin_small_again_after_a_good_time() -> None:
    course = module.Course("x", first_wait_s=0.01, longest_wait_s=0.04)
    waits = []
    for _ in range(4):
        course.lose(GONE)
        waits.append(course.next_wait_s())
    limits = [0.01, 0.02, 0.04, 0.04]
    assert all(
        0.8 * limit <= wait <= 1.2 * limit for wait, limit in zip(waits, limits, strict=True)
    )
    course.stream("x")
    course.lose(GONE)  # it came only for a moment
    assert course.next_wait_s() >= 0.8 * 0.04
    course.stream("x")
    time.sleep(0.05)
    course.lose(GONE)
    assert course.next_wait_s() <= 1.2 * 0.01
