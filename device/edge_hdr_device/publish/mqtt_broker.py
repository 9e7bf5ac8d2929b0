"""One connection to an MQTT broker; the only file that knows paho-mqtt."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr_device.errors import DependencyError, UnreachableError
from edge_hdr_device.publish import mqtt_errors as errors
from edge_hdr_device.publish.mqtt_security import read_credentials, tls_context
from edge_hdr_device.settings import MqttConfig

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
    from paho.mqtt.enums import MQTTProtocolVersion
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

TIMEOUT_S = 10.0  # for an answer of the broker
GOODBYE_S = 0.3
KEEPALIVE_S = 20  # a dead connection is noticed within twice that, by us and by the broker


class _NoMqtt5Error(UnreachableError):
    """The broker may be one that does not speak MQTT 5."""


class Broker:
    """A connection that knows what became of each message.

    MQTT 5 is spoken, because its brokers say why they refuse or end something; one that does not
    know it is asked again by 3.1.1. Nothing is queued here: `publish` waits for the broker's
    acknowledgement, and each connection is made with a new client of paho, which reconnects
    nothing by itself.

    Args:
        config: where and how to connect; credentials and certificates are read anew each time.
        client_id: by which the broker knows us.
        will: topic and payload that the broker publishes, retained, when we are gone.
        on_lost: called from another thread when the connection ends by itself.
        timeout_s: longest wait for an answer.
    """

    def __init__(
        self,
        config: MqttConfig,
        *,
        client_id: str,
        will: tuple[str, str],
        on_lost: Callable[[UnreachableError], None],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._will = will
        self._on_lost = on_lost
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._client: Client | None = None
        self._answer: ReasonCode | None = None
        self._end: UnreachableError | None = None
        self._acknowledged: dict[int, ReasonCode] = {}
        self._detail = ""

    def connect(self) -> None:
        """Connect and wait to be let in.

        Raises:
            UnreachableError: the message says why not.
            ConfigError, DependencyError: a file is missing or wrong; paho-mqtt is.
        """
        check_paho()
        self._detail = ""
        from paho.mqtt.enums import MQTTProtocolVersion

        try:
            self._connect(MQTTProtocolVersion.MQTTv5)
        except _NoMqtt5Error:
            self.close()
            self._connect(MQTTProtocolVersion.MQTTv311)

    def publish(
        self, topic: str, payload: bytes | str, *, retain: bool, timeout_s: float | None = None
    ) -> None:
        """Give the broker a message and wait until it has acknowledged it.

        Args:
            topic: without wildcards.
            payload: text is sent as UTF-8.
            retain: the broker keeps it for whoever subscribes later.
            timeout_s: longest wait; that for any answer by default.

        Raises:
            UnreachableError: it did not take it, or did not say so in time.
        """
        client = self._client
        if client is None:
            raise UnreachableError("not connected")
        sent = client.publish(topic, payload, qos=self._config.qos, retain=retain)
        limit_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        with self._changed:
            self._changed.wait_for(
                lambda: sent.mid in self._acknowledged or self._end, timeout=limit_s
            )
            reason, end = self._acknowledged.pop(sent.mid, None), self._end
        if reason is None and end is not None:  # as a new one: the old would hold on to the client
            raise UnreachableError(end.message, hint=end.hint)
        if reason is None:
            raise errors.silent(self._config)
        if reason.is_failure:
            raise errors.not_taken(reason, topic, self._config)

    def close(self) -> None:
        """Leave so that the broker publishes the will; also when not connected."""
        with self._changed:
            client, self._client = self._client, None
        if client is None:
            return
        ended: threading.Event = client.user_data_get()
        if _speaks_mqtt5(client):
            client.disconnect(_with_will())
            ended.wait(GOODBYE_S)
        link = client.socket()
        if isinstance(link, socket.socket):  # MQTT 3.1.1, or a broker that takes nothing any more
            with contextlib.suppress(OSError):
                socket.socket.shutdown(link, socket.SHUT_RDWR)
        client.loop_stop()

    def _connect(self, protocol: MQTTProtocolVersion) -> None:
        client = self._new_client(protocol)
        with self._changed:
            self._client, self._answer, self._end = client, None, None
            self._acknowledged.clear()
        try:
            client.connect(self._config.host, errors.broker_port(self._config), KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._client = None
            raise errors.unreachable(error, self._config) from error
        client.loop_start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._answer is not None or self._end is not None, timeout=self._timeout_s
            )
            answer = self._answer
        self._check(answer, may_be_old=_speaks_mqtt5(client))

    def _check(self, answer: ReasonCode | None, *, may_be_old: bool) -> None:
        if answer is None and self._end is None:
            raise errors.unreachable(TimeoutError(), self._config)
        if answer is None:
            error = errors.unanswered(self._detail, self._config)
        elif answer.is_failure:
            error = errors.refused(answer, self._config, self._client_id)
        else:
            return
        old = answer is None or answer.getName() == "Unsupported protocol version"
        raise _NoMqtt5Error(error.message, hint=error.hint) if old and may_be_old else error

    def _new_client(self, protocol: MQTTProtocolVersion) -> Client:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            userdata=threading.Event(),
            protocol=protocol,
            reconnect_on_failure=False,
        )
        client.connect_timeout = self._timeout_s
        client.max_inflight_messages = client.max_queued_messages = 1
        client.will_set(*self._will, qos=self._config.qos, retain=True)
        if self._config.credentials:
            credentials = read_credentials(Path(self._config.credentials))
            client.username_pw_set(credentials.username, credentials.password)
        if context := tls_context(self._config):
            client.tls_set_context(context)
        client.on_log = self._note_detail
        client.on_connect = self._note_answer
        client.on_publish = self._note_acknowledged
        client.on_disconnect = self._note_end
        return client

    def _note_detail(self, client: Client, ended: threading.Event, level: int, text: str) -> None:
        from paho.mqtt.enums import LogLevel

        if level == LogLevel.MQTT_LOG_ERR:
            self._detail = text

    def _note_answer(
        self,
        client: Client,
        ended: threading.Event,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self._changed:
            self._answer = reason
            self._changed.notify_all()

    def _note_acknowledged(
        self,
        client: Client,
        ended: threading.Event,
        mid: int,
        reason: ReasonCode,
        properties: Properties,
    ) -> None:
        with self._changed:
            self._acknowledged[mid] = reason
            self._changed.notify_all()

    def _note_end(
        self,
        client: Client,
        ended: threading.Event,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        ended.set()
        by_broker = flags.is_disconnect_packet_from_server
        error = errors.ended(reason, self._config, self._client_id, by_broker=by_broker)
        with self._changed:
            if client is not self._client or self._end is not None:
                return
            self._end = error
            stood = self._answer is not None and not self._answer.is_failure
            self._changed.notify_all()
        if stood:
            self._on_lost(error)


def check_paho() -> None:
    """Say what to do when paho-mqtt is not there.

    Raises:
        DependencyError: it is missing, or older than 2.1, whose predecessor recurses without end.
    """
    remedy = "pip install 'paho-mqtt>=2.1'"
    try:
        from paho.mqtt import __version__
    except ImportError as error:
        raise DependencyError("MQTT needs paho-mqtt", hint=remedy) from error
    if tuple(int(number) for number in __version__.split(".")[:2]) < (2, 1):
        raise DependencyError(f"MQTT needs paho-mqtt 2.1, not {__version__}", hint=remedy)


def _speaks_mqtt5(client: Client) -> bool:
    from paho.mqtt.enums import MQTTProtocolVersion

    return client.protocol == MQTTProtocolVersion.MQTTv5


def _with_will() -> ReasonCode:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    return ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
