"""Keep what native libraries write past Python's streams off the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def native_output_hidden() -> Iterator[None]:
    """Discard file descriptor 2 for the body; Python exceptions are not touched.

    For short calls on the main path only: descriptor 2 belongs to the whole process.
    """
    sys.stderr.flush()
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
