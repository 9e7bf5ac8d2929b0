"""Tell systemd how the service does, by its datagram protocol; outside systemd nothing is sent."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Mapping

logger = logging.getLogger("edge_hdr.notify")

FEED_SHARE = 0.25  # of the watchdog's time: three lost or late notices do no harm
SEND_S = 1.0  # a queue that is full for longer loses the notice


class Watchdog:
    """The line to the service manager: ready, status, reloading, stopping, and still alive.

    Every method does nothing where no service manager listens. A notice that cannot be given is one
    warning in the log: reading goes on, and systemd decides what the silence means.

    Args:
        environment: in place of the process's own; NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
            count.

    Source: sd_notify(3), sd_watchdog_enabled(3).
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._feed_s = _feed_s(environment) if self._address else 0.0
        self._due_s = 0.0
        self._status = ""
        self._failed = False

    @property
    def feed_s(self) -> float:
        """Give the time between two notices that it is alive; 0 when nobody asks for them."""
        return self._feed_s

    def feed(self) -> None:
        """Tell that the caller is alive, when that is due; cheap enough for each turn of a loop."""
        now_s = time.monotonic()
        if self._feed_s and now_s >= self._due_s:
            self._due_s = now_s + self._feed_s
            self._send("WATCHDOG=1")

    def ready(self, status: str = "") -> None:
        """Tell that the service is up, at the start and after a reload."""
        self._status = status
        self._send("READY=1", *([f"STATUS={_one_line(status)}"] if status else []))

    def status(self, text: str) -> None:
        """Show a line in `systemctl status`; the same line is sent once."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={_one_line(text)}")

    def reloading(self) -> None:
        """Tell that the configuration is read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Tell that the service ends."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(SEND_S)
                line.sendto("\n".join(lines).encode(), self._address)
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.warning("systemd cannot be told %s: %s", lines[0], error)
            self._failed = True


def _address(name: str) -> str:
    """Give the socket's address; "@" stands for the NUL of an abstract one."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""  # vsock is for machines, not for services


def _feed_s(environment: Mapping[str, str]) -> float:
    """Give the time between two notices, 0 where the watchdog is off or meant for another one."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    with contextlib.suppress(ValueError):
        return max(0, int(environment.get("WATCHDOG_USEC", "0"))) / 1e6 * FEED_SHARE
    return 0.0


def _one_line(text: str) -> str:
    return " ".join(text.split())
