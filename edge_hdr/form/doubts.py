"""What speaks against the figures of a photo, in words."""

from __future__ import annotations

from collections.abc import Sequence

from edge_hdr.form.layout import COLUMNS, Box
from edge_hdr.form.marks import POSITIONS
from edge_hdr.form.photo import Photo

COARSE_PX = 3.0  # per mm of the page: a coarser photo loses thin strokes
UNSURE_SHARE = 0.3  # of a page's frames; a flat page's writing hides half as many


def doubts(photos: Sequence[Photo]) -> list[str]:
    """Say what is doubtful in photos, a sentence each."""
    return [doubt for photo in photos for doubt in _of(photo)]


def _of(photo: Photo) -> list[str]:
    name, found, said = photo.name, photo.found, []
    outside = [cut.box for cut in photo.boxes if cut.state == "outside"]
    scale = found.surface.px_per_mm
    if outside:
        said.append(f"{name}: {cut_off(outside, found.layout.code.rows)}")
    if scale < COARSE_PX:
        said.append(
            f"{name} is coarse, {scale:.1f} px per mm of paper: come closer, or use a higher "
            "resolution"
        )
    if found.marks < POSITIONS:
        said.append(
            f"{name}: {found.marks} of {POSITIONS} marks seen; where the others are, boxes may "
            "be cut less exactly"
        )
    if photo.unsure > UNSURE_SHARE * (len(photo.boxes) - len(outside)):
        said.append(
            f"{name}: the frames of {photo.unsure} boxes are not seen where they should be, as if "
            "the paper were curled: lay it flat; empty boxes may count as written"
        )
    if found.others:
        said.append(
            f"{name}: {found.others} marks of another page are in view; only {photo.title} was "
            "read: photograph each page alone"
        )
    return said


def cut_off(boxes: Sequence[Box], rows: int) -> str:
    """Say which boxes a photo does not show, by their rows, or by their columns if those are fewer.

    Args:
        boxes: that are left out.
        rows: of boxes on the page.
    """
    down, across = {box.row for box in boxes}, {box.column for box in boxes}
    by_row = len(down) * COLUMNS <= len(across) * rows
    lines, name = (sorted(down), "row") if by_row else (sorted(across), "column")
    all_of_them = len(lines) * (COLUMNS if by_row else rows) == len(boxes)
    count = f"{len(boxes)} box{'es' if len(boxes) > 1 else ''} left out"
    verb = "are" if len(lines) > 1 or not all_of_them else "is"
    part = "" if all_of_them else "parts of "
    return f"{part}{_listed(name, lines)} {verb} not in the photo: {count}"


def _listed(name: str, lines: list[int]) -> str:
    """Name rows or columns, counted from 1: as "row 3", "rows 8 to 12" or "rows 1 and 12"."""
    numbers = [line + 1 for line in lines]
    if len(numbers) == 1:
        return f"{name} {numbers[0]}"
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{name}s {numbers[0]} to {numbers[-1]}"
    return f"{name}s {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
