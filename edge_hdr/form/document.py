"""What came of a sheet as JSON-ready values, and worst first for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from edge_hdr.form.photo import Photo
from edge_hdr.form.read import ReadBox, SheetReading
from edge_hdr_device.interpreter import runtime_name

SCHEMA = 1
LEFT_OUT = ("empty", "blackened", "outside", "repeated")


def document(reading: SheetReading, model: dict[str, Any], command: str) -> dict[str, Any]:
    """Give what metrics.json holds.

    Args:
        reading: of the photos.
        model: its description, see `edge_hdr.measure.describe_model`.
        command: that made the figures.
    """
    return {
        "schema": SCHEMA,
        "model": model,
        "test": reading.evaluation.to_dict(),
        "confusions": [
            {"written": written, "read": read, "count": count}
            for (written, read), count in confusions(reading.boxes)
        ],
        "photos": [_photo(photo) for photo in reading.photos],
        "digits": [_digit(box, reading.photos) for box in reading.boxes],
        "warnings": list(reading.warnings),
        "interpreter": runtime_name(),
        "command": command,
    }


def confusions(boxes: Sequence[ReadBox]) -> list[tuple[tuple[str, str], int]]:
    """Count what was read instead of what, most frequent first."""
    wrong = Counter((box.cut.box.digit, box.label) for box in boxes if not box.right)
    return sorted(wrong.items(), key=lambda item: (-item[1], item[0]))


def worst_first(boxes: Sequence[ReadBox]) -> list[ReadBox]:
    """Put wrong ones first, the surest on top, then the right ones, the least sure on top."""
    return sorted(
        boxes, key=lambda box: (box.right, box.confidence if box.right else -box.confidence)
    )


def place(box: ReadBox) -> str:
    """Say where a box is on its page, counted from 1."""
    return f"row {box.cut.box.row + 1}, column {box.cut.box.column + 1}"


def _photo(photo: Photo) -> dict[str, Any]:
    code = photo.found.layout.code
    return {
        "file": photo.name,
        "sheet": code.seed,
        "page": code.page,
        "paper": code.paper,
        "rows": code.rows,
        "marks": photo.found.marks,
        "mirrored": photo.found.mirrored,
        "px_per_mm": round(photo.found.surface.px_per_mm, 2),
        "boxes": len(photo.boxes),
        **{state: photo.count(state) for state in ("written", *LEFT_OUT)},
    }


def _digit(box: ReadBox, photos: Sequence[Photo]) -> dict[str, Any]:
    return {
        "file": photos[box.photo].name,
        "row": box.cut.box.row + 1,
        "column": box.cut.box.column + 1,
        "written": box.cut.box.digit,
        "read": box.label,
        "confidence": round(box.confidence, 4),
        "accepted": box.accepted,
    }
