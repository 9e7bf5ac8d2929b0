"""A real mosquitto on a free port of this machine, and a subscriber that notes what it hears."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
LIMIT_S = 20.0  # for anything that is waited for; a test that passes never waits so long


def program(name: str) -> str:
    """Find a program; without it the test is skipped, but fails where CI says that it is there."""
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), PLACES)))
    if path is None:
        reason = f"{name} is not installed: apt install {name}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def wait_for(happened: Callable[[], Any], what: str = "it") -> Any:
    """Wait until something has happened, and give it."""
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        if result := happened():
            return result
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen in {LIMIT_S:g} s")


class Mosquitto:
    """A broker that can be killed, stopped and started again on the same port.

    Args:
        folder: for its configuration and log.
        options: lines of its configuration besides the listener.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._program = program("mosquitto")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "log_dest stderr", "persistence false"]
        if os.geteuid() == 0:  # else it gives up its rights, and with them the test's files
            lines.append("user root")
        if not any(option.startswith("allow_anonymous") for option in options):
            lines.append("allow_anonymous true")
        self._config.write_text("\n".join([*lines, *options]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            command = [self._program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stderr=log, stdout=log)
        wait_for(self._listens, "mosquitto listening")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def send_signal(self, number: int) -> None:
        """Send it a signal, as SIGSTOP to make it deaf."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it, so that it says goodbye to nobody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(LIMIT_S)
            self._process = None

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


@dataclass
class Heard:
    """What a subscriber has heard, in order.

    Attributes:
        messages: topic, payload and whether it had been retained.
        client: of paho, to publish with.
    """

    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)
    client: Any = None

    def on(self, topic: str) -> list[bytes]:
        """Give the payloads of a topic."""
        return [payload for name, payload, _ in list(self.messages) if name == topic]

    def objects(self, topic: str) -> list[dict[str, Any]]:
        """Give the JSON objects of a topic."""
        return [json.loads(payload) for payload in self.on(topic)]


@contextlib.contextmanager
def listening(port: int, topic: str = "#", **login: str) -> Iterator[Heard]:
    """Subscribe to a topic at the broker on a port; come back when the subscription holds."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client, subscribed = Client(CallbackAPIVersion.VERSION2), threading.Event()
    heard = Heard(client=client)
    client.reconnect_delay_set(1, 1)
    if login:
        client.username_pw_set(login["username"], login["password"])
    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: heard.messages.append(
        (message.topic, message.payload, bool(message.retain))
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert subscribed.wait(LIMIT_S)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()
        heard.client = None  # ends the circle of references, so that its sockets are closed now


def retained(port: int, **login: str) -> dict[str, bytes]:
    """Give what the broker keeps: payload by topic."""
    end = "edge-hdr/test-end"  # comes after them, as a broker keeps the order for a client
    with listening(port, **login) as heard:
        heard.client.publish(end, "", qos=1)
        wait_for(lambda: heard.on(end))
        return {topic: payload for topic, payload, kept in heard.messages if kept}
