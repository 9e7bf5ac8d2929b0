"""What systemd is told, over a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_hdr_device.system.notify import Watchdog


class Systemd:
    """The manager's end of the line."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(5)

    def heard(self) -> list[str]:
        return self._socket.recv(4096).decode().split("\n")

    def silence(self) -> bool:
        self._socket.settimeout(0)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(5)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    abstract = f"@edge-hdr-test-{os.getpid()}"
    manager = Systemd(abstract if request.param == "abstract" else str(tmp_path / "notify"))
    yield manager
    manager.close()


def test_the_life_of_a_service_is_told(systemd: Systemd) -> None:
    line = Watchdog({"NOTIFY_SOCKET": systemd.address})
    line.ready("camera streaming")
    assert systemd.heard() == ["READY=1", "STATUS=camera streaming"]
    line.status("camera waiting:\nno such device")
    assert systemd.heard() == ["STATUS=camera waiting: no such device"]
    before_us = time.monotonic_ns() // 1000
    line.reloading()
    first, second = systemd.heard()
    name, _, value = second.partition("=")
    assert (first, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert before_us <= int(value) <= time.monotonic_ns() // 1000
    line.ready()
    assert systemd.heard() == ["READY=1"]
    line.stopping()
    assert systemd.heard() == ["STOPPING=1"]


def test_the_same_status_is_told_once(systemd: Systemd) -> None:
    line = Watchdog({"NOTIFY_SOCKET": systemd.address})
    line.ready("streaming")
    systemd.heard()
    line.status("streaming")
    assert systemd.silence()


def test_the_watchdog_is_fed_four_times_in_its_time(systemd: Systemd) -> None:
    line = Watchdog({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "400000"})
    assert line.feed_s == 0.1
    for _ in range(1000):
        line.feed()
    assert systemd.heard() == ["WATCHDOG=1"]
    time.sleep(0.11)
    line.feed()
    assert systemd.heard() == ["WATCHDOG=1"]


def test_a_watchdog_of_another_process_is_not_fed(systemd: Systemd) -> None:
    for process, fed in ((os.getpid(), True), (os.getpid() + 1, False)):
        environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "1000000"}
        line = Watchdog({**environment, "WATCHDOG_PID": str(process)})
        line.feed()
        assert systemd.silence() is not fed


@pytest.mark.parametrize(
    "environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}]
)
def test_outside_systemd_nothing_happens(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    line = Watchdog({**environment, "WATCHDOG_USEC": "1"})
    line.ready("up")
    line.feed()
    line.stopping()
    assert line.feed_s == 0
    assert caplog.messages == []


def test_a_dead_line_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = Watchdog({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "x"})
    with caplog.at_level(logging.WARNING, "edge_hdr.notify"):
        line.ready("up")
        line.status("streaming")
        line.feed()
    assert len(caplog.messages) == 1
    assert "READY=1" in caplog.messages[0]


def test_a_manager_that_does_not_listen_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge_hdr_device.system.notify.SEND_S", 0.05)
    manager = Systemd(str(tmp_path / "notify"))
    line = Watchdog({"NOTIFY_SOCKET": manager.address})
    for number in range(10_000):  # until its queue is full
        line.status(f"{number}")
        if caplog.messages:
            break
    manager.close()
    assert len(caplog.messages) == 1
