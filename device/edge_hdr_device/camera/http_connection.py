"""One HTTP request and its answer, which another thread may break off."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
import weakref
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from edge_hdr_device.camera.stream import LOGIN_HINT, unreachable, without_secrets
from edge_hdr_device.errors import CameraError


class Connection:
    """A request to a camera of the network.

    Args:
        address: http:// or https://, with user name and password where the camera wants them; sent
            as it asks for them, Basic or Digest.
        wait_s: longest silence.
    """

    def __init__(self, address: str, wait_s: float) -> None:
        self._address = address
        self._wait_s = wait_s
        self._sockets: list[weakref.ref[socket.socket]] = []
        self._answers: list[http.client.HTTPResponse] = []
        self._reading = threading.Lock()

    def get(self) -> str:
        """Send the request.

        Returns:
            The answer's content type, in lower case up to its parameters.

        Raises:
            CameraError: the camera does not answer or refuses.
        """
        parts = urlsplit(self._address)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # a camera is a neighbour
            _HttpHandler(functools.partial(_Http, self._sockets, self._answers)),
            _HttpsHandler(functools.partial(_Https, self._sockets, self._answers)),
        )
        if parts.username is not None:
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            name, secret = unquote(parts.username), unquote(parts.password or "")
            passwords.add_password(None, bare, name, secret)
            opener.add_handler(urllib.request.HTTPDigestAuthHandler(passwords))
            opener.add_handler(urllib.request.HTTPBasicAuthHandler(passwords))
        try:
            answer = opener.open(bare, timeout=self._wait_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise _told(self._address, error) from error
        kind, *parameters = str(answer.headers.get("Content-Type", "")).strip().partition(";")
        return kind.lower() + "".join(parameters)

    def read(self, count: int) -> bytes:
        """Read so many bytes, or fewer at the end."""
        with self._reading:
            return self._answers[-1].read(count)

    def readline(self, limit: int) -> bytes:
        """Read a line of at most so many bytes."""
        with self._reading:
            return self._answers[-1].readline(limit)

    def waiting_bytes(self) -> int:
        """Tell how much has arrived that was not read yet."""
        import fcntl
        import termios

        count = bytearray(4)
        for connected in self._connected():
            with contextlib.suppress(OSError, ValueError):
                fcntl.ioctl(connected.fileno(), termios.FIONREAD, count)
        return int.from_bytes(count, "little")

    def close(self) -> None:
        """End a read in another thread, and close unless there is one."""
        for connected in self._connected():
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        if self._reading.acquire(blocking=False):
            try:
                for answer in self._answers:
                    answer.close()
            finally:
                self._reading.release()

    def _connected(self) -> list[socket.socket]:
        return [connected for noted in self._sockets if (connected := noted()) is not None]


def _told(address: str, error: Exception) -> CameraError:
    """Say in our words why there is no answer, or another one than hoped for."""
    shown = without_secrets(address)
    if isinstance(error, urllib.error.HTTPError):
        if error.code not in {401, 403}:
            return CameraError(
                f"{shown} answers {error.code}", hint="check the path, and the camera's own page"
            )
        return CameraError(
            f"{shown} wants another user name or password ({error.code})",
            hint=LOGIN_HINT,
        )
    if isinstance(error, UnicodeEncodeError):
        return CameraError(
            f"{shown} cannot be given a password outside ASCII",
            hint="give the camera a user with a plain password",
        )
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return CameraError(
            f"{shown} shows a certificate that nobody vouches for: {reason.verify_message}",
            hint="install its authority in /usr/local/share/ca-certificates, then "
            "sudo update-ca-certificates",
        )
    return unreachable(address, reason if isinstance(reason, Exception) else error)


class _Noting(http.client.HTTPConnection):
    """Note sockets as soon as they are connected, and answers, which urllib leaves open."""

    def __init__(
        self,
        sockets: list[weakref.ref[socket.socket]],
        answers: list[http.client.HTTPResponse],
        *arguments: Any,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._sockets, self._answers = sockets, answers

    def connect(self) -> None:
        """Connect."""
        super().connect()
        self._sockets.append(weakref.ref(self.sock))

    def getresponse(self) -> http.client.HTTPResponse:
        """Read the head of the answer."""
        answer = super().getresponse()
        self._answers.append(answer)
        return answer


class _Http(_Noting):
    """A plain connection."""


class _Https(_Noting, http.client.HTTPSConnection):
    """An encrypted one, whose certificate is checked."""


class _HttpHandler(urllib.request.HTTPHandler):
    """Open http:// addresses with a kind of connection of ours."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def http_open(self, req: urllib.request.Request) -> Any:
        """Open the address of a request."""
        return self.do_open(self._kind, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    """Open https:// addresses with a kind of connection of ours."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def https_open(self, req: urllib.request.Request) -> Any:
        """Open the address of a request."""
        return self.do_open(self._kind, req)
