"""Take the body of a request, up to a size and within a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge_hdr_device.web.answers import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request


async def read_body(request: Request, *, limit_bytes: int, timeout_s: float) -> bytes:
    """Read a body; more than `limit_bytes` are refused as soon as they are announced or come.

    Raises:
        Refusal: 413 too large, 408 too slow, 400 broken off.
    """
    from starlette.requests import ClientDisconnect

    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise _too_large(limit_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit_bytes:
                    raise _too_large(limit_bytes)
    except TimeoutError as error:
        message = f"the upload was not there after {timeout_s:g} s"
        raise Refusal(408, message, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise Refusal(400, "the upload broke off") from error
    return bytes(body)


def _too_large(limit_bytes: int) -> Refusal:
    size = f"{limit_bytes / 1e6:g} MB" if limit_bytes >= 1e6 else f"{limit_bytes} bytes"
    return Refusal(
        413,
        f"the upload is larger than {size}",
        "scale the picture down; [web] upload_bytes sets the limit",
    )
