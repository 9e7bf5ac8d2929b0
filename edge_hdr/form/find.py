"""Find the page of a sheet in a photo by its marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import ImageError
from edge_hdr.form import aruco, surface
from edge_hdr.form.aruco import Mark
from edge_hdr.form.layout import MARK_MM, Layout
from edge_hdr.form.marks import PAPERS, POSITIONS, PageCode, code_of, numbers_of
from edge_hdr.form.surface import Points, Surface

LEAST_MARKS = 4
LEAST_OTHERS = 2  # of another page: a single one may be a pattern that looks like a mark
BENT_SHARE = 0.06  # of the page in the photo: so far a mark may lie off a flat page's


@dataclass(frozen=True)
class FoundPage:
    """A page in a photo.

    Attributes:
        layout: what is on it.
        surface: how it lies.
        marks: how many of its marks were seen.
        mirrored: whether the photo has to be mirrored first, as some webcams give it.
        others: how many marks of another page were seen; 0 for a single one, which may be chance.
    """

    layout: Layout
    surface: Surface
    marks: int
    mirrored: bool = False
    others: int = 0


def find_page(image: NDArray[np.uint8], *, name: str) -> FoundPage:
    """Find the page that a photo shows, however it is turned.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR.
        name: of the photo, for errors.

    Raises:
        ImageError: fewer marks than needed are seen, or they do not fit together.
    """
    from edge_hdr_device.ink import to_grey

    grey = to_grey(image)
    marks = _marks(grey)
    page = _page(marks)
    if page is None and not marks:
        mirrored = np.ascontiguousarray(grey[:, ::-1])
        marks = _marks(mirrored)
        page = _page(marks)
        if page is not None:
            return replace(page, mirrored=True)
    if page is None:
        raise _not_found(name, marks)
    return page


def _not_found(name: str, marks: list[Mark]) -> ImageError:
    count = len({mark.number % POSITIONS for mark in marks})
    if not count:
        return ImageError(
            f"{name}: no marks of a sheet found",
            hint="photograph a whole page that `edge-hdr sheet` made: flat, evenly lit, not "
            "blurred, and large in the picture",
        )
    if count < LEAST_MARKS:
        return ImageError(
            f"{name}: {count} of the page's {POSITIONS} marks found, {LEAST_MARKS} are needed",
            hint="photograph the whole page again, all marks in view, flat and evenly lit; this "
            "photo may be blurred, or the page too small in it",
        )
    return ImageError(
        f"{name}: the {len(marks)} marks found do not make up one page of a sheet",
        hint="photograph one whole page, with no other page beside it; this photo may also be "
        "blurred, or the page too small in it",
    )


def _marks(grey: NDArray[np.uint8]) -> list[Mark]:
    """Look for marks until a page has all of its; a later look sees them more exactly."""
    marks: list[Mark] = []
    for seen in aruco.looks(grey):
        known = [mark for mark in marks if not any(mark.is_at(other) for other in seen)]
        marks = known + seen
        page = _page(marks)
        if page is not None and page.marks == POSITIONS:
            break
    return marks


def _page(marks: list[Mark]) -> FoundPage | None:
    """Take marks that lie as on a page and agree on which page it is."""
    if len(marks) < LEAST_MARKS:
        return None
    for paper in PAPERS:
        layout = Layout(PageCode(paper, 10, 1, 0))
        places = np.concatenate([_corners(layout, mark.number % POSITIONS) for mark in marks])
        fitting = _fitting(marks, places)
        code = code_of({marks[index].number % POSITIONS: marks[index].number for index in fitting})
        if code is not None and code.paper == paper and len(fitting) >= LEAST_MARKS:
            rows = np.concatenate([np.arange(4 * index, 4 * index + 4) for index in fitting])
            seen = np.concatenate([mark.corners for mark in marks]).astype(np.float64)
            bent = surface.fit(places[rows], seen[rows], layout.size)
            chosen = [marks[index] for index in fitting]
            return FoundPage(Layout(code), bent, len(fitting), others=_others(marks, chosen, code))
    return None


def _others(marks: list[Mark], chosen: list[Mark], code: PageCode) -> int:
    """Count the marks that are not of the page: of another one, or of a copy of it."""
    own = set(numbers_of(code)) - {mark.number for mark in chosen}
    others = [
        mark
        for mark in marks
        if mark.number not in own and not any(mark.covers(other) for other in chosen)
    ]
    return len(others) if len(others) >= LEAST_OTHERS else 0


def _corners(layout: Layout, position: int) -> Points:
    """Give the corners of a mark on the page, float64 (4, 2) in mm."""
    corner = np.array(layout.corners[position])
    return corner + MARK_MM * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def _fitting(marks: list[Mark], places: Points) -> list[int]:
    """Choose the marks that lie where one page has them, one a position."""
    import cv2

    seen = np.concatenate([mark.corners for mark in marks]).astype(np.float64)
    reach = BENT_SHARE * float(np.ptp(seen, axis=0).max())
    cv2.setRNGSeed(0)
    found: Any = cv2.findHomography(places, seen, cv2.RANSAC, reach)
    homography, inside = found
    if homography is None:
        return []
    whole = np.reshape(inside, (-1, 4)).all(axis=1)
    chosen = {marks[index].number % POSITIONS: int(index) for index in np.flatnonzero(whole)}
    return sorted(chosen.values())
