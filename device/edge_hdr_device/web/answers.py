"""What every answer has in common: JSON, errors with a hint, headers that keep browsers careful."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
}
NO_STORE = {"Cache-Control": "no-store"}


class Refusal(Exception):  # noqa: N818  it is an answer, not a fault
    """An answer other than the one asked for.

    Args:
        status: HTTP status, 4xx or 5xx.
        message: what is wrong, one line.
        hint: what to do about it, one line; empty when there is nothing to add.
        headers: further headers.
    """

    def __init__(
        self, status: int, message: str, hint: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint
        self.headers = headers or {}

    def response(self) -> Response:
        """Write it as JSON."""
        error = {"message": self.message, "hint": self.hint or None}
        return json_answer({"error": error}, status=self.status, headers=self.headers)


def json_answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON that nobody keeps."""
    from starlette.responses import Response

    return Response(
        to_json(data),
        status_code=status,
        media_type="application/json",
        headers={**NO_STORE, **(headers or {})},
    )


def to_json(data: Any) -> bytes:
    """Write JSON without spaces."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def say_refusals(app: Starlette) -> None:
    """Turn refusals, unknown addresses and faults into JSON answers."""
    from starlette.exceptions import HTTPException

    async def refused(request: Request, error: Refusal) -> Response:
        return error.response()

    async def not_served(request: Request, error: HTTPException) -> Response:
        message = HTTPStatus(error.status_code).phrase
        return Refusal(error.status_code, message, headers=dict(error.headers or {})).response()

    async def failed(request: Request, error: Exception) -> Response:
        return Refusal(500, "a fault in the page's server", "its log says more").response()

    app.add_exception_handler(Refusal, refused)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, not_served)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, failed)


class CarefulHeaders:
    """Add the headers of `HEADERS` to every answer of an app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


Endpoint = Callable[["Request"], Awaitable["Response"]]
