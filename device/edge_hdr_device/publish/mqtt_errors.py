"""What can go wrong with a broker, each in one line with one line of what to do."""

from __future__ import annotations

import re
import socket
import ssl
from datetime import UTC, datetime
from typing import Protocol

from edge_hdr_device.errors import UnreachableError
from edge_hdr_device.publish.mqtt_security import tls_reason
from edge_hdr_device.settings import MqttConfig

# Source: OpenSSL, include/openssl/x509_vfy.h
X509_NOT_YET_VALID, X509_EXPIRED = 9, 10
X509_UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21}
X509_OTHER_NAME = {62, 63, 64}
# Source: MQTT 5.0, 2.4 Reason Code
BAD_CLIENT_ID, BAD_PASSWORD, NOT_AUTHORIZED, TAKEN_OVER = 0x85, 0x86, 0x87, 0x8E
KEEP_ALIVE_TIMEOUT = 0x8D


class Reason(Protocol):
    """A reason code of MQTT, as paho gives it."""

    value: int

    def getName(self) -> str:  # noqa: N802, the name is paho's
        """Give its name."""
        ...


def broker_name(config: MqttConfig) -> str:
    """Name the broker by host and port."""
    return f"{config.host}:{broker_port(config)}"


def broker_port(config: MqttConfig) -> int:
    """Give the port: that of the settings, or MQTT's own, with or without TLS."""
    return config.port or (8883 if config.tls else 1883)


def unreachable(error: Exception, config: MqttConfig) -> UnreachableError:
    """Explain why no connection came about."""
    broker = broker_name(config)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, config)
    if isinstance(error, ssl.SSLError):
        return UnreachableError(
            f"no TLS with the broker {broker}: {tls_reason(error)}",
            hint="is [mqtt] port the one for TLS, usually 8883?",
        )
    if isinstance(error, socket.gaierror):
        return UnreachableError(
            f"the broker's name {config.host} is not known",
            hint="check [mqtt] host, and that the network is up",
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"nothing listens at {broker}", hint="is the broker running, and [mqtt] port right?"
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"the broker {broker} does not answer", hint="check [mqtt] host, and any firewall"
        )
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UnreachableError(f"the broker {broker} cannot be reached: {text}")


def _untrusted(error: ssl.SSLCertVerificationError, config: MqttConfig) -> UnreachableError:
    code, broker = error.verify_code, broker_name(config)
    if code in X509_OTHER_NAME:
        return UnreachableError(
            f"the certificate of the broker {broker} is made out to another name",
            hint="set [mqtt] host to the name in the certificate",
        )
    if code in X509_UNKNOWN_AUTHORITY:
        return UnreachableError(
            f"the certificate of the broker {broker} was signed by an unknown authority",
            hint="set [mqtt] ca to the PEM file of the authority that signed it",
        )
    if code in {X509_NOT_YET_VALID, X509_EXPIRED}:
        today = datetime.now(UTC).date()
        return UnreachableError(
            f"the certificate of the broker {broker} is out of date: {error.verify_message}",
            hint=f"renew it; or is the clock here wrong? it says {today}",
        )
    return UnreachableError(
        f"the certificate of the broker {broker} is not accepted: {error.verify_message}"
    )


def unanswered(detail: str, config: MqttConfig) -> UnreachableError:
    """Explain a connection that was closed before the broker said a word.

    Args:
        detail: paho's line on it, of which only what TLS says is of use.
        config: of the broker.
    """
    found = re.search(r"\[SSL: (\w+)\]", detail)
    more = f": {found[1]}" if found else ""
    wants = "a certificate of ours: [mqtt] cert and key" if config.tls else "TLS: [mqtt] tls = true"
    return UnreachableError(
        f"the broker {broker_name(config)} closed the connection without an answer{more}",
        hint=f"perhaps it wants {wants}",
    )


def refused(reason: Reason, config: MqttConfig, client_id: str) -> UnreachableError:
    """Explain the answer of a broker that does not let us in."""
    broker = broker_name(config)
    if reason.value in {BAD_PASSWORD, NOT_AUTHORIZED}:
        if config.credentials:
            return UnreachableError(
                f"the broker {broker} refuses the user name or password",
                hint=f"check {config.credentials}",
            )
        return UnreachableError(
            f"the broker {broker} lets nobody in without a user name and password",
            hint="set [mqtt] credentials to a file that holds them",
        )
    if reason.value == BAD_CLIENT_ID:
        return UnreachableError(
            f"the broker {broker} refuses the client id {client_id}",
            hint="set another [mqtt] client_id",
        )
    return UnreachableError(f"the broker {broker} lets us not in: {reason.getName()}")


def ended(
    reason: Reason, config: MqttConfig, client_id: str, *, by_broker: bool
) -> UnreachableError:
    """Explain the end of a connection that stood."""
    broker = broker_name(config)
    if by_broker and reason.value == TAKEN_OVER:
        return UnreachableError(
            f"another client has logged in at the broker {broker} as {client_id}",
            hint="give each reader its own [mqtt] client_id",
        )
    if by_broker:
        return UnreachableError(f"the broker {broker} ended the connection: {reason.getName()}")
    if reason.value == KEEP_ALIVE_TIMEOUT:
        return silent(config)
    return UnreachableError(
        f"the connection to the broker {broker} was lost",
        hint=f"if it goes on so: is another client logged in as {client_id}?",
    )


def silent(config: MqttConfig) -> UnreachableError:
    """Explain a connection that stands, over which nothing comes."""
    return UnreachableError(f"the broker {broker_name(config)} does not answer any more")


def not_taken(reason: Reason, topic: str, config: MqttConfig) -> UnreachableError:
    """Explain the answer of a broker that does not take a message."""
    hint = (
        "allow our user to write there in the broker's access list"
        if reason.value == NOT_AUTHORIZED
        else ""
    )
    return UnreachableError(
        f"the broker {broker_name(config)} takes nothing for {topic}: {reason.getName()}", hint=hint
    )
