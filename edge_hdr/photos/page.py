"""What was read in labelled photos, as one HTML page that needs nothing else: worst first."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.photos.score import PhotoScore
from edge_hdr.photos.summary import worst_first
from edge_hdr.report.numbers import percent
from edge_hdr.report.page import fill
from edge_hdr.report.tables import Table, Tile
from edge_hdr_device.annotate import encode
from edge_hdr_device.images import read_image

SHOWN = 200  # photos, the worst ones: more make a page that no browser likes to open
LONGEST_PX, QUALITY = 720, ".jpg"
GAP = "·"  # stands where the other text has a digit
FAULTS = ("missed", "invented", "confused")


def render_photos(metrics: dict[str, Any], scores: Sequence[PhotoScore], folder: Path) -> str:
    """Render a whole HTML document: no request leaves it, text from outside is escaped.

    Args:
        metrics: the content of metrics.json; see `edge_hdr.photos.document`.
        scores: of the photos that it is about.
        folder: where the photos lie.
    """
    ranked = worst_first(scores)
    view = {
        "title": "Photos read",
        "subtitle": f"{metrics['model']['name']} on {metrics['photos']['name']}",
        "broad": True,
        "warnings": metrics["warnings"],
        "tiles": tiles(metrics),
        "groups": groups(metrics),
        "selective": selective(metrics),
        "confusions": confused(metrics),
        "photos": [_card(one, folder) for one in ranked[:SHOWN]],
        "more": max(0, len(ranked) - SHOWN),
        "facts": facts(metrics),
        "command": metrics["command"],
    }
    return fill("photos.html.j2", view, {})


def tiles(metrics: dict[str, Any]) -> list[Tile]:
    """Give the headline figures, the character error rate first."""
    found, model = metrics["all"], metrics["model"]
    own, best = found["own"], found["at_selective_accuracy"]
    faults = ", ".join(f"{found[name]} {name}" for name in FAULTS)
    wanted = percent(best["selective_accuracy"], digits=1)
    return [
        Tile(
            "Character error rate",
            percent(found["character_error_rate"], digits=1),
            f"{_between(found['interval'])}{faults} of {found['digits']} digits",
            lead=True,
        ),
        Tile(
            "Whole photos",
            percent(found["whole_photo_accuracy"], digits=1),
            f"{_between(found['whole_photo_interval'])}{found['whole_photos']} of "
            f"{found['photos']} without any fault",
        ),
        Tile(
            "Whole lines",
            percent(found["line_accuracy"], digits=1),
            f"{found['lines_right']} of {found['lines']}",
        ),
        Tile(
            "Accepted and right",
            percent(own["accuracy"], digits=1),
            f"of {own['accepted']} accepted at the model's threshold of {model['threshold']:.3g}; "
            f"they cover {percent(own['coverage'], digits=1)} of the digits",
        ),
        Tile(
            f"Coverage at {wanted} right",
            percent(best["coverage"], digits=1),
            "with the threshold that is best on these photos"
            + (
                f", {best['threshold']:.3g}" if best["threshold"] is not None else ": there is none"
            ),
        ),
    ]


def groups(metrics: dict[str, Any]) -> Table:
    """Give the figures of all photos, of the plain ones, and of each flag."""
    head = ("photos", "n", "digits", "errors", "95 %", *FAULTS, "lines", "whole")
    rows = []
    for name, part in {"all": metrics["all"], **metrics["groups"]}.items():
        rows.append(
            (
                name.replace("_", " "),
                str(part["photos"]),
                str(part["digits"]),
                percent(part["character_error_rate"], digits=1),
                _between(part["interval"]).removesuffix("; ").removeprefix("95 % interval ") or "–",
                *(str(part[fault]) for fault in FAULTS),
                percent(part["line_accuracy"], digits=1),
                percent(part["whole_photo_accuracy"], digits=1),
            )
        )
    return Table(head, tuple(rows))


def selective(metrics: dict[str, Any]) -> Table:
    """Give how many digits can be accepted for how many right ones among the accepted."""
    rows = (
        (
            percent(point["selective_accuracy"], digits=1),
            percent(point["coverage"], digits=1),
            "–" if point["threshold"] is None else f"{point['threshold']:.4f}",
            str(point["accepted"]),
            str(point["errors"]),
        )
        for point in metrics["selective"]
    )
    return Table(("right", "coverage", "threshold", "accepted", "wrong"), tuple(rows))


def confused(metrics: dict[str, Any]) -> Table | None:
    """Give what was read instead of what; None when nothing was."""
    if not metrics["confusions"]:
        return None
    rows = ((row["written"], row["read"], str(row["count"])) for row in metrics["confusions"])
    return Table(("written", "read", "times"), tuple(rows))


def facts(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what was measured and by what, each a name and a value."""
    photos, model = metrics["photos"], metrics["model"]
    half = "" if photos["half"] is None else f", half {photos['half']} of the sources"
    return [
        ("Photos", f"{photos['folder']}{half}: {photos['n']} from {photos['sources']} sources"),
        ("Labels", f"sha256 {photos['sha256']}"),
        ("Model", f"{model['name']}, threshold {model['threshold']:.4g}, "
                  f"temperature {model['temperature']:.4g}"),
        ("File", f"sha256 {model['sha256']}"),
        ("Interpreter", f"{metrics['interpreter']}, {metrics['threads']} threads"),
        ("Time of a photo", f"{metrics['all']['median_ms']:.1f} ms (median)"),
    ]  # fmt: skip


def aligned(one: PhotoScore) -> list[dict[str, str]]:
    """Give what is written and what was read in columns, each with what came of it."""
    columns, accepted = [], one.accepted
    for i, j in one.edits.pairs:
        written = GAP if i is None else one.truth.digits[i]
        read = GAP if j is None else accepted[j].label
        kind = "missed" if j is None else "invented" if i is None else ""
        if not kind:
            kind = "right" if written == read else "confused"
        columns.append({"written": written, "read": read, "kind": kind})
    return columns


def _card(one: PhotoScore, folder: Path) -> dict[str, Any]:
    image = read_image(folder / one.truth.file)
    faults = [f"{getattr(one.edits, name)} {name}" for name in FAULTS if getattr(one.edits, name)]
    verdict = ", ".join(faults) or ("right" if one.whole else "lines parted otherwise")
    boxes = [
        {
            **_place(digit.box, one),
            "kind": kind,
            "label": digit.label,
            "title": f"{digit.label}, confidence {percent(digit.confidence, digits=1)}, {kind}",
        }
        for digit, kind in zip(one.digits, one.verdicts, strict=True)
    ]
    truth = zip(one.truth.boxes, one.overlap, strict=bool(one.truth.boxes))
    return {
        "file": one.truth.file,
        "uri": _uri(image),
        "boxes": boxes,
        "unseen": [_place(box, one) for box, share in truth if share == 0],
        "verdict": verdict,
        "good": one.whole,
        "expected": one.truth.lines,
        "got": one.lines,
        "columns": aligned(one),
        "flags": ", ".join(one.truth.flags),
    }


def _place(box: Sequence[float], one: PhotoScore) -> dict[str, Any]:
    """Say where in the picture a box is, in percent."""
    x, y, width, height = box
    return {
        "left": round(100 * x / one.width, 2),
        "top": round(100 * y / one.height, 2),
        "width": round(100 * width / one.width, 2),
        "height": round(100 * height / one.height, 2),
        "low": y < 0.06 * one.height,
    }


def _uri(image: NDArray[np.uint8]) -> str:
    import cv2

    scale = min(1.0, LONGEST_PX / max(image.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return f"data:image/jpeg;base64,{base64.b64encode(encode(small, QUALITY)).decode()}"


def _between(ends: list[float] | None) -> str:
    if ends is None:
        return ""
    return f"95 % interval {100 * ends[0]:.1f}–{100 * ends[1]:.1f} %; "
