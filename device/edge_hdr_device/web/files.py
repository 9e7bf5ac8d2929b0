"""The page's own files, read once and served from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr_device.web.answers import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

Edit = Callable[[bytes], bytes]


@cache
def contents() -> dict[str, bytes]:
    """Give every file by its name."""
    files = sorted(FOLDER.iterdir())
    return {file.name: file.read_bytes() for file in files if file.suffix in TYPES}


def answer(name: str, request: Request, *, edit: Edit = lambda data: data) -> Response:
    """Give a file, or say that the browser's copy still holds.

    Args:
        name: of the file.
        request: tells which copy the browser has.
        edit: changes the file's bytes.

    Raises:
        Refusal: there is no such file (404).
    """
    from starlette.responses import Response

    if name not in contents():
        raise Refusal(404, f"no such file: {name}")
    data = edit(contents()[name])
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=TYPES[Path(name).suffix], headers=headers)


async def static(request: Request) -> Response:
    """Serve a file that the page wants."""
    return answer(request.path_params["name"], request)
