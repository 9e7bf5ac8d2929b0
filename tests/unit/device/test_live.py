import threading
import time

import pytest
from serving import make_live, show, wait_until

from edge_hdr_device import live as live_module
from edge_hdr_device.live import HISTORY, Part


def test_the_newest_moment_is_consistent_in_itself() -> None:
    live = make_live()
    show(live, 1, text="1")
    view = show_and_view(live, 2, "2")
    assert view.frame is not None and view.result is not None
    assert (view.frame.number, view.result.frame) == (2, 2)
    assert view.standing[0].text == "2"
    assert (view.events, view.reads, live.frames) == (1, 2, 2)


def show_and_view(live: live_module.Live, number: int, text: str) -> live_module.View:
    show(live, number, text=text)
    return live.view


def test_a_camera_that_is_away_leaves_only_the_history() -> None:
    live = make_live()
    show(live)
    live.clear(())
    view = live.view
    assert (view.frame, view.result, view.standing) == (None, None, ())
    assert len(view.history) == 1
    assert live.fps == 0


def test_a_frame_that_grew_old_is_shown_no_more() -> None:
    live = make_live(fresh_s=0.05)
    show(live)
    assert live.view.frame is not None
    wait_until(lambda: live.view.frame is None)
    assert live.wait(0, 0.0).frame is None
    assert live.to_dict()["reading"] == []
    show(live, 2)
    assert live.view.frame is not None


def test_a_wait_ends_with_the_next_frame() -> None:
    live = make_live()
    show(live, 1)
    timer = threading.Timer(0.05, show, (live, 2))
    timer.start()
    view = live.wait(1, 10.0)
    timer.join()
    assert view.frame is not None and view.frame.number == 2


def test_a_wait_ends_in_time_without_one() -> None:
    live = make_live()
    show(live, 1)
    view = live.wait(1, 0.01)
    assert view.frame is not None and view.frame.number == 1


def test_the_frame_loop_lives_while_it_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "ALIVE_S", 0.05)
    live = make_live()
    wait_until(lambda: not live.alive)
    live.beat()
    assert live.alive
    wait_until(lambda: not live.alive)
    show(live)
    assert live.alive


def test_the_history_is_bounded_and_its_count_is_not() -> None:
    live = make_live()
    for _ in range(HISTORY + 5):
        show(live, 1)
    assert len(live.view.history) == HISTORY
    assert live.view.events == HISTORY + 5


def test_the_whole_does_as_its_worst_part() -> None:
    parts = [Part("a", "ok", "fine"), Part("b", "degraded", "slow"), Part("c", "failing", "gone")]
    assert make_live(*parts[:1]).level == "ok"
    assert make_live(*parts[:2]).level == "degraded"
    assert make_live(*parts).health()["level"] == "failing"


def test_stage_times_are_of_frames_that_were_read() -> None:
    live = make_live()
    assert live.stage_times() == {}
    show(live)
    assert live.stage_times() == {
        "gate": {"p50_ms": 0.1, "p99_ms": 0.1},
        "locate": {"p50_ms": 2.0, "p99_ms": 2.0},
        "total": {"p50_ms": 2.1, "p99_ms": 2.1},
    }


def test_frames_a_second_are_counted_over_the_last_ones() -> None:
    live = make_live()
    for number in range(1, 6):
        show(live, number)
        time.sleep(0.01)
    assert 1 < live.fps < 100
