"""Serve the page from a thread: bound before it starts, gone within a second."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import ssl
import threading
from typing import TYPE_CHECKING

from edge_hdr_device.errors import ConfigError, DependencyError
from edge_hdr_device.live import Part
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.web.token import is_loopback

if TYPE_CHECKING:
    import asyncio

    import uvicorn
    from starlette.applications import Starlette

logger = logging.getLogger("edge_hdr.web")

CONNECTIONS = 200  # a class of 30 opens the page: six each to load it, then three
BACKLOG = 128
REQUEST_S = 15.0  # a connection that has not asked for anything within this is closed
KEEP_S = 10  # and so is one that asks for nothing more
HEADER_BYTES = 16_384
STREAMS_END_S, FORCED_END_S = 0.7, 0.3
# Phones leave without a word, and each would keep its place: seconds of silence before the kernel
# asks whether the peer is there, between two questions, how often; milliseconds that sent data may
# stay unacknowledged.
PATIENCE = {
    "TCP_KEEPIDLE": 20,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 20_000,
}
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  refused without a token
# Addresses that nobody has. Source: RFC 5737, section 3; RFC 3849, section 2
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


class PageServer:
    """An app, served on an address of our own.

    Args:
        app: made by `make_app`.
        config: host, port, certificate.

    Raises:
        ConfigError: the address cannot be had, or the certificate cannot be used.
        DependencyError: uvicorn is not installed.
    """

    def __init__(self, app: Starlette, config: WebConfig) -> None:
        self._app = app
        self._config = config
        self._server = _make_server(app, config)
        self._socket = _bind(config.host, config.port)
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._fault = ""

    @property
    def url(self) -> str:
        """Give the address of the page, as others reach it."""
        scheme = "https" if self._config.cert else "http"
        host = self._config.host.strip("[]")
        host = _own_address(host) if host in EVERYWHERE else host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def part(self) -> Part:
        """Tell how the server does."""
        if self._fault:
            return Part("page", "degraded", "down", self._fault)
        return Part("page", "ok", "up" if self._thread.is_alive() else "stopped")

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()
        logger.info("live page on %s", self.url)
        if not (self._config.cert or is_loopback(self._config.host)):
            logger.warning("the page is not encrypted: its token can be overheard, set [web] cert")

    def stop(self) -> None:
        """End all streams and connections; takes a second at most."""
        self._app.state.feed.close()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STREAMS_END_S)
            self._cut()
            self._thread.join(FORCED_END_S)
        self._socket.close()

    def _cut(self) -> None:
        """Leave behind viewers that take nothing and work that does not end."""
        self._server.force_exit = True
        for connection in list(self._server.server_state.connections):
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                connection.loop.call_soon_threadsafe(connection.transport.abort)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception as error:
            self._fault = f"{type(error).__name__}: {error}"
            logger.exception("the page has ended")


def _make_server(app: Starlette, config: WebConfig) -> uvicorn.Server:
    try:
        import uvicorn
    except ImportError as error:
        raise DependencyError(
            "the live page wants the packages starlette and uvicorn",
            hint="pip install starlette uvicorn, or run with --no-page",
        ) from error
    settings = uvicorn.Config(
        app,
        loop="asyncio",
        http=_make_protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # a warning for each port scan would fill the journal
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_S,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    settings.load()
    settings.ssl = _make_tls(config)
    return uvicorn.Server(settings)


def _make_tls(config: WebConfig) -> ssl.SSLContext | None:
    if not config.cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # an empty password: a service must not stop and ask for one
        context.load_cert_chain(config.cert, config.key or None, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            f"the certificate {config.cert} cannot be used: {error.args[-1]}",
            hint="[web] cert and key name PEM files that this user can read, the key not encrypted",
        ) from error
    return context


def _make_protocol() -> type[asyncio.Protocol]:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        """HTTP for peers that say within a time what they want; uvicorn itself waits for ever."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_request()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait_for_request()

        def _wait_for_request(self) -> None:
            self.loop.call_later(REQUEST_S, self._give_up, self.scope)

        def _give_up(self, before: object) -> None:
            if self.scope is before and not self.transport.is_closing():
                self.transport.close()

    return Impatient


def _bind(host: str, port: int) -> socket.socket:
    host = host.strip("[]")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        both = host == "::" and socket.has_dualstack_ipv6()
        bound = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise _bind_error(host, port, error) from error
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in PATIENCE.items():  # connections inherit them; not every system has all
        if hasattr(socket, name):
            bound.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return bound


def _own_address(host: str) -> str:
    """Find the address at which others reach this machine; its name where there is no network."""
    for family, elsewhere in ELSEWHERE.items():  # IPv4 first: it is easier to type
        if family == socket.AF_INET6 and host != "::":
            continue
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((elsewhere, 9))  # sends nothing, only looks up the route
            return str(way.getsockname()[0])
    return socket.gethostname()


def _bind_error(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} of {host} is in use",
            hint="end the program that uses it, or take another port: --port",
        )
    if error.errno == errno.EACCES:
        return ConfigError(
            f"port {port} needs the rights of root", hint="take one from 1024 on: --port"
        )
    return ConfigError(
        f"cannot listen on {host}, port {port}: {error.strerror or error}",
        hint="--host wants an address of this machine, 0.0.0.0 for all of them",
    )
