"""What MQTT needs before a broker is there: credentials, certificates, topics, Home Assistant."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from edge_hdr_device.errors import ConfigError, DependencyError
from edge_hdr_device.publish import mqtt_errors as errors
from edge_hdr_device.publish.homeassistant import discovery, discovery_topic
from edge_hdr_device.publish.message import Message
from edge_hdr_device.publish.mqtt import MqttOutlet
from edge_hdr_device.publish.mqtt_security import read_credentials, tls_context
from edge_hdr_device.publish.mqtt_topics import Topics, level, slug
from edge_hdr_device.results import Change, Event, Standing
from edge_hdr_device.settings import MqttConfig

SECRET = "hunter2"


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "broker login"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_credentials_are_read_and_masked(tmp_path: Path) -> None:
    path = secret_file(tmp_path, f'# of the broker\nusername = "pi"\npassword = "{SECRET}"\n')
    credentials = read_credentials(path)
    assert (credentials.username, credentials.password) == ("pi", SECRET)
    assert SECRET not in f"{credentials!r} {credentials} {[credentials]}"


def test_a_user_name_may_be_all_that_a_broker_wants(tmp_path: Path) -> None:
    credentials = read_credentials(secret_file(tmp_path, 'username = "token"'))
    assert (credentials.username, credentials.password) == ("token", "")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_credentials_that_others_can_use_are_refused_with_the_remedy(
    tmp_path: Path, mode: int
) -> None:
    path = secret_file(tmp_path, f'username = "pi"\npassword = "{SECRET}"', mode)
    with pytest.raises(ConfigError) as caught:
        read_credentials(path)
    assert caught.value.hint == f"chmod 600 '{path}'"


@pytest.mark.parametrize(
    "text",
    [
        f"username = pi\npassword = {SECRET}",
        f'username = "pi"\npassword = {len(SECRET)}',
        f'password = "{SECRET}"',
        f'username = ""\npassword = "{SECRET}"',
        f'user = "pi"\npassword = "{SECRET}"',
        f'"{SECRET}" = "pi"',
        "\udcff",
    ],
)
def test_credentials_in_another_form_are_refused_without_showing_them(
    tmp_path: Path, text: str
) -> None:
    path = secret_file(tmp_path, "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        read_credentials(path)
    assert caught.value.hint
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.__cause__ is None


def test_credentials_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_credentials(tmp_path / "missing")


def test_tls_always_checks_the_certificate_and_the_name() -> None:
    context = tls_context(MqttConfig(tls=True))
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls_context(MqttConfig()) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ca": "x"}, "ca is given, but tls is off"),
        ({"tls": True, "key": "x"}, "key is given without cert"),
        ({"tls": True, "ca": "missing"}, "ca, missing, cannot be read: No such file"),
        ({"tls": True, "cert": "missing"}, "cert, missing, cannot be read"),
        ({"tls": True, "cert": __file__}, "cert and key cannot be used together"),
        ({"tls": True, "ca": __file__}, "holds no usable certificate"),
        ({"topic": "a/#"}, r"topic holds \+ or #"),
        ({"client_id": "a+b"}, r"client_id holds \+ or #"),
        ({"topic": ""}, "make no topic: /"),
        ({"topic": "$SYS"}, "make no topic"),
        ({"client_id": "a/b"}, "make no topic"),
        ({"credentials": "missing"}, "credentials file missing cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(
    settings: dict[str, Any], message: str
) -> None:
    pytest.importorskip("paho.mqtt.enums")
    with pytest.raises(ConfigError, match=message) as caught:
        MqttOutlet(MqttConfig(host="localhost", **settings))
    assert caught.value.hint


def test_a_missing_paho_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    with pytest.raises(DependencyError, match="needs paho-mqtt") as caught:
        MqttOutlet(MqttConfig(host="localhost"))
    assert caught.value.hint == "pip install 'paho-mqtt>=2.1'"


def test_an_old_paho_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    paho = pytest.importorskip("paho.mqtt")
    monkeypatch.setattr(paho, "__version__", "1.6.1")  # as Debian 12 has it
    with pytest.raises(DependencyError, match=r"needs paho-mqtt 2\.1, not 1\.6\.1"):
        MqttOutlet(MqttConfig(host="localhost"))


def verification_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "as OpenSSL says"
    return error


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (socket.gaierror(-2, "Name or service not known"), "name h is not known", "network is up"),
        (ConnectionRefusedError(111, "refused"), "nothing listens at h:1883", "running"),
        (TimeoutError("timed out"), "h:1883 does not answer", "firewall"),
        (OSError(113, "No route to host"), "cannot be reached: No route to host", ""),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "no TLS with", "8883"),
        (verification_error(62), "another name", "host"),
        (verification_error(19), "unknown authority", "ca"),
        (verification_error(9), "out of date: as OpenSSL says", "clock"),
        (verification_error(23), "not accepted: as OpenSSL says", ""),
    ],
)
def test_each_failure_to_connect_has_its_own_line(
    error: Exception, message: str, hint: str
) -> None:
    found = errors.unreachable(error, MqttConfig(host="h"))
    assert message in found.message
    assert hint in found.hint
    assert "\n" not in found.message + found.hint


class Reason:
    """A reason code, as paho gives it."""

    def __init__(self, value: int, name: str) -> None:
        self.value, self.name = value, name

    def getName(self) -> str:
        return self.name


def test_a_broker_that_says_why_is_quoted() -> None:
    config = MqttConfig(host="h")
    taken = errors.ended(Reason(0x8E, "Session taken over"), config, "me", by_broker=True)
    assert taken.message == "another client has logged in at the broker h:1883 as me"
    assert taken.hint == "give each reader its own [mqtt] client_id"
    down = errors.ended(Reason(0x8B, "Server shutting down"), config, "me", by_broker=True)
    assert down.message == "the broker h:1883 ended the connection: Server shutting down"
    silent = errors.ended(Reason(0x8D, "Keep alive timeout"), config, "me", by_broker=False)
    assert silent.message == "the broker h:1883 does not answer any more"
    name = errors.refused(Reason(0x85, "Client identifier not valid"), config, "me")
    assert (name.message, name.hint) == (
        "the broker h:1883 refuses the client id me", "set another [mqtt] client_id",
    )  # fmt: skip
    busy = errors.refused(Reason(0x89, "Server busy"), config, "me")
    assert busy.message == "the broker h:1883 lets us not in: Server busy"
    alert = errors.unanswered("failed: [SSL: TLSV1_ALERT_UNKNOWN_CA] (_ssl.c:1)", config)
    assert alert.message.endswith("without an answer: TLSV1_ALERT_UNKNOWN_CA")


def test_the_port_is_that_of_the_settings_or_the_usual_one() -> None:
    assert errors.broker_name(MqttConfig(host="h")) == "h:1883"
    assert errors.broker_name(MqttConfig(host="h", tls=True)) == "h:8883"
    assert errors.broker_name(MqttConfig(host="h", tls=True, port=1)) == "h:1"


def test_a_name_becomes_one_level_of_a_topic() -> None:
    assert level("Zähler 1/+#\x00") == "Zähler 1_"
    assert level("") == "_"
    assert slug("Zähler 1.5") == "Z_hler_1_5"


def test_a_password_stays_out_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("paho.mqtt.enums")
    caplog.set_level(logging.DEBUG)
    path = secret_file(tmp_path, f'username = "pi"\npassword = "{SECRET}"')
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        outlet = MqttOutlet(
            MqttConfig(host="127.0.0.1", port=port, credentials=str(path)), timeout_s=0.05
        )
        outlet.start()
        connection, _ = server.accept()
        with connection:
            assert SECRET.encode() in connection.recv(4096)
            outlet.stop(5)
    assert SECRET not in caplog.text
    assert SECRET not in f"{outlet.status} {vars(outlet)}"


def event(change: Change, text: str = "007", confidence: float = 0.98765) -> dict[str, Any]:
    standing = Standing("day", (text,), confidence, 1.7e9, 3)
    return Event(change, standing, "", 1.7e9, 3).to_dict()


def rendered(entity: dict[str, Any], body: dict[str, Any]) -> str:
    """Render an entity's template as Home Assistant does: Jinja2 in a sandbox."""
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    return environment.from_string(entity["value_template"]).render(value_json=body)


def entities(*regions: str) -> dict[str, dict[str, Any]]:
    found = discovery(Topics("edge-hdr/pi"), "pi", regions=regions, qos=1)
    components: dict[str, dict[str, Any]] = json.loads(json.dumps(found))["components"]
    return components


def test_home_assistant_shows_the_reading_as_text_and_nothing_when_it_has_left() -> None:
    sensor = entities("day")["reading-day"]
    nothing = {"change": "none", "text": None}
    assert rendered(sensor, event("announced")) == "007"
    assert rendered(sensor, event("changed", "1" * 300)) == "1" * 255
    assert rendered(sensor, event("dropped")) == "None"  # which it takes for "unknown"
    assert rendered(sensor, nothing) == "None"


def test_home_assistant_shows_the_confidence_in_percent() -> None:
    sensor = entities("day")["confidence-day"]
    assert rendered(sensor, event("announced")) == "98.8"
    assert rendered(sensor, event("dropped")) == "None"
    assert sensor["unit_of_measurement"] == "%"
    assert sensor["entity_category"] == "diagnostic"


def test_home_assistant_shows_trouble_and_the_camera() -> None:
    found = entities("day")
    well = {"level": "ok", "parts": {"camera": {"level": "ok"}, "mqtt": {"level": "ok"}}}
    ill = {"level": "failing", "parts": {"camera": {"level": "failing"}}}
    assert [rendered(found["problem"], body) for body in (well, ill)] == ["OFF", "ON"]
    assert [rendered(found["camera"], body) for body in (well, ill)] == ["ON", "OFF"]


def test_entities_are_named_by_region_where_there_are_several() -> None:
    assert entities("frame")["reading-frame"]["name"] == "Reading"
    assert entities("day", "night")["reading-night"]["name"] == "Reading night"


def test_identifiers_keep_to_the_characters_that_home_assistant_knows() -> None:
    assert discovery_topic("ha", "Küche.1") == "ha/device/edge-hdr-K_che_1/config"
    for key, entity in entities("Zähler 1", "b").items():
        assert slug(key) == key
        assert slug(entity["unique_id"]) == entity["unique_id"]


def test_each_message_has_its_place() -> None:
    topics = Topics("r")
    assert topics.place(Message("reading", event("changed"))) == ("r/reading/day", True)
    assert topics.place(Message("reading", event("implausible"))) == ("r/implausible/day", False)
    assert topics.place(Message("frame", {})) == ("r/frame", False)
    assert topics.place(Message("health", {})) == ("r/health", True)
