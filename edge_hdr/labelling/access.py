"""Who may use the page: whoever was given its address by the program that serves it."""

from __future__ import annotations

import html
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_hdr_device.web.answers import NO_STORE, Refusal
from edge_hdr_device.web.token import hash_of, opens, session_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

ENTRANCE = "/enter"
OPEN_PATHS = frozenset({ENTRANCE, "/static/style.css", "/static/icon.svg"})
READING = frozenset({"GET", "HEAD"})
CLOSED = "This page opens with the address that edge-hdr label shows in its terminal."
_RANDOM_BYTES = 24


class Door:
    """Exchange the token of an address for a cookie.

    Attributes:
        token: opens as long as the program runs.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(_RANDOM_BYTES)
        self._session = session_of(self.token)
        self._hash = hash_of(self.token)
        self._tickets: set[str] = set()
        # browsers do not tell ports apart, and several pages may be open on one machine
        self._cookie = f"edge-hdr-label-{self._hash[:8]}"

    def path(self) -> str:
        """Give the path of the address that is shown."""
        return f"{ENTRANCE}?token={self.token}"

    def path_once(self) -> str:
        """Give a path that opens once: programs' arguments are seen by every user of a machine."""
        ticket = secrets.token_urlsafe(_RANDOM_BYTES)
        self._tickets.add(ticket)
        return f"{ENTRANCE}?token={ticket}"

    def knows(self, request: Request) -> bool:
        """Tell whether a browser has the cookie."""
        return opens(request.cookies.get(self._cookie, ""), self._hash)

    async def enter(self, request: Request) -> Response:
        """Take a token, and send the browser on to an address without it."""
        from starlette.responses import HTMLResponse, RedirectResponse

        shown = request.query_params.get("token", "")
        if not (self.knows(request) or opens(session_of(shown), self._hash) or self._spend(shown)):
            page = _CLOSED_PAGE.format(message=html.escape(CLOSED))
            return HTMLResponse(page, 401, NO_STORE)
        onward = RedirectResponse("/", 303, NO_STORE)
        onward.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
        return onward

    def _spend(self, ticket: str) -> bool:
        if ticket not in self._tickets:
            return False
        self._tickets.remove(ticket)
        return True


class Guard:
    """Let through what may pass, before any other code sees it."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        from starlette.requests import Request
        from starlette.responses import RedirectResponse

        request = Request(scope)
        answer: ASGIApp = self._app
        if request.method not in READING and _is_foreign(request):
            answer = Refusal(403, "This was sent by another site's page.").response()
        elif scope["path"] not in OPEN_PATHS and not self._door.knows(request):
            answer = Refusal(401, CLOSED).response()
            if scope["path"] == "/":
                answer = RedirectResponse(ENTRANCE, 303, NO_STORE)
        await answer(scope, receive, send)


def _is_foreign(request: Request) -> bool:
    """Tell whether another page sent this; a page on another port has the cookie, too."""
    origin = request.headers.get("origin")
    other = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    return other or request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}


_CLOSED_PAGE = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>edge-hdr label</title>
  <link rel="icon" href="/static/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/static/style.css">
</head>
<body><main class="closed"><h1>edge-hdr label</h1><p role="status">{message}</p></main></body>
</html>
"""
