"""Keep gathered material in the user's cache, so that a second training draws nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields

from edge_hdr.context.material import Material
from edge_hdr.exposure.keep import SOURCES
from edge_hdr.made_once import code, made_once

KEPT = 4  # files
NAMES = {field.name for field in fields(Material)}


def kept(make: Callable[[], Material], *facts: object) -> Material:
    """Give what is in the cache, or make it and put it there.

    Args:
        make: gathers it.
        facts: everything besides the code that it follows from; their `repr` is the key.
    """
    own = code((*SOURCES, ("edge_hdr", "context")))
    return Material(
        **made_once("context", lambda: asdict(make()), facts, own, names=NAMES, most=KEPT)
    )
