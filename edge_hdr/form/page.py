"""The digits of a sheet as one HTML page that needs nothing else: worst first."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.form.document import LEFT_OUT, place, worst_first
from edge_hdr.form.read import ReadBox, SheetReading
from edge_hdr.report import figures, tables
from edge_hdr.report.numbers import accuracy_digits, interval, percent
from edge_hdr.report.page import fill
from edge_hdr.report.tables import Table, Tile
from edge_hdr_device.annotate import encode

BOX_PX = 96  # longer side of a box's picture


def render_sheet(metrics: dict[str, Any], reading: SheetReading) -> str:
    """Render a whole HTML document: no request leaves it, text from outside is escaped.

    Args:
        metrics: of `edge_hdr.form.document`.
        reading: what they are about.
    """
    test = metrics["test"]
    view = {
        "title": "Your own writing, read",
        "subtitle": f"{metrics['model']['name']} on {len(reading.boxes)} digits of "
        + ", ".join(dict.fromkeys(photo.title for photo in reading.photos)),
        "broad": True,
        "warnings": metrics["warnings"],
        "tiles": tiles(metrics),
        "per_class": tables.per_class(test),
        "confusions": confused(metrics),
        "pages": pages(metrics),
        "digits": [_card(box, reading) for box in worst_first(reading.boxes)],
        "facts": facts(metrics),
        "command": metrics["command"],
    }
    drawn = {"confusion": figures.confusion_matrix(test["confusion"], test["classes"])}
    return fill("sheet.html.j2", view, drawn)


def tiles(metrics: dict[str, Any]) -> list[Tile]:
    """Give the headline figures, accuracy first."""
    test, n = metrics["test"], metrics["test"]["n"]
    selective = test["selective"]
    left_out = {state: sum(photo[state] for photo in metrics["photos"]) for state in LEFT_OUT}
    found = [
        Tile(
            "Accuracy",
            percent(test["accuracy"], digits=accuracy_digits(n)),
            f"95 % interval {interval(test['interval'], n)}, n = {n:,}",
            lead=True,
        ),
        Tile("Errors", str(test["errors"]), f"of {n:,} digits"),
        Tile(
            "Boxes left out",
            str(sum(left_out.values())),
            ", ".join(f"{count} {state}" for state, count in left_out.items() if count),
        ),
    ]
    if selective["threshold"] > 0:
        right = (
            "none" if selective["accuracy"] is None else percent(selective["accuracy"], digits=1)
        )
        found.append(
            Tile(
                "Read, not rejected",
                percent(selective["coverage"], digits=1),
                f"{right} of them right, at confidence ≥ {selective['threshold']:.3f}",
            )
        )
    return found


def confused(metrics: dict[str, Any]) -> Table | None:
    """Give what was read instead of what; None when nothing was."""
    if not metrics["confusions"]:
        return None
    rows = ((row["written"], row["read"], str(row["count"])) for row in metrics["confusions"])
    return Table(("written", "read", "times"), tuple(rows))


def pages(metrics: dict[str, Any]) -> Table:
    """Say what was found in each photo."""
    head = ("photo", "sheet", "page", "written", *LEFT_OUT, "marks", "px per mm")
    rows = (
        (
            str(photo["file"]),
            *(str(photo[key]) for key in head[1:-1]),
            f"{photo['px_per_mm']:.1f}",
        )
        for photo in metrics["photos"]
    )
    return Table(head, tuple(rows))


def facts(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """Say by what was read, each a name and a value."""
    model, test = metrics["model"], metrics["test"]
    return [
        ("Model", f"{model['name']} {model.get('variant', '')}".strip()),
        ("File", f"sha256 {model.get('sha256') or 'not stated'}"),
        ("Threshold", f"{test['selective']['threshold']:.4g}, "
                      f"temperature {test['calibration']['temperature']:.4g}"),
        ("Interpreter", metrics["interpreter"]),
    ]  # fmt: skip


def _card(box: ReadBox, reading: SheetReading) -> dict[str, Any]:
    kind = "wrong" if not box.right else "right" if box.accepted else "rejected"
    photo = reading.photos[box.photo]
    return {
        "kind": kind,
        "written": box.cut.box.digit,
        "read": box.label,
        "confidence": percent(box.confidence, digits=1),
        "where": f"{photo.name}, {place(box)}",
        "photo": _uri(box.cut.image),
        "crop": figures.digit_uri(box.crop),
    }


def _uri(image: NDArray[np.uint8]) -> str:
    import cv2

    scale = min(1.0, BOX_PX / max(image.shape))
    size = tuple(max(1, round(side * scale)) for side in image.shape[::-1])
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return f"data:image/jpeg;base64,{base64.b64encode(encode(small, '.jpg')).decode()}"
