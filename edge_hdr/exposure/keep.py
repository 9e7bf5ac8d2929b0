"""Keep gathered exposure in the user's cache: a resumed build and a second model draw nothing."""

from __future__ import annotations

from collections.abc import Callable

from edge_hdr.data.dataset import Split
from edge_hdr.exposure.material import Exposure
from edge_hdr.made_once import Arrays, code, made_once

KEPT = 6  # files
NAMES = {"images", "labels", "others"}
# What is gathered follows from the code of these, so a change of it makes another key.
SOURCES = (
    ("edge_hdr", "exposure"), ("edge_hdr", "scenes"), ("edge_hdr", "data"), ("edge_hdr_device", ""),
)  # fmt: skip


def kept(make: Callable[[], Exposure], *facts: object) -> Exposure:
    """Give what is in the cache, or make it and put it there.

    Args:
        make: gathers it.
        facts: everything besides the code that it follows from; their `repr` is the key.
    """

    def arrays() -> Arrays:
        made = make()
        return {"images": made.digits.images, "labels": made.digits.labels, "others": made.others}

    found = made_once("exposure", arrays, facts, code(SOURCES), names=NAMES, most=KEPT)
    return Exposure(Split(found["images"], found["labels"]), found["others"])
