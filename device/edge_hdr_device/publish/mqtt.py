"""Readings to an MQTT broker.

Below `<topic>/<client>`, as "edge-hdr/kitchen", where the client is `[mqtt] client_id` or the name
of the machine:

    availability            online or offline; the broker says offline when the reader is gone
    reading/<region>        newest change of what stands announced, as JSON
    implausible/<region>    a reading that a rule has held back, as JSON; not retained
    health                  level and parts, as JSON
    frame                   the result of each frame, as JSON; with content = "frames", not retained

The region is "frame" where no regions of interest are set. All but the two marked are retained, so
that whoever subscribes later gets the newest state. `change` in a reading says what came of it:
announced, changed, dropped (`previous` stood until now), or none. The last is what each region is
set to when a run starts and when it ends; `text` is null then, as it is after dropped. A run that
ends sets health to failing, too; of one that was killed only availability tells.

A message counts as sent when the broker has acknowledged it. One that was under way when the
connection broke is sent again, so it may come twice; `frame` and `time` tell. After a reconnection
the retained topics are published anew, as a broker may have lost them.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.publish.homeassistant import discovery, discovery_topic
from edge_hdr_device.publish.message import Kind, Message
from edge_hdr_device.publish.mqtt_broker import TIMEOUT_S, Broker, check_paho
from edge_hdr_device.publish.mqtt_security import read_credentials, tls_context
from edge_hdr_device.publish.mqtt_topics import OFFLINE, ONLINE, Topics, level
from edge_hdr_device.publish.outlet import FIRST_WAIT_S, Outlet
from edge_hdr_device.results import SCHEMA
from edge_hdr_device.settings import MqttConfig

READINGS: frozenset[Kind] = frozenset({"reading", "health"})
ALL: frozenset[Kind] = frozenset({"reading", "health", "frame"})
_ENDED = {"level": "failing", "state": "stopped"}


class MqttOutlet(Outlet):
    """Readings, health and, if wanted, frames to a broker; see the module for the topics.

    Args:
        config: of table `[mqtt]`.
        regions: names of the regions of interest.
        model: name of the model that reads, for Home Assistant.
        first_wait_s: pause after the first failure.
        timeout_s: longest wait for an answer of the broker.

    Raises:
        ConfigError: a topic, the credentials or a certificate cannot be used.
        DependencyError: paho-mqtt is missing.
    """

    def __init__(
        self,
        config: MqttConfig,
        *,
        regions: Sequence[str] = ("frame",),
        model: str = "",
        first_wait_s: float = FIRST_WAIT_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        wants = ALL if config.content == "frames" else READINGS
        super().__init__("mqtt", wants=wants, first_wait_s=first_wait_s)
        check_paho()
        _check(config)
        host = level(socket.gethostname())
        self._reader = config.client_id or host
        self._topics = Topics(f"{config.topic}/{self._reader}")
        self._config, self._regions, self._model = config, tuple(regions), model
        self._newest = {self._topics.reading(region): _nothing(region) for region in regions}
        self._broker = Broker(
            config,
            client_id=config.client_id or f"edge-hdr-{host}",
            will=(self._topics.availability, OFFLINE),
            on_lost=self._lost,
            timeout_s=timeout_s,
        )

    def _open(self) -> None:
        self._broker.connect()
        if self._config.discovery:
            self._introduce()
        with self._changed:
            newest = dict(self._newest)
        for topic, message in newest.items():
            with contextlib.suppress(ValueError, TypeError):  # one that JSON cannot say
                self._broker.publish(topic, message.to_json(), retain=True)
        self._broker.publish(self._topics.availability, ONLINE, retain=True)

    def _send(self, message: Message) -> None:
        topic, retain = self._topics.place(message)
        self._broker.publish(topic, message.to_json(), retain=retain)

    def _farewell(self, end_s: float) -> None:
        last = {self._topics.reading(region): _nothing(region) for region in self._regions}
        last[self._topics.health] = _stopped()
        for topic, message in last.items():
            left_s = end_s - time.monotonic()
            if left_s > 0:
                self._broker.publish(topic, message.to_json(), retain=True, timeout_s=left_s)

    def _close(self) -> None:
        self._broker.close()

    def _gone_by(self, message: Message) -> None:
        topic, retain = self._topics.place(message)
        if retain:
            self._newest[topic] = message

    def _introduce(self) -> None:
        topic = discovery_topic(self._config.discovery_prefix, self._reader)
        body = discovery(
            self._topics,
            self._reader,
            regions=self._regions,
            qos=self._config.qos,
            model=self._model,
        )
        self._broker.publish(topic, json.dumps(body), retain=True)


def _nothing(region: str) -> Message:
    """Say that nothing stands, in place of what stood before the start or until the end."""
    body = {"schema": SCHEMA, "type": "reading", "change": "none", "region": region}
    return Message("reading", {**body, "text": None, "lines": [], "confidence": None})


def _stopped() -> Message:
    """Say that nothing is read any more, in the form of a health that has only the camera."""
    return Message("health", {"type": "health", **_ENDED, "parts": {"camera": _ENDED}})


def _check(config: MqttConfig) -> None:
    """Find what is wrong with the settings at once, not at the first connection."""
    for name in ("topic", "client_id", "discovery_prefix"):
        if re.search(r"[+#\x00]", getattr(config, name)):
            raise ConfigError(
                f"[mqtt] {name} holds + or #, which stand for any topic in MQTT",
                hint="leave them out",
            )
    if "/" in config.client_id or config.topic.startswith(("$", "/")) or not config.topic:
        raise ConfigError(
            f"[mqtt] topic and client_id make no topic: {config.topic}/{config.client_id}",
            hint='as in topic = "house/meters", client_id = "water"',
        )
    if config.credentials:
        read_credentials(Path(config.credentials))
    tls_context(config)
