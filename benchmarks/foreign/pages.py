"""Synthetic pages whose digits are known, and how many of them a reader gets right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.sheet import write_sheet
from edge_hdr.evaluate import wilson_interval
from edge_hdr.photos.edits import edits
from edge_hdr_device.camera.synthetic import REACH_PX, write_page
from edge_hdr_device.pipeline import UNREAD, Reading

WIDTH, HEIGHT = 640, 480
SEED = 77  # far from the seeds of the frames that times are taken on
LINES, LINE_DIGITS, DIGIT_PX = 5, 6, 50


class PageReader(Protocol):
    """What reads a page: ours and the tutorials'."""

    def read(self, image: NDArray[np.uint8]) -> Reading:
        """Read uint8 (H, W) grey or (H, W, 3) BGR."""
        ...


@dataclass(frozen=True)
class Truth:
    """A page and what is written on it.

    Attributes:
        image: uint8 (H, W, 3), BGR.
        text: its digits in reading order, lines run together.
    """

    image: NDArray[np.uint8]
    text: str


def camera_page(number: int) -> Truth:
    """Give a page as the synthetic camera of the device writes it, 640×480."""
    page = write_page((SEED, number), WIDTH, HEIGHT)
    inside = slice(REACH_PX, REACH_PX + HEIGHT), slice(REACH_PX, REACH_PX + WIDTH)
    return Truth(np.ascontiguousarray(page.image[inside]), "".join(page.lines))


def sheet(number: int, *, shade: float) -> Truth:
    """Give a sheet of five lines of procedural handwriting, 640 px wide, under uneven light."""
    rng = np.random.default_rng((SEED, number))
    digits = rng.integers(0, 10, (LINES, LINE_DIGITS))
    lines = ["".join(str(digit) for digit in line) for line in digits]
    written = write_sheet(lines, seed=number, width_px=WIDTH, digit_px=DIGIT_PX, shade=shade)
    return Truth(written.image, "".join(lines))


# From the tutorials' best case to a shadow; the middle one is how `write_sheet` writes by itself.
SETS: dict[str, Callable[[int], Truth]] = {
    "camera pages": camera_page,
    "sheets, even light": lambda number: sheet(number, shade=0.0),
    "sheets, uneven light": lambda number: sheet(number, shade=0.25),
    "sheets, in shadow": lambda number: sheet(number, shade=0.6),
}


def pages(name: str, count: int) -> Iterator[Truth]:
    """Write the first pages of a set."""
    return (SETS[name](number) for number in range(count))


def read_right(readers: dict[str, PageReader], count: int) -> dict[str, dict[str, Any]]:
    """Count by set and reader what is read right, after the fewest edits from read to written.

    Args:
        readers: by name; they read each page in turns, OpenCV on one thread.
        count: pages a set.

    Returns:
        By set: pages, digits, and by reader "right", "missed" (rejected ones too), "confused",
        "invented", "share" of digits right with its 95 % Wilson "interval" (which takes digits for
        independent, as those of one page hardly are), "whole_pages" without any edit, and
        "page_ms", the median time of a page.
    """
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return {name: _read_set(readers, list(pages(name, count))) for name in SETS}
    finally:
        cv2.setNumThreads(threads)


def _read_set(readers: dict[str, PageReader], written: list[Truth]) -> dict[str, Any]:
    read: dict[str, list[Reading]] = {who: [] for who in readers}
    for page in written:
        for who, reader in readers.items():
            reader.read(page.image)  # a new number of digits has a price of its own
            read[who].append(reader.read(page.image))
    digits = sum(len(page.text) for page in written)
    scores = {who: _score(readings, written, digits) for who, readings in read.items()}
    return {"pages": len(written), "digits": digits, "readers": scores}


def _score(readings: list[Reading], written: list[Truth], digits: int) -> dict[str, Any]:
    found = [edits(page.text, _text(read)) for page, read in zip(written, readings, strict=True)]
    missed, confused, invented = (
        sum(getattr(edit, kind) for edit in found) for kind in ("missed", "confused", "invented")
    )
    right = digits - missed - confused
    return {
        "right": right,
        "missed": missed,
        "confused": confused,
        "invented": invented,
        "share": round(right / digits, 4),
        "interval": [round(end, 4) for end in wilson_interval(right, digits)],
        "whole_pages": sum(edit.total == 0 for edit in found),
        "page_ms": round(median(read.total_ms for read in readings), 3),
    }


def _text(reading: Reading) -> str:
    return "".join(reading.lines).replace(UNREAD, "")
