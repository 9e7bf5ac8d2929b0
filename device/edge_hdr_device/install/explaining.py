"""Let an error tell in which step of an installation it came."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.install.life import Stopped, StoppedError
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.storage import storage_error


@contextlib.contextmanager
def explained(tell: Teller) -> Iterator[None]:
    """Let errors of the body name the step that they came from."""
    try:
        yield
    except Stopped as error:
        told = StoppedError(
            f"stopped {error.reason}, before anything was switched",
            hint="what ran before runs as before",
        )
        raise with_data(told, step=tell.current) from error
    except EdgeHdrError as error:
        raise with_data(error, step=tell.current) from error.__cause__
    except OSError as error:
        told_storage = storage_error(Path(error.filename or "?"), error)
        raise with_data(told_storage, step=tell.current) from error


def with_data(error: EdgeHdrError, **data: object) -> EdgeHdrError:
    """Add to what an error tells a program; what it has already stays."""
    vars(error)["data"] = {**data, **(getattr(error, "data", None) or {})}
    return error
