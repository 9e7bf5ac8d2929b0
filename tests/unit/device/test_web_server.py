import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serving import LIMIT_S, TOKEN, Site, make_live, raw, read_nothing, served, show, wait_until

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.web import server as server_module
from edge_hdr_device.web.app import make_app
from edge_hdr_device.web.server import PageServer
from edge_hdr_device.web.token import hash_of


def make_server(token: str | None = None, **settings: object) -> PageServer:
    config = WebConfig(**{"port": 0, **settings})  # type: ignore[arg-type]
    token_hash = hash_of(token) if token else None
    app = make_app(
        make_live(), config, token_hash=token_hash, read_upload=read_nothing, metrics=Metrics()
    )
    return PageServer(app, config)


def test_a_free_port_is_told() -> None:
    with served() as site:
        assert site.port > 0
        assert site.server.url == f"http://127.0.0.1:{site.port}/"
        assert site.server.part.state == "up"
    assert site.server.part.state == "stopped"


def test_a_port_in_use_is_one_clear_error() -> None:
    with (
        served() as site,
        pytest.raises(ConfigError, match=f"port {site.port} .* in use") as caught,
    ):
        make_server(port=site.port)
    assert "--port" in caught.value.hint


def test_the_port_is_free_again_at_once() -> None:
    with served() as site:
        show(site.live)
        with site.watch("/stream.mjpg") as stream:
            stream.readline()
            site.server.stop()
    make_server(port=site.port).stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name", "999.1.1.1"])
def test_an_address_that_is_not_ours_is_one_clear_error(host: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot listen on {host}") as caught:
        make_server(TOKEN, host=host)
    assert "--host" in caught.value.hint


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_is_served(host: str) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = make_server(host=host)
    assert server.url == f"http://[::1]:{server.port}/"
    server.start()
    with socket.create_connection(("::1", server.port), timeout=LIMIT_S) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    server.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]"])
def test_the_address_of_all_is_told_so_that_it_can_be_opened(host: str) -> None:
    server = make_server(TOKEN, host=host)
    server.start()
    told = urlsplit(server.url)
    assert told.hostname not in {"0.0.0.0", "::"}
    with socket.create_connection((told.hostname, told.port), timeout=LIMIT_S) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {told.netloc}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    server.stop()


def test_without_a_way_out_the_address_of_all_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broadcast = {socket.AF_INET: "255.255.255.255"}  # there is no way to it without asking for it
    monkeypatch.setattr(server_module, "ELSEWHERE", broadcast)
    server = make_server(TOKEN, host="0.0.0.0")
    assert server.url == f"http://{socket.gethostname()}:{server.port}/"
    server.stop()


def test_an_ipv6_address_is_told_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "ELSEWHERE", {socket.AF_INET6: "::1"})
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = make_server(TOKEN, host="::")
    assert server.url == f"http://[::1]:{server.port}/"
    server.stop()


@pytest.mark.parametrize("path", ["/stream.mjpg", "/api/events"])
def test_streams_end_with_the_server(path: str) -> None:
    with served() as site:
        show(site.live)
        with site.watch(path) as stream:
            stream.readline()
            site.server.stop()
            assert not site.server._thread.is_alive()
            stream.read()  # to its proper end, or http.client raises


def test_a_viewer_that_takes_nothing_does_not_hold_up_the_end(site_that_sends_much: Site) -> None:
    with raw(site_that_sends_much.port) as connection:
        connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(10)
        site_that_sends_much.server.stop()
        assert not site_that_sends_much.server._thread.is_alive()


@pytest.fixture
def site_that_sends_much(monkeypatch: pytest.MonkeyPatch):
    """Give a stream of pictures that fill every buffer at once."""
    from edge_hdr_device.web import feed

    monkeypatch.setattr(feed, "view_jpeg", lambda view, overlay: bytes(50_000_000))
    with served() as site:
        show(site.live)
        yield site


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUEST_S", 0.1)
    with served() as site, raw(site.port) as silent, raw(site.port) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        assert silent.recv(1) == b""
        assert slow.recv(1) == b""


def test_a_connection_that_asks_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUEST_S", 0.3)
    with served() as site:
        show(site.live)
        with site.watch("/api/events") as stream:
            wait_until(lambda: b"data" in stream.readline())
            for _ in range(8):  # longer than a silent connection would have
                assert stream.readline()


def test_too_many_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS", 3)
    with served() as site:
        idle = [raw(site.port) for _ in range(3)]
        assert site.ask("/healthz").status == 503
        for connection in idle:
            connection.close()
        wait_until(lambda: site.ask("/healthz").status == 200)


def test_nonsense_does_no_harm() -> None:
    with served() as site:
        for nonsense in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc", b"GET\r\n\r\n", b"A" * 100_000):
            with raw(site.port) as connection:
                connection.sendall(nonsense)
                connection.settimeout(0.2)
                try:
                    answer = connection.recv(100)
                except (TimeoutError, ConnectionResetError):
                    answer = b""
                assert not answer.startswith(b"HTTP/1.1 2")
        assert site.ask("/healthz").status == 200


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """Make a certificate for localhost and its key."""
    program = shutil.which("openssl")
    if program is None:
        reason = "openssl is not installed: apt install openssl"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    make = f"{program} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = [*make.split(), *name.split(), "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def test_tls_is_served_with_a_certificate(certificate: tuple[str, str]) -> None:
    cert, key = certificate
    with served(token=TOKEN, cert=cert, key=key) as site:
        assert site.server.url.startswith("https://")
        context = ssl.create_default_context(cafile=cert)
        with context.wrap_socket(raw(site.port), server_hostname="localhost") as connection:
            body = f"token={TOKEN}"
            connection.sendall(
                f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
                f"\r\n{body}".encode()
            )
            answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 303")
    assert b"; Secure" in answer, "the session must not travel in the clear"


def test_a_certificate_that_cannot_be_used_is_one_clear_error(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    cert, key = certificate
    (tmp_path / "none.pem").write_text("nothing")
    for pair in [(str(tmp_path / "missing"), key), (str(tmp_path / "none.pem"), ""), (key, cert)]:
        with pytest.raises(ConfigError, match="cannot be used") as caught:
            make_server(cert=pair[0], key=pair[1])
        assert "PEM" in caught.value.hint


def test_an_encrypted_key_is_refused_and_not_asked_about(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    cert, key = certificate
    closed = str(tmp_path / "closed.pem")
    command = ["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", closed]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigError, match="cannot be used"):
        make_server(cert=cert, key=closed)


def test_a_page_for_others_without_tls_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    server = make_server(TOKEN, host="0.0.0.0")
    server.start()
    server.stop()
    assert "not encrypted" in caplog.text
