"""Lines of JSON to a pipe, whether its reader is slow, gone or shares it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_hdr_device.publish.message import Kind, Message
from edge_hdr_device.publish.stream import StdoutOutlet

LIMIT_S = 10.0
READINGS: frozenset[Kind] = frozenset({"reading"})


def reading(n: int, padding: int = 0) -> Message:
    return Message("reading", {"n": n, "padding": "x" * padding})


def wait_until(happened: Callable[[], bool]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.001)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give the reading and the writing end; both may be closed by the test."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError as error:
            assert error.errno == errno.EBADF


def numbers(data: bytes) -> list[int]:
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line)["n"] for line in data.splitlines()]


def test_each_message_is_one_line_that_is_there_at_once(pipe: tuple[int, int]) -> None:
    outlet = StdoutOutlet(wants=READINGS, descriptor=pipe[1])
    outlet.start()
    outlet.offer(reading(1))
    assert os.read(pipe[0], 1000) == b'{"n":1,"padding":""}\n'
    outlet.offer(Message("frame", {"n": 2}))
    outlet.offer(reading(3))
    assert numbers(os.read(pipe[0], 1000)) == [3]
    outlet.stop()


def test_a_reader_that_does_not_read_holds_up_nothing(pipe: tuple[int, int]) -> None:
    outlet = StdoutOutlet(wants=READINGS, descriptor=pipe[1])
    outlet.start()
    for n in range(2000):
        outlet.offer(reading(n, padding=1000))
    status = outlet.status
    assert status.sent + status.dropped + status.waiting == 2000
    assert status.dropped > 0
    outlet.stop(0.05)
    assert outlet.status.waiting == 0
    os.close(pipe[0])  # frees the thread, which hangs in its last line
    outlet._thread.join(LIMIT_S)


def test_a_slow_reader_gets_whole_lines_in_order(pipe: tuple[int, int]) -> None:
    outlet = StdoutOutlet(wants=READINGS, descriptor=pipe[1])
    outlet.start()
    for n in range(100):
        outlet.offer(reading(n, padding=9000))  # longer than what a pipe takes at once
    got = b""
    while got.count(b"\n") < 100:
        got += os.read(pipe[0], 5000)
    assert numbers(got) == list(range(100))
    outlet.stop()
    assert outlet.status.sent == 100


def test_a_pipe_made_non_blocking_by_whoever_shares_it_loses_nothing(
    pipe: tuple[int, int],
) -> None:
    os.set_blocking(pipe[1], False)
    outlet = StdoutOutlet(wants=READINGS, descriptor=pipe[1])
    outlet.start()
    for n in range(100):
        outlet.offer(reading(n, padding=9000))
    got = b""
    while got.count(b"\n") < 100:
        got += os.read(pipe[0], 5000)
    assert numbers(got) == list(range(100))
    outlet.stop()


def test_a_reader_that_has_gone_ends_the_output_and_tells_once(pipe: tuple[int, int]) -> None:
    told: list[str] = []
    gone = threading.Event()

    def on_closed() -> None:
        told.append(threading.current_thread().name)
        gone.set()

    outlet = StdoutOutlet(
        wants=READINGS, descriptor=pipe[1], on_closed=on_closed, first_wait_s=0.001
    )
    outlet.start()
    assert not outlet.closed
    os.close(pipe[0])
    outlet.offer(reading(1))
    assert gone.wait(LIMIT_S)
    wait_until(lambda: outlet.status.state == "stopped")
    assert outlet.closed
    assert "nobody reads" in outlet.status.error
    outlet.offer(reading(2))
    outlet.stop()
    assert told == ["publish-stdout"]
    assert (outlet.status.sent, outlet.status.dropped, outlet.status.waiting) == (0, 2, 0)
    assert "nobody reads" in outlet.status.error


def test_a_line_cut_short_is_finished_before_the_next_one(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full for a moment, behind `> file`, cannot be had here but by a fake."""
    real_write = os.write
    faults = iter([3, OSError(errno.ENOSPC, "No space left on device")])

    def write(descriptor: int, data: bytes) -> int:
        fault = next(faults, None) if descriptor == pipe[1] else None
        if isinstance(fault, OSError):
            raise fault
        return real_write(descriptor, data[:fault])

    monkeypatch.setattr(os, "write", write)
    outlet = StdoutOutlet(wants=READINGS, descriptor=pipe[1], first_wait_s=0.001)
    outlet.start()
    outlet.offer(reading(1))
    outlet.offer(reading(2))
    wait_until(lambda: outlet.status.sent == 2)
    outlet.stop()
    assert numbers(os.read(pipe[0], 1000)) == [1, 2]


PROGRAM = """
import sys, threading
from edge_hdr_device.publish.message import Message
from edge_hdr_device.publish.stream import StdoutOutlet
gone = threading.Event()
outlet = StdoutOutlet(wants=frozenset({"reading"}), on_closed=gone.set)
outlet.start()
for n in range(100000):
    if gone.is_set():
        break
    outlet.wait_for_room(0.05)
    outlet.offer(Message("reading", {"n": n}))
outlet.stop(0.2)
sys.stderr.write("ended well")
"""


def test_a_process_ends_quietly_when_its_reader_leaves() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b'{"n":0}\n'
    process.stdout.close()
    assert process.stderr.read() == b"ended well"
    assert process.wait(LIMIT_S) == 0
    process.stderr.close()


def test_a_process_ends_though_its_reader_has_stopped_reading(tmp_path: Path) -> None:
    program = PROGRAM.replace("range(100000)", "range(9000)").replace("0.05", "0.0")
    with (tmp_path / "errors").open("w+b") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=errors
        )
        assert process.wait(LIMIT_S) == 0  # it hangs in no lock of a buffered stream
        errors.seek(0)
        assert errors.read().endswith(b"ended well")
    assert process.stdout is not None
    process.stdout.close()
