"""A real network camera on a free port of this machine: MJPEG over HTTP, as a test wants it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import re
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

REALM, NONCE = "camera", "0123456789abcdef"


def jpeg(level: int, size: int = 64) -> bytes:
    """Encode a picture of one grey level."""
    return bytes(cv2.imencode(".jpg", np.full((size, size), level % 256, np.uint8))[1])


class MjpegCamera:
    """Serve `/stream`, `/picture`, `/page` and `/silent`; a context manager.

    Args:
        fps: pictures a second of the stream; 0 is as fast as they are taken.
        auth: none, basic or digest, for user "me" with the password "s@cret".
        lengths: tell the length of each picture.
        certificate: file of a certificate and its key, for https.
    """

    def __init__(
        self,
        *,
        fps: float = 100.0,
        auth: str = "none",
        lengths: bool = True,
        certificate: Path | None = None,
    ) -> None:
        self.fps, self.auth, self.lengths = fps, auth, lengths
        self.certificate = certificate
        self.make = jpeg
        self.sent = 0
        self.visits = 0
        self.port = 0
        self._open: set[socket.socket] = set()
        self._server: http.server.ThreadingHTTPServer | None = None

    def __enter__(self) -> MjpegCamera:
        self.come_back()
        return self

    def __exit__(self, *error: object) -> None:
        self.cut()

    def url(self, path: str, user: str = "") -> str:
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{user}{'@' if user else ''}127.0.0.1:{self.port}{path}"

    def cut(self) -> None:
        """Be switched off: no connection survives, and none is taken."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Be switched on, at the same address as before."""
        self._server = server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = server.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections are broken on purpose."""


def _handler(camera: MjpegCamera) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            super().setup()
            camera._open.add(self.connection)

        def finish(self) -> None:
            camera._open.discard(self.connection)
            super().finish()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            camera.visits += 1
            if not _is_allowed(camera.auth, self.headers.get("Authorization", "")):
                challenge = f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth"'
                if camera.auth == "basic":
                    challenge = f'Basic realm="{REALM}"'
                self.answer(401, "text/plain", b"", {"WWW-Authenticate": challenge})
            elif self.path == "/stream":
                self.stream()
            elif self.path == "/picture":
                camera.sent += 1
                self.answer(200, "image/jpeg", camera.make(camera.sent))
            elif self.path == "/page":
                self.answer(200, "text/html", b"<img src=stream>")
            elif self.path == "/silent":
                self.begin_stream()
                time.sleep(30)
            else:
                self.answer(404, "text/plain", b"")

        def answer(
            self, code: int, kind: str, body: bytes, more: dict[str, str] | None = None
        ) -> None:
            self.send_response(code)
            for name, value in {"Content-Type": kind, "Content-Length": len(body)}.items():
                self.send_header(name, str(value))
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def begin_stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--part")
            self.end_headers()

        def stream(self) -> None:
            self.begin_stream()
            while camera._server:
                camera.sent += 1
                data = camera.make(camera.sent)
                length = f"Content-Length: {len(data)}\r\n" if camera.lengths else ""
                head = f"--part\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode()
                self.wfile.write(head + data + b"\r\n")
                if camera.fps:
                    time.sleep(1 / camera.fps)

    return Handler


def _is_allowed(auth: str, header: str) -> bool:
    if auth == "basic":
        return header == "Basic " + base64.b64encode(b"me:s@cret").decode()
    if auth == "digest":
        sent = dict(re.findall(r'(\w+)="?([^",]+)"?', header))

        def digest(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret = digest(f"me:{REALM}:s@cret")
        asked = digest(f"GET:{sent.get('uri')}")
        parts = [secret, NONCE, sent.get("nc"), sent.get("cnonce"), "auth", asked]
        return sent.get("response") == digest(":".join(map(str, parts)))
    return True
