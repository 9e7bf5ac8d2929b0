"""Who may see the page: this machine alone, or whoever has the token."""

from __future__ import annotations

import html
import logging
import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from edge_hdr_device.web.answers import NO_STORE, Refusal
from edge_hdr_device.web.attempts import Attempts
from edge_hdr_device.web.body import read_body
from edge_hdr_device.web.files import answer, contents
from edge_hdr_device.web.token import MAKE_HINT, REMAKE_HINT, is_loopback, opens, session_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("edge_hdr.web")

OPEN = frozenset({"/login", "/healthz", "/readyz", "/static/style.css", "/static/icon.svg"})
READING = frozenset({"GET", "HEAD"})
COOKIE_AGE_S = 90 * 24 * 3600
FORM_BYTES = 4096
FORM_TIMEOUT_S = 10.0
WRONG = "That is not the token of this device."


class Keys:
    """Tell whether a request may see everything.

    Args:
        token_hash: what the device keeps of its token; None where there is no token, and only
            this machine itself can ask.
        attempts: of wrong tokens; its own by default.
    """

    def __init__(self, token_hash: str | None, attempts: Attempts | None = None) -> None:
        self.token_hash = token_hash
        self._attempts = attempts or Attempts()
        # browsers do not tell ports apart, and several readers may be tunnelled to one machine
        self.cookie = f"edge-hdr-{token_hash[:8]}" if token_hash else ""

    def know(self, request: Request) -> bool:
        """Tell whether a request shows the token or a session.

        Raises:
            Refusal: it shows a wrong token (401), or there were too many of them (429).
        """
        if self.token_hash is None:
            return True
        if opens(request.cookies.get(self.cookie, ""), self.token_hash):
            return True
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and bool(self.try_token(token.strip(), request))

    def try_token(self, token: str, request: Request) -> str:
        """Exchange a token for a session.

        Raises:
            Refusal: it is wrong (401), or too many were (429).
        """
        session = session_of(token)
        # A right token passes always, else one pupil would lock out all who share an address. That
        # makes guessing no easier: a token has 192 random bits. The limit spares work and the log.
        if self.token_hash is not None and opens(session, self.token_hash):
            return session
        address = request.client.host if request.client else ""
        wait_s = math.ceil(self._attempts.wait_s(address))
        if wait_s:
            message = f"Too many wrong tokens: wait {wait_s} s."
            raise Refusal(429, message, headers={"Retry-After": str(wait_s)})
        if self._attempts.note(address):
            logger.warning("too many wrong tokens from %s", address)
        raise Refusal(401, WRONG, REMAKE_HINT, {"WWW-Authenticate": "Bearer"})


class Guard:
    """Let through what may pass, before any other code sees it.

    Args:
        app: what is guarded.
        keys: tells who may see everything.
    """

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        from starlette.requests import Request
        from starlette.responses import RedirectResponse

        request = Request(scope)
        try:
            _refuse_other_sites(request)
            if self._keys.token_hash is None:
                _refuse_other_names(request)
            known = self._keys.know(request)
            if not known and scope["path"] not in OPEN | {"/"}:
                headers = {"WWW-Authenticate": "Bearer"}
                raise Refusal(401, "This wants the device's token.", REMAKE_HINT, headers)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        if not known and scope["path"] == "/":
            await RedirectResponse("/login", 303, NO_STORE)(scope, receive, send)
            return
        scope["edge_hdr_known"] = known
        await self._app(scope, receive, send)


class Login:
    """The page, and the one before it that asks for the token.

    Args:
        keys: exchange the token for a session.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def page(self, request: Request) -> Response:
        """Serve the live page; where there is a token, with a way to sign out."""
        shown = b"" if self._keys.token_hash else b" hidden"
        form = b'action="/logout"'
        return answer("index.html", request, edit=lambda data: data.replace(form, form + shown))

    async def ask(self, request: Request) -> Response:
        """Ask for the token; who is known already goes on to the page."""
        if request.scope["edge_hdr_known"]:
            return _go("/")
        return _form("", 200, {})

    async def enter(self, request: Request) -> Response:
        """Take the token; the browser gets a session in its place."""
        body = await read_body(request, limit_bytes=FORM_BYTES, timeout_s=FORM_TIMEOUT_S)
        form = parse_qs(body.decode(errors="replace"))
        if self._keys.token_hash is None:
            return _go("/")
        try:
            session = self._keys.try_token(form.get("token", [""])[0].strip(), request)
        except Refusal as refusal:
            return _form(refusal.message, refusal.status, refusal.headers)
        onward = _go("/")
        onward.set_cookie(
            self._keys.cookie,
            session,
            max_age=COOKIE_AGE_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return onward

    async def leave(self, request: Request) -> Response:
        """End the session of this browser.

        The session is derived from the token, so that it outlives a restart: a display signs in
        once, whatever happens to its power. A copy of it ends only with the token.
        """
        onward = _go("/login")
        onward.delete_cookie(self._keys.cookie, httponly=True, samesite="strict")
        return onward


def _go(path: str) -> Response:
    from starlette.responses import RedirectResponse

    return RedirectResponse(path, 303, NO_STORE)


def _form(message: str, status: int, headers: dict[str, str]) -> Response:
    from starlette.responses import HTMLResponse

    page = contents()["login.html"].decode().replace("<!-- message -->", html.escape(message))
    return HTMLResponse(page, status, {**NO_STORE, **headers})


def _refuse_other_sites(request: Request) -> None:
    """Refuse what another site's page sends in the name of whoever looks at it.

    Browsers tell with `Sec-Fetch-Site` over TLS and on this machine, with `Origin` everywhere.
    """
    if request.method in READING:
        return
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise Refusal(403, "This was sent by another site's page.", "open the device's own page")


def _refuse_other_names(request: Request) -> None:
    """Refuse names that another site may have pointed at this machine (DNS rebinding)."""
    host = request.headers.get("host", "").lower()
    name = host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if not is_loopback(name):
        raise Refusal(
            403,
            "Without a token the page is for this machine alone.",
            f"open it as localhost or 127.0.0.1; for other names {MAKE_HINT}",
        )
