"""Readings at a real mosquitto: delivered, kept, counted, encrypted, and announced as gone."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mosquitto import LIMIT_S, Mosquitto, listening, program, retained, wait_for

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.publish import outlet as outlet_module
from edge_hdr_device.publish.message import Message
from edge_hdr_device.publish.mqtt import MqttOutlet
from edge_hdr_device.publish.outlet import Outlet
from edge_hdr_device.results import Change, Event, Standing
from edge_hdr_device.settings import MqttConfig

if not os.environ.get("CI"):  # there it has to be installed
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2.1 or newer is not installed")

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jpg"
ROOT = "edge-hdr/kitchen"
READING, AVAILABILITY = f"{ROOT}/reading/frame", f"{ROOT}/availability"


def event(n: int, change: Change = "changed", region: str = "frame") -> Message:
    standing = Standing(region, (f"{n:05d}",), 0.987654, 1.7e9, n)
    return Message("reading", Event(change, standing, "", 1.7e9 + n, n).to_dict())


def health(level: str, camera: str) -> Message:
    return Message("health", {"level": level, "parts": {"camera": {"level": camera}}})


def config(broker: Mosquitto, **more: Any) -> MqttConfig:
    return MqttConfig(**{"host": "127.0.0.1", "port": broker.port, "client_id": "kitchen", **more})


@contextmanager
def running(settings: MqttConfig, **more: Any) -> Iterator[MqttOutlet]:
    outlet = MqttOutlet(settings, first_wait_s=0.05, **more)
    outlet.start()
    try:
        yield outlet
    finally:
        outlet.stop()


def is_up(outlet: Outlet) -> bool:
    return outlet.status.state == "up"


def error_of(settings: MqttConfig, **more: Any) -> str:
    """Give the reason why an output with these settings is down."""
    with running(settings, **more) as outlet:
        wait_for(lambda: outlet.status.state == "down", "being down")
        return outlet.status.error


def texts(payloads: list[dict[str, Any]]) -> list[str]:
    return [body["text"] for body in payloads if body["text"] is not None]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running_broker:
        yield running_broker


def test_readings_arrive_in_order_and_the_newest_is_kept(broker: Mosquitto) -> None:
    with listening(broker.port) as heard, running(config(broker)) as outlet:
        for n in range(50):
            outlet.offer(event(n))
        wait_for(lambda: outlet.status.sent == 50)
        wait_for(lambda: len(heard.on(READING)) == 51)
        assert heard.objects(READING)[-1] == event(49).body
        assert json.loads(retained(broker.port)[READING]) == event(49).body
    assert texts(heard.objects(READING)) == [f"{n:05d}" for n in range(50)]


def test_availability_follows_the_reader_and_is_the_last_word(broker: Mosquitto) -> None:
    with listening(broker.port, f"{ROOT}/#") as heard:
        with running(config(broker)) as outlet:
            wait_for(lambda: is_up(outlet))
            assert retained(broker.port)[AVAILABILITY] == b"online"
        wait_for(lambda: heard.on(AVAILABILITY) == [b"online", b"offline"])


def test_a_run_that_has_ended_leaves_nothing_stale(broker: Mosquitto) -> None:
    topics = [f"{ROOT}/reading/day", f"{ROOT}/reading/night", f"{ROOT}/health", AVAILABILITY]
    with listening(broker.port, f"{ROOT}/#") as heard:
        with running(config(broker), regions=["day", "night"]) as outlet:
            for region in ("day", "night"):
                outlet.offer(event(1, region=region))
            outlet.offer(health("ok", "ok"))
        wait_for(lambda: heard.on(AVAILABILITY) == [b"online", b"offline"])
    assert [topic for topic, _, _ in heard.messages][-4:] == topics  # offline is the last word
    kept = retained(broker.port)
    assert kept[AVAILABILITY] == b"offline"
    for topic in topics[:2]:
        body = json.loads(kept[topic])
        assert (body["change"], body["text"], body["lines"]) == ("none", None, [])
    stopped = {"level": "failing", "state": "stopped"}
    assert json.loads(kept[topics[2]]) == {
        "type": "health", **stopped, "parts": {"camera": stopped},
    }  # fmt: skip


def test_a_farewell_to_a_broker_that_does_not_answer_ends_in_time(broker: Mosquitto) -> None:
    outlet = MqttOutlet(config(broker), regions=[f"region {n}" for n in range(50)])
    outlet.start()
    wait_for(lambda: is_up(outlet))
    broker.send_signal(signal.SIGSTOP)
    begun_s = time.monotonic()
    outlet.stop(0.2)
    assert time.monotonic() - begun_s < 5
    outlet._thread.join(LIMIT_S / 2)
    assert not outlet._thread.is_alive()


def test_what_was_dropped_is_kept_without_a_text(broker: Mosquitto) -> None:
    with running(config(broker)) as outlet:
        outlet.offer(event(1, "dropped"))
        wait_for(lambda: outlet.status.sent == 1)
        kept = json.loads(retained(broker.port)[READING])
    assert (kept["change"], kept["text"], kept["previous"]) == ("dropped", None, "00001")


def test_a_reading_of_a_run_that_was_killed_is_not_shown_as_fresh(broker: Mosquitto) -> None:
    with listening(broker.port) as heard:
        heard.client.publish(READING, event(1).to_json(), qos=1, retain=True)
        wait_for(lambda: heard.on(READING))
    with running(config(broker)) as outlet:
        wait_for(lambda: is_up(outlet))
        kept = json.loads(retained(broker.port)[READING])
        assert (kept["change"], kept["text"]) == ("none", None)


def test_what_changes_nothing_of_what_stands_is_published_aside(broker: Mosquitto) -> None:
    with listening(broker.port) as heard, running(config(broker, content="frames")) as outlet:
        outlet.offer(event(1, "announced"))
        outlet.offer(event(2, "implausible"))
        outlet.offer(Message("frame", {"type": "frame", "frame": 3}))
        outlet.offer(health("ok", "ok"))
        wait_for(lambda: outlet.status.sent == 4)
        wait_for(lambda: heard.on(f"{ROOT}/health"))
        kept = retained(broker.port)
    assert texts(heard.objects(f"{ROOT}/implausible/frame")) == ["00002"]
    assert heard.objects(f"{ROOT}/frame") == [{"type": "frame", "frame": 3}]
    assert set(kept) == {READING, AVAILABILITY, f"{ROOT}/health"}
    assert json.loads(kept[READING])["text"] == "00001"
    assert json.loads(kept[f"{ROOT}/health"])["level"] == "ok"


def test_frames_are_not_published_unless_wanted(broker: Mosquitto) -> None:
    with running(config(broker)) as outlet:
        outlet.offer(Message("frame", {"frame": 1}))
        assert outlet.status.waiting == 0


@pytest.mark.parametrize("qos", [0, 2])
def test_other_qualities_of_service_deliver_too(broker: Mosquitto, qos: int) -> None:
    with listening(broker.port) as heard, running(config(broker, qos=qos)) as outlet:
        for n in range(20):
            outlet.offer(event(n))
        wait_for(lambda: len(heard.on(READING)) == 21)
        wait_for(lambda: outlet.status.sent == 20)


def test_regions_have_topics_of_their_own(broker: Mosquitto) -> None:
    with running(config(broker), regions=["day", "night/+"]) as outlet:
        outlet.offer(event(1, region="day"))
        outlet.offer(event(2, region="night/+"))
        wait_for(lambda: outlet.status.sent == 2)
        kept = retained(broker.port)
    assert json.loads(kept[f"{ROOT}/reading/day"])["text"] == "00001"
    assert json.loads(kept[f"{ROOT}/reading/night_"])["text"] == "00002"


def test_home_assistant_finds_the_reader(broker: Mosquitto) -> None:
    settings = config(broker, discovery=True)
    with running(settings, regions=["day", "night"], model="tiny") as outlet:
        wait_for(lambda: is_up(outlet))
        kept = retained(broker.port)
    found = json.loads(kept["homeassistant/device/edge-hdr-kitchen/config"])
    assert set(found) == {"device", "origin", "availability_topic", "qos", "components"}
    assert found["device"]["identifiers"] == ["edge-hdr-kitchen"]
    assert found["device"]["model"] == "tiny"
    assert found["origin"]["name"] == "edge-hdr"
    assert found["availability_topic"] in kept
    assert set(found["components"]) == {
        "reading-day", "confidence-day", "reading-night", "confidence-night", "problem", "camera",
    }  # fmt: skip
    for entity in found["components"].values():
        assert entity["platform"] in {"sensor", "binary_sensor"}
        assert entity["unique_id"].startswith("edge-hdr-kitchen-")
        assert entity["state_topic"] in {*kept, f"{ROOT}/health"}


def test_a_reader_tells_its_health_to_new_outputs_and_leaves_nothing_stale(
    broker: Mosquitto, tmp_path: Path
) -> None:
    def state() -> tuple[str, str | None, str]:
        kept = retained(broker.port)
        reading = json.loads(kept.get(READING, b'{"text": null}'))
        level = json.loads(kept.get(f"{ROOT}/health", b'{"level": ""}'))["level"]
        return kept.get(AVAILABILITY, b"").decode(), reading["text"], level

    settings = tmp_path / "device.toml"
    start = f"[camera]\nsource = {json.dumps(str(SAMPLE))}\nloop = true\n[web]\nenabled = false\n"
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nclient_id = "kitchen"\n'
    settings.write_text(start + mqtt)
    command = [sys.executable, "-m", "edge_hdr_device", "run", "--config", str(settings)]
    written = {"EDGE_HDR_STATE": str(tmp_path / "state"), "HOME": str(tmp_path)}
    with listening(broker.port, f"{ROOT}/health") as heard:
        process = subprocess.Popen(
            command, env={**os.environ, **written}, stdout=subprocess.DEVNULL, cwd=tmp_path
        )
        try:
            wait_for(lambda: state()[1] and state()[2] in {"ok", "degraded"})
            time.sleep(1.5)  # until a first change of level has been told, which comes within 1 s
            settings.write_text(start + mqtt + 'content = "frames"\n')
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: b"stopped" in b"".join(heard.on(f"{ROOT}/health")))
            wait_for(lambda: state()[1] and state()[2] in {"ok", "degraded"})
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
    wait_for(lambda: state() == ("offline", None, "failing"))


SIGKILLED = """
import sys, time
from edge_hdr_device.publish.mqtt import MqttOutlet
from edge_hdr_device.settings import MqttConfig
outlet = MqttOutlet(MqttConfig(host="127.0.0.1", port=int(sys.argv[1]), client_id="kitchen"))
outlet.start()
time.sleep(60)
"""


def test_the_broker_tells_when_the_reader_was_killed(broker: Mosquitto) -> None:
    with listening(broker.port, AVAILABILITY) as heard:
        process = subprocess.Popen([sys.executable, "-c", SIGKILLED, str(broker.port)])
        wait_for(lambda: heard.on(AVAILABILITY) == [b"online"])
        process.kill()
        process.wait()
        wait_for(lambda: heard.on(AVAILABILITY) == [b"online", b"offline"])
    assert retained(broker.port)[AVAILABILITY] == b"offline"


def test_a_broker_that_is_killed_again_and_again_loses_nothing_that_is_not_counted(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet_module, "STEADY_S", 0.0)  # as if it had been up for long each time
    heard_texts: list[str] = []
    offered = 0
    with running(config(broker)) as outlet:
        for _ in range(4):
            with listening(broker.port) as heard:
                wait_for(lambda: is_up(outlet))
                for _ in range(300):
                    outlet.offer(event(offered))
                    offered += 1
                    if offered % 30 == 0:
                        time.sleep(0.002)  # so that the kill falls among them
                broker.kill()
                heard_texts += texts(heard.objects(READING))
            status = outlet.status
            assert status.sent + status.dropped + status.waiting == offered
            broker.start()
        with listening(broker.port) as heard:
            wait_for(lambda: outlet.status.waiting == 0)
            wait_for(lambda: f"{offered - 1:05d}" in texts(heard.objects(READING)))
            heard_texts += texts(heard.objects(READING))
        status = outlet.status
    assert status.sent + status.dropped == offered
    arrived = list(dict.fromkeys(heard_texts))
    assert arrived == sorted(arrived)
    # the subscriber hears less than the broker took only when it was killed in between
    assert len(arrived) <= status.sent + 4


def test_what_was_acknowledged_over_an_outage_is_everything_in_order(broker: Mosquitto) -> None:
    with running(config(broker)) as outlet:
        wait_for(lambda: is_up(outlet))
        broker.kill()
        wait_for(lambda: outlet.status.state == "down")
        for n in range(100):
            outlet.offer(event(n))
        broker.start()
        with listening(broker.port) as heard:
            wait_for(lambda: outlet.status.sent == 100)
            wait_for(lambda: texts(heard.objects(READING))[-1:] == ["00099"])
        assert outlet.status.dropped == 0
    arrived = texts(heard.objects(READING))
    assert arrived == [f"{n:05d}" for n in range(100)][-len(arrived) :]


def test_a_broker_that_goes_while_nothing_is_sent_is_noticed_and_told_all_when_it_is_back(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge_hdr.publish")
    with running(config(broker, discovery=True)) as outlet:
        outlet.offer(event(7))
        outlet.offer(health("ok", "ok"))
        wait_for(lambda: outlet.status.sent == 2)
        broker.kill()
        wait_for(lambda: outlet.status.state == "down")
        assert "127.0.0.1" in outlet.status.error
        broker.start()  # it has kept nothing
        wait_for(lambda: is_up(outlet))
        kept = retained(broker.port)
    assert json.loads(kept[READING])["text"] == "00007"
    assert json.loads(kept[f"{ROOT}/health"])["level"] == "ok"
    assert kept[AVAILABILITY] == b"online"
    assert "homeassistant/device/edge-hdr-kitchen/config" in kept
    lines = [record.message for record in caplog.records]
    assert [line.split(":")[0] for line in lines] == ["mqtt is up", "mqtt is down", "mqtt is up"]


def test_the_newest_state_survives_an_outage_that_overflows_the_buffer(broker: Mosquitto) -> None:
    with running(config(broker), regions=["quiet", "busy"]) as outlet:
        wait_for(lambda: is_up(outlet))
        broker.kill()
        wait_for(lambda: outlet.status.state == "down")
        outlet.offer(event(1, region="quiet"))
        for n in range(1000):
            outlet.offer(event(n, region="busy"))
        assert outlet.status.dropped > 700
        broker.start()
        wait_for(lambda: outlet.status.waiting == 0)
        kept = retained(broker.port)
        assert outlet.status.sent + outlet.status.dropped == 1001
    assert json.loads(kept[f"{ROOT}/reading/quiet"])["text"] == "00001"
    assert json.loads(kept[f"{ROOT}/reading/busy"])["text"] == "00999"


def test_a_broker_that_does_not_answer_any_more_holds_up_nothing_and_loses_nothing(
    broker: Mosquitto,
) -> None:
    with running(config(broker), timeout_s=0.3) as outlet:
        wait_for(lambda: is_up(outlet))
        broker.send_signal(signal.SIGSTOP)
        for n in range(20):
            outlet.offer(event(n))
        wait_for(lambda: outlet.status.state == "down")
        assert "does not answer" in outlet.status.error
        assert outlet.status.waiting == 20
        broker.send_signal(signal.SIGCONT)
        wait_for(lambda: outlet.status.sent == 20)
        assert outlet.status.dropped == 0
        assert json.loads(retained(broker.port)[READING])["text"] == "00019"


def test_a_broker_that_does_not_answer_holds_up_no_stop(broker: Mosquitto) -> None:
    with listening(broker.port, AVAILABILITY) as heard:
        outlet = MqttOutlet(config(broker))
        outlet.start()
        wait_for(lambda: is_up(outlet))
        broker.send_signal(signal.SIGSTOP)
        outlet.offer(event(1))
        begun_s = time.monotonic()
        outlet.stop(0.2)
        assert time.monotonic() - begun_s < 5
        assert (outlet.status.sent, outlet.status.dropped) == (0, 1)
        broker.kill()  # lets the output's thread end
        outlet._thread.join(LIMIT_S)
    assert heard.on(AVAILABILITY) == [b"online"]


def test_a_connection_that_takes_nothing_any_more_is_cut_and_made_anew(broker: Mosquitto) -> None:
    def paho_threads() -> int:
        return sum(thread.name.startswith("paho") for thread in threading.enumerate())

    with running(config(broker), timeout_s=0.3) as outlet:
        wait_for(lambda: is_up(outlet))
        assert paho_threads() == 1
        broker.send_signal(signal.SIGSTOP)
        large = event(1)
        large.body["padding"] = "x" * 20_000_000  # more than the sockets hold
        outlet.offer(large)
        wait_for(lambda: outlet.status.state == "down")
        wait_for(lambda: paho_threads() == 0)  # nobody waits for the rest to be taken
        broker.send_signal(signal.SIGCONT)
        outlet._broker._timeout_s = LIMIT_S
        wait_for(lambda: outlet.status.sent == 1)


def test_a_broker_that_shuts_down_says_so(broker: Mosquitto) -> None:
    with running(config(broker)) as outlet:
        wait_for(lambda: is_up(outlet))
        broker.send_signal(signal.SIGTERM)
        wait_for(lambda: outlet.status.state == "down")
        broker.kill()


def test_a_second_reader_of_the_same_name_is_named_as_the_cause(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    with running(config(broker)) as first:
        wait_for(lambda: is_up(first))
        with running(config(broker)):
            wait_for(lambda: first.status.state == "down")
    # mosquitto tells some clients, others it only cuts off
    assert any("another client" in record.message for record in caplog.records)


def test_a_port_where_nothing_listens_is_one_clear_line(broker: Mosquitto) -> None:
    broker.kill()
    error = error_of(config(broker))
    assert error.startswith(f"nothing listens at 127.0.0.1:{broker.port} (is the broker running")


def test_something_else_than_a_broker_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = MqttConfig(host="127.0.0.1", port=server.getsockname()[1])
        error = error_of(settings, timeout_s=0.2)
    assert "does not answer" in error


@pytest.fixture
def passwords(tmp_path: Path) -> Iterator[tuple[Mosquitto, Path]]:
    """Give a broker that lets one user in, and the file of that user's credentials."""
    accounts, credentials = tmp_path / "accounts", tmp_path / "credentials"
    maker = program("mosquitto_passwd")
    subprocess.run([maker, "-b", "-c", str(accounts), "reader", "geh eim"], check=True)
    credentials.write_text('username = "reader"\npassword = "geh eim"\n')
    credentials.chmod(0o600)
    access = tmp_path / "access"
    access.write_text("user reader\ntopic readwrite edge-hdr/#\ntopic read #\n")
    options = ["allow_anonymous false", f"password_file {accounts}", f"acl_file {access}"]
    with Mosquitto(tmp_path, *options) as broker:
        yield broker, credentials


def test_the_right_password_is_let_in(passwords: tuple[Mosquitto, Path]) -> None:
    broker, credentials = passwords
    with running(config(broker, credentials=str(credentials))) as outlet:
        outlet.offer(event(1))
        wait_for(lambda: outlet.status.sent == 1)
        kept = retained(broker.port, username="reader", password="geh eim")
    assert json.loads(kept[READING])["text"] == "00001"


def test_a_wrong_password_is_one_clear_line_without_it(
    passwords: tuple[Mosquitto, Path], caplog: pytest.LogCaptureFixture
) -> None:
    broker, credentials = passwords
    caplog.set_level(logging.DEBUG)
    credentials.write_text('username = "reader"\npassword = "falsch"\n')
    settings = config(broker, credentials=str(credentials))
    error = error_of(settings)
    assert error == (
        f"the broker 127.0.0.1:{broker.port} refuses the user name or password"
        f" (check {credentials})"
    )
    assert "falsch" not in caplog.text


def test_a_password_that_was_put_right_is_taken_up(passwords: tuple[Mosquitto, Path]) -> None:
    broker, credentials = passwords
    right = credentials.read_text()
    credentials.write_text('username = "reader"\npassword = "falsch"\n')
    with running(config(broker, credentials=str(credentials))) as outlet:
        wait_for(lambda: outlet.status.state == "down")
        credentials.write_text(right)
        wait_for(lambda: is_up(outlet))


def test_a_missing_password_is_one_clear_line(passwords: tuple[Mosquitto, Path]) -> None:
    broker, _ = passwords
    assert "nobody in without a user name and password" in error_of(config(broker))


def test_a_topic_that_we_may_not_write_is_one_clear_line(
    passwords: tuple[Mosquitto, Path],
) -> None:
    broker, credentials = passwords
    settings = config(broker, credentials=str(credentials), topic="forbidden")
    error = error_of(settings)
    assert "takes nothing for forbidden/kitchen/reading/frame: Not authorized" in error
    assert "access list" in error


class Authority:
    """A certificate authority made on the fly."""

    def __init__(self, folder: Path) -> None:
        self._openssl = program("openssl")
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._run(
            "req", "-x509", *self._new_key("ca"), "-subj", "/CN=test authority",
            "-days", "2", "-out", str(self.certificate),
        )  # fmt: skip

    def sign(self, name: str, alternative: str, days: int = 2) -> tuple[Path, Path]:
        """Make a certificate, as for "DNS:localhost"; gives it and its key."""
        certificate, request = self._folder / f"{name}.pem", self._folder / f"{name}.csr"
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        self._run("req", "-new", *self._new_key(name), "-subj", f"/CN={name}", "-out", str(request))
        self._run(
            "x509", "-req", "-in", str(request), "-out", str(certificate), "-days", str(days),
            "-CA", str(self.certificate), "-CAkey", str(self._folder / "ca.key"),
            "-CAcreateserial", "-extfile", str(extensions),
        )  # fmt: skip
        return certificate, self._folder / f"{name}.key"

    def _new_key(self, name: str) -> list[str]:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        return [*curve, "-keyout", str(self._folder / f"{name}.key")]

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._openssl, *arguments], check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def secure(
    folder: Path,
    authority: Authority,
    *options: str,
    alternative: str = "DNS:localhost",
    days: int = 2,
) -> Iterator[tuple[Mosquitto, MqttConfig]]:
    """Start a broker with TLS; gives it and settings that fit."""
    certificate, key = authority.sign("broker", alternative, days)
    lines = [f"certfile {certificate}", f"keyfile {key}", f"cafile {authority.certificate}"]
    with Mosquitto(folder, *lines, *options) as broker:
        settings = config(broker, host="localhost", tls=True, ca=str(authority.certificate))
        yield broker, settings


def test_a_broker_with_a_certificate_of_our_authority_is_trusted(
    tmp_path: Path, authority: Authority
) -> None:
    with secure(tmp_path, authority) as (_, settings), running(settings) as outlet:
        outlet.offer(event(1))
        wait_for(lambda: outlet.status.sent == 1)


def test_a_broker_killed_under_tls_is_noticed_and_taken_up_again(
    tmp_path: Path, authority: Authority
) -> None:
    with secure(tmp_path, authority) as (broker, settings), running(settings) as outlet:
        wait_for(lambda: is_up(outlet))
        broker.kill()
        wait_for(lambda: outlet.status.state == "down")
        outlet.offer(event(1))
        broker.start()
        wait_for(lambda: outlet.status.sent == 1)


def test_a_broker_of_an_unknown_authority_is_not_trusted(
    tmp_path: Path, authority: Authority
) -> None:
    with secure(tmp_path, authority) as (_, settings):
        error = error_of(replace(settings, ca=""))
    assert "was signed by an unknown authority (set [mqtt] ca" in error


def test_a_broker_of_another_name_is_not_trusted(tmp_path: Path, authority: Authority) -> None:
    with secure(tmp_path, authority, alternative="DNS:elsewhere.test") as (_, settings):
        error = error_of(settings)
        assert "is made out to another name (set [mqtt] host" in error
        error = error_of(replace(settings, host="127.0.0.1"))
        assert "is made out to another name" in error


def test_a_certificate_that_has_run_out_is_not_trusted(
    tmp_path: Path, authority: Authority
) -> None:
    with secure(tmp_path, authority, days=-1) as (_, settings):
        error = error_of(settings)
    assert "is out of date: certificate has expired" in error
    assert "is the clock here wrong?" in error


def test_a_broker_that_wants_our_certificate_gets_it(tmp_path: Path, authority: Authority) -> None:
    with secure(tmp_path, authority, "require_certificate true") as (_, settings):
        error = error_of(settings)
        assert "closed the connection without an answer" in error
        assert "[mqtt] cert and key" in error
        certificate, key = authority.sign("reader", "DNS:reader")
        with running(replace(settings, cert=str(certificate), key=str(key))) as outlet:
            wait_for(lambda: is_up(outlet))


def test_tls_at_a_broker_without_it_is_one_clear_line(
    broker: Mosquitto, authority: Authority
) -> None:
    error = error_of(config(broker, tls=True, ca=str(authority.certificate)))
    assert "TLS" in error or "cannot be reached" in error


def test_a_broker_with_tls_without_tls_is_one_clear_line(
    tmp_path: Path, authority: Authority
) -> None:
    with secure(tmp_path, authority) as (_, settings):
        error = error_of(replace(settings, tls=False, ca=""))
    assert "without an answer (perhaps it wants TLS: [mqtt] tls = true)" in error


def test_a_certificate_file_that_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    with pytest.raises(ConfigError, match="holds no usable certificate"):
        MqttOutlet(MqttConfig(host="localhost", tls=True, ca=str(wrong)))


class OldBroker:
    """A broker that speaks MQTT 3.1.1 alone: it stands before mosquitto and sends the rest away.

    Source: MQTT 3.1.1, 3.1.2.2: unknown level, CONNACK with return code 1, then disconnect.
    """

    def __init__(self, broker: Mosquitto, *, polite: bool) -> None:
        self._broker_port, self._polite = broker.port, polite
        self.levels: list[int] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            first = client.recv(4096)
            self.levels.append(first[8 if first[1] < 128 else 9])
            if self.levels[-1] != 4:
                client.sendall(b"\x20\x02\x00\x01" if self._polite else b"")
                client.close()
                continue
            broker = socket.create_connection(("127.0.0.1", self._broker_port))
            broker.sendall(first)
            for ends in ((client, broker), (broker, client)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(4096):
                target.sendall(data)
        except OSError:
            return
        finally:
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            source.close()


@pytest.mark.parametrize("polite", [True, False])
def test_a_broker_that_knows_mqtt_3_alone_is_spoken_to_so(broker: Mosquitto, polite: bool) -> None:
    old = OldBroker(broker, polite=polite)
    with listening(broker.port, f"{ROOT}/#") as heard:
        with running(config(broker, port=old.port)) as outlet:
            outlet.offer(event(1))
            wait_for(lambda: outlet.status.sent == 1)
        wait_for(lambda: heard.on(AVAILABILITY) == [b"online", b"offline"])
    old.close()
    assert old.levels == [5, 4]
    assert texts(heard.objects(READING)) == ["00001"]


def test_a_reading_that_json_cannot_say_is_dropped_alone(broker: Mosquitto) -> None:
    with running(config(broker)) as outlet:
        bad = event(1)
        bad.body["confidence"] = float("nan")
        outlet.offer(bad)
        outlet.offer(event(2))
        wait_for(lambda: outlet.status.sent == 1)
        assert outlet.status.dropped == 1
        assert json.loads(retained(broker.port)[READING])["text"] == "00002"
