"""The page and the HTTP API as one app: every address and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import DependencyError
from edge_hdr_device.live import Live
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.pipeline import Reading
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.web import files
from edge_hdr_device.web.answers import CarefulHeaders, say_refusals
from edge_hdr_device.web.auth import Guard, Keys, Login
from edge_hdr_device.web.feed import Feed
from edge_hdr_device.web.state import State
from edge_hdr_device.web.streams import Streams
from edge_hdr_device.web.upload import Uploads

if TYPE_CHECKING:
    from starlette.applications import Starlette


def make_app(
    live: Live,
    config: WebConfig,
    *,
    token_hash: str | None,
    read_upload: Callable[[NDArray[np.uint8]], Reading],
    metrics: Metrics,
) -> Starlette:
    """Make the app; nothing is served yet.

    Args:
        live: what the frame loop shows.
        config: limits of streams and uploads.
        token_hash: see `token.find_hash`; None lets this machine alone in, without a token.
        read_upload: reads a picture, uint8 (H, W) grey or (H, W, 3) BGR; it is called from other
            threads than the frame loop's, one at a time.
        metrics: what the frame loop counts.

    Raises:
        DependencyError: starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.routing import Route
    except ImportError as error:
        raise DependencyError(
            "the live page wants the packages starlette and uvicorn",
            hint="pip install starlette uvicorn, or run with --no-page",
        ) from error
    keys = Keys(token_hash)
    pool = ThreadPoolExecutor(2, thread_name_prefix="page")  # each thread costs memory
    feed = Feed(live, fps=config.stream_fps, pool=pool)
    login, state, streams = Login(keys), State(live, metrics, pool), Streams(feed)
    app = Starlette(
        routes=[
            Route("/", login.page),
            Route("/static/{name}", files.static),
            Route("/login", login.ask),
            Route("/login", login.enter, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
            Route("/api/reading", state.reading),
            Route("/api/history", state.history),
            Route("/api/events", streams.events),
            Route("/api/frame.jpg", streams.picture),
            Route("/stream.mjpg", streams.pictures),
            Route(
                "/api/read",
                Uploads(read_upload, limit_bytes=config.upload_bytes).answer,
                methods=["POST"],
            ),
            Route("/healthz", state.alive),
            Route("/readyz", state.ready),
            Route("/metrics", state.metrics),
        ],
        middleware=[Middleware(CarefulHeaders), Middleware(Guard, keys=keys)],
    )
    app.state.feed = feed
    say_refusals(app)
    return app
