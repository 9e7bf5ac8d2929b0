"""An output never holds up reading, and every message offered to it is accounted for."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from edge_hdr_device.errors import UnreachableError
from edge_hdr_device.publish import outlet as module
from edge_hdr_device.publish.message import Kind, Message
from edge_hdr_device.publish.outlet import Outlet, stop_all

LIMIT_S = 10.0
ALL: frozenset[Kind] = frozenset({"frame", "reading", "health"})


class Sink(Outlet):
    """An output in memory, whose faults a test decides."""

    def __init__(
        self,
        *,
        opening: Callable[[], None] = lambda: None,
        sending: Callable[[Message], None] = lambda message: None,
        wants: frozenset[Kind] = ALL,
        capacity: int = 1000,
    ) -> None:
        super().__init__("sink", wants=wants, capacity=capacity, first_wait_s=0.001)
        self.opening, self.sending = opening, sending
        self.got: list[Any] = []
        self.opened = self.closed = 0
        self.pauses: list[float] = []

    def _open(self) -> None:
        self.opening()
        self.opened += 1

    def _send(self, message: Message) -> None:
        self.sending(message)
        self.got.append(message.body["n"])

    def _close(self) -> None:
        self.closed += 1

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        super()._pause(0.001)


def reading(n: int) -> Message:
    return Message("reading", {"n": n})


def frame(n: int) -> Message:
    return Message("frame", {"n": n})


def total(outlet: Outlet) -> int:
    status = outlet.status
    return status.sent + status.dropped + status.waiting


def wait_until(happened: Callable[[], bool]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.001)


def down() -> None:
    raise OSError(5, "it is down")


def test_messages_are_sent_in_their_order() -> None:
    sink = Sink()
    sink.start()
    for n in range(100):
        sink.offer(reading(n))
    sink.stop(LIMIT_S)
    assert sink.got == list(range(100))
    assert (sink.status.state, sink.status.sent, sink.status.waiting) == ("stopped", 100, 0)
    assert sink.closed == 1


def test_a_kind_that_is_not_wanted_is_passed_over_and_not_counted() -> None:
    sink = Sink(wants=frozenset({"reading"}))
    sink.offer(frame(1))
    assert total(sink) == 0


def test_a_message_that_failed_goes_first_when_the_output_is_back() -> None:
    failures = iter([OSError(5, "gone"), UnreachableError("gone"), None])

    def sending(message: Message) -> None:
        if message.body["n"] == 3 and (error := next(failures)):
            raise error

    sink = Sink(sending=sending)
    sink.start()
    for n in range(6):
        sink.offer(reading(n))
    wait_until(lambda: sink.status.sent == 6)
    assert sink.got == list(range(6))
    assert (sink.opened, total(sink)) == (3, 6)
    sink.stop()


def test_nothing_is_lost_over_an_outage_within_the_capacity() -> None:
    is_down = threading.Event()
    is_down.set()
    sink = Sink(opening=lambda: down() if is_down.is_set() else None)
    sink.start()
    for n in range(50):
        sink.offer(reading(n))
    wait_until(lambda: sink.status.state == "down")
    assert sink.status.error == "it is down"
    is_down.clear()
    wait_until(lambda: sink.status.sent == 50)
    assert sink.got == list(range(50))
    assert sink.status.error == ""
    sink.stop()


def test_the_account_is_right_at_all_times_whatever_fails() -> None:
    chance = random.Random(7)

    def sending(message: Message) -> None:
        draw = chance.random()
        if draw < 0.05:
            raise OSError(5, "gone")
        if draw < 0.1:
            raise ValueError("not this one")

    sink = Sink(sending=sending, capacity=20)
    sink.start()
    for n in range(3000):
        sink.offer(reading(n))
        assert total(sink) == n + 1
        if n % 50 == 0:
            time.sleep(0.001)
    sink.stop(0.2)
    assert total(sink) == 3000
    assert sink.status.waiting == 0
    assert sink.status.sent == len(sink.got)
    assert sink.got == sorted(sink.got)


def test_an_output_that_blocks_for_ever_holds_up_neither_offer_nor_stop() -> None:
    unblock = threading.Event()
    sink = Sink(sending=lambda message: void(unblock.wait(LIMIT_S)), capacity=5)
    sink.start()
    sink.offer(reading(0))
    wait_until(lambda: sink.status.waiting == 1 and not sink._buffer)
    for n in range(1, 20):
        sink.offer(reading(n))
    assert (sink.status.waiting, sink.status.dropped) == (6, 14)
    begun_s = time.monotonic()
    sink.stop(0.05)
    assert time.monotonic() - begun_s < LIMIT_S / 2
    assert (sink.status.state, sink.status.sent, sink.status.dropped) == ("stopped", 0, 20)
    unblock.set()  # the message gets through after all: it was counted as lost, and stays so
    sink._thread.join(LIMIT_S)
    assert (sink.status.state, sink.status.sent, sink.status.dropped) == ("stopped", 0, 20)
    assert sink.closed == 1


def void(value: object) -> None:
    """Forget a value."""


def test_a_full_buffer_gives_up_frames_before_health_before_readings() -> None:
    sink = Sink(opening=down, capacity=3)
    kinds: list[Kind] = ["reading", "frame", "health", "frame", "reading", "reading", "reading"]
    for n, kind in enumerate(kinds):
        sink.offer(Message(kind, {"n": n}))
    # lost: frame 1, frame 3, health 2, and then the oldest reading
    assert [message.body["n"] for message in sink._buffer] == [4, 5, 6]
    assert (sink.status.dropped, sink.status.waiting) == (4, 3)


def test_a_message_given_back_to_a_full_buffer_is_the_oldest() -> None:
    failing, go_on = threading.Event(), threading.Event()

    def sending(message: Message) -> None:
        if message.body["n"] == 0:
            failing.set()
            assert go_on.wait(LIMIT_S)
            down()

    sink = Sink(sending=sending, capacity=2)
    sink.start()
    sink.offer(reading(0))
    assert failing.wait(LIMIT_S)
    sink.offer(reading(1))
    sink.offer(reading(2))
    go_on.set()
    wait_until(lambda: sink.status.sent == 2)
    assert sink.got == [1, 2]
    assert (sink.status.dropped, total(sink)) == (1, 3)
    sink.stop()


def test_an_output_that_opens_but_takes_nothing_is_down_all_the_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Sink(sending=lambda message: down())
    states = set()
    with caplog.at_level(logging.INFO, "edge_hdr.publish"):
        sink.offer(reading(1))
        sink.start()
        while sink.opened < 20:
            states.add(sink.status.state)
        sink.stop()
    assert states <= {"starting", "down"}
    assert [record.message for record in caplog.records] == [
        "sink is down: it is down",
        "sink: stopped with 1 messages unsent",
    ]


def test_pauses_grow_up_to_a_minute_while_an_output_stays_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module.random, "uniform", lambda low, high: 1.0)
    sink = Sink(opening=down)
    sink._first_wait_s = 0.5
    sink.start()
    wait_until(lambda: len(sink.pauses) >= 10)
    sink.stop()
    assert sink.pauses[:9] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_an_output_that_opens_and_fails_at_once_is_tried_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module.random, "uniform", lambda low, high: 1.0)
    sink = Sink(sending=lambda message: down())
    sink._first_wait_s = 0.5
    sink.offer(reading(1))
    sink.start()
    wait_until(lambda: len(sink.pauses) >= 4)
    sink.stop()
    assert sink.pauses[:4] == [0.5, 1, 2, 4]


def test_an_output_that_was_up_for_long_is_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module.random, "uniform", lambda low, high: 1.0)
    monkeypatch.setattr(module, "STEADY_S", 0.0)
    sink = Sink(sending=lambda message: down())
    sink._first_wait_s = 0.5
    sink.offer(reading(1))
    sink.start()
    wait_until(lambda: len(sink.pauses) >= 3)
    sink.stop()
    assert sink.pauses[:3] == [0.5, 0.5, 0.5]


def test_a_message_that_can_never_be_sent_is_dropped_alone_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def sending(message: Message) -> None:
        if message.body["n"] % 2:
            raise TypeError("no JSON")

    sink = Sink(sending=sending)
    sink.start()
    for n in range(10):
        sink.offer(reading(n))
    wait_until(lambda: sink.status.error == "a reading cannot be sent: TypeError: no JSON")
    wait_until(lambda: not sink.status.waiting)
    assert sink.status.state == "up"
    sink.stop()
    assert sink.got == [0, 2, 4, 6, 8]
    assert (sink.status.sent, sink.status.dropped) == (5, 5)
    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert lines == ["sink: a reading cannot be sent: TypeError: no JSON"]


def test_an_output_is_up_though_its_only_message_could_not_be_sent() -> None:
    def sending(message: Message) -> None:
        raise ValueError("no JSON")

    sink = Sink(sending=sending)
    sink.offer(reading(1))
    sink.start()
    wait_until(lambda: sink.status.dropped == 1)
    wait_until(lambda: sink.status.state == "up" and "no JSON" in sink.status.error)
    sink.stop()


def test_a_bug_in_opening_ends_no_thread() -> None:
    errors = iter([KeyError("oops"), None])

    def opening() -> None:
        if error := next(errors, None):
            raise error

    sink = Sink(opening=opening)
    sink.start()
    sink.offer(reading(1))
    wait_until(lambda: sink.status.sent == 1)
    sink.stop()


def test_an_output_lost_while_idle_is_noticed_and_opened_again() -> None:
    is_down = threading.Event()
    sink = Sink(opening=lambda: down() if is_down.is_set() else None)
    sink.start()
    wait_until(lambda: sink.status.state == "up")
    is_down.set()
    sink._lost(UnreachableError("the broker went away", hint="start it"))
    wait_until(lambda: sink.status.state == "down")
    is_down.clear()
    wait_until(lambda: sink.status.state == "up")
    assert sink.opened == 2
    sink.stop()


def test_the_reason_says_what_to_do() -> None:
    def opening() -> None:
        raise UnreachableError("the broker does not answer", hint="start it")

    sink = Sink(opening=opening)
    sink.start()
    wait_until(lambda: sink.status.state == "down")
    assert sink.status.error == "the broker does not answer (start it)"
    assert sink.status.to_dict()["error"] == "the broker does not answer (start it)"
    sink.stop()


def test_stop_neither_waits_for_an_output_that_is_down_nor_tries_it_again() -> None:
    tries: list[None] = []
    sink = Sink(opening=lambda: tries.append(None) or down())
    sink._pause = lambda seconds: Outlet._pause(sink, 1000.0)  # type: ignore[method-assign]
    sink.start()
    sink.offer(reading(1))
    wait_until(lambda: sink.status.state == "down")
    sink.stop(LIMIT_S)
    assert not sink._thread.is_alive()
    assert len(tries) == 1
    assert (sink.status.dropped, sink.status.waiting) == (1, 0)


def test_what_was_offered_to_an_output_that_never_started_is_lost_and_counted() -> None:
    sink = Sink()
    sink.offer(reading(1))
    sink.stop()
    sink.offer(reading(2))
    sink.stop()
    assert (sink.status.state, sink.status.dropped, total(sink)) == ("stopped", 2, 2)


def test_stop_is_possible_without_a_limit() -> None:
    sink = Sink()
    sink.offer(reading(1))
    sink.start()
    sink.stop(float("inf"))
    assert sink.got == [1]


def test_many_blocked_outputs_are_stopped_in_the_time_of_one() -> None:
    unblock = threading.Event()
    sinks = [Sink(opening=lambda: void(unblock.wait(LIMIT_S))) for _ in range(50)]
    for sink in sinks:
        sink.start()
    begun_s = time.monotonic()
    stop_all(sinks, timeout_s=0.1)
    assert time.monotonic() - begun_s < 50 * 0.1 / 2
    assert {sink.status.state for sink in sinks} == {"stopped"}
    unblock.set()


def test_a_source_that_can_wait_loses_nothing_to_a_slow_output() -> None:
    sink = Sink(sending=lambda message: time.sleep(0.0005), capacity=4)
    sink.start()
    for n in range(100):
        assert sink.wait_for_room(LIMIT_S)
        sink.offer(reading(n))
    sink.stop(LIMIT_S)
    assert sink.got == list(range(100))


def test_a_source_that_can_wait_waits_neither_for_an_output_that_is_down_nor_for_ever() -> None:
    sink = Sink(opening=down, capacity=1)
    sink.start()
    sink.offer(reading(1))
    wait_until(lambda: sink.status.state == "down")
    assert not sink.wait_for_room(1000)
    sink.stop()
    unblock = threading.Event()
    blocked = Sink(opening=lambda: void(unblock.wait(LIMIT_S)), capacity=1)
    blocked.start()
    blocked.offer(reading(1))
    assert not blocked.wait_for_room(0.01)
    unblock.set()
    blocked.stop()


def test_only_an_output_that_is_up_says_farewell_after_all_else_and_in_time() -> None:
    told: list[object] = []

    class Polite(Sink):
        def _farewell(self, end_s: float) -> None:
            told.append((end_s, self.got[:], self.closed))

    up = Polite()
    up.start()
    up.offer(reading(1))
    before_s = time.monotonic()
    up.stop(LIMIT_S)
    ((end_s, got, closed),) = told  # type: ignore[misc]
    assert before_s + LIMIT_S <= end_s <= time.monotonic() + LIMIT_S
    assert (got, closed) == ([1], 0)
    gone = Polite(opening=down)
    gone.start()
    wait_until(lambda: gone.status.state == "down")
    gone.stop()
    assert len(told) == 1


def test_a_body_is_one_line_of_ascii_json() -> None:
    assert Message("reading", {"text": "½\n", "n": [1, None]}).to_json() == (
        b'{"text":"\\u00bd\\n","n":[1,null]}'
    )
    with pytest.raises(ValueError, match="JSON compliant"):
        Message("reading", {"confidence": float("nan")}).to_json()
