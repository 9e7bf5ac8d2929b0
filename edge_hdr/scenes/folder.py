"""A folder of scenes: pictures, `labels.json` and a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import DIGITS, Progress, Split
from edge_hdr.errors import DataError, UsageError
from edge_hdr.scenes.draw import draw_scene
from edge_hdr.scenes.drawn import GALLERY, LABELS, clear
from edge_hdr.scenes.factors import check_factors, check_severity
from edge_hdr.scenes.gallery import Gallery
from edge_hdr.scenes.scene import Scene
from edge_hdr_device.storage import write_atomic

PARTS = ("train", "validation", "test")
VALIDATION = 5_000  # digits that no scene of another part is written with
SAVED_QUALITY = 95  # above that of any camera here, so that saving adds next to nothing
SEEDS = 1_000_000  # scenes of one seed


@dataclass(frozen=True)
class Wish:
    """What scenes are wanted.

    Attributes:
        count: how many, at most `SEEDS`.
        severity: a key of `factors.SEVERITIES`.
        factors: levels that are set instead of drawn.
        seed: the same seed and digits give the same scenes.
        part: of the digits, of `PARTS`.
        width_px: of the pictures; None for the default.
        height_px: of the pictures.
    """

    count: int
    severity: str
    factors: Mapping[str, float]
    seed: int = 0
    part: str = "validation"
    width_px: int | None = None
    height_px: int | None = None


def digits_of(
    spec: str, part: str, *, data_dir: Path | None = None, progress: Progress | None = None
) -> Split:
    """Give the digits that scenes are written with.

    Args:
        spec: "mnist", "strokes" or a folder; strokes need no examples, so that they have none.
        part: "train", "validation" (held out as a build does) or "test".
        data_dir: where MNIST is looked for first.
        progress: called while files are read.

    Returns:
        Labels are the digits themselves.

    Raises:
        UsageError: there is no such part.
        DataError: the data cannot be had, or their classes are no digits.
    """
    from edge_hdr.data.load import load
    from edge_hdr.data.splits import hold_out_validation

    if part not in PARTS:
        raise UsageError(
            f"there is no part {part!r}",
            hint=f"--digits names a part of --data: {', '.join(PARTS)}",
        )
    if spec == "strokes":
        return Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))
    dataset = load(spec, data_dir=data_dir, seed=0, progress=progress)
    split = dataset.test
    if part != "test":
        rest, held = hold_out_validation(
            dataset.train, wanted=VALIDATION, classes=len(dataset.classes), seed=0
        )
        split = held if part == "validation" else rest
    strange = sorted(set(dataset.classes) - set(DIGITS))
    if strange:
        raise DataError(
            f"the class {strange[0]!r} of {spec} is no digit",
            hint="scenes are written with the classes 0 to 9",
        )
    if not len(split):
        raise DataError(f"{spec} has no {part} digits", hint="choose another of --digits")
    return Split(split.images, np.array([int(c) for c in dataset.classes])[split.labels])


def scene_seed(wish: Wish, number: int) -> int:
    """Give the seed of one scene; no two of a part share one."""
    return (wish.seed * len(PARTS) + PARTS.index(wish.part)) * SEEDS + number


def write_scenes(
    folder: Path,
    digits: Split,
    wish: Wish,
    *,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> list[dict[str, Any]]:
    """Draw scenes into a folder.

    Args:
        folder: is made when missing; scenes that it names in `labels.json` are removed first.
        digits: what is written with, see `digits_of`.
        wish: which scenes.
        progress: called after each scene.

    Returns:
        The entries of `labels.json`.

    Raises:
        UsageError: the wish names no severity or factor, or too many scenes.
        StorageError: the folder cannot be written.

    On an interruption the folder holds whole pictures, and `labels.json` names just these.
    """
    check_severity(wish.severity)
    check_factors(wish.factors)
    if wish.count > SEEDS:
        raise UsageError(f"{wish.count:,} scenes are too many", hint=f"at most {SEEDS:,}")
    clear(folder)
    entries: list[dict[str, Any]] = []
    sheet = Gallery()
    try:
        for number in range(wish.count):
            scene = _draw(digits, wish, number)
            entry = _entry(scene, wish, number)
            write_atomic(folder / entry["file"], _encoded(scene.image, entry["file"]))
            entries.append(entry)
            sheet.add(scene, entry["file"])
            if progress is not None:
                progress("drawing scenes", number + 1, wish.count)
    finally:
        if entries:
            write_atomic(folder / LABELS, json.dumps(entries, indent=1) + "\n")
            write_atomic(folder / GALLERY, _encoded(sheet.image(), GALLERY))
    return entries


def _draw(digits: Split, wish: Wish, number: int) -> Scene:
    return draw_scene(
        digits,
        seed=scene_seed(wish, number),
        severity=wish.severity,
        factors=wish.factors,
        width_px=wish.width_px,
        height_px=wish.height_px,
    )


def _entry(scene: Scene, wish: Wish, number: int) -> dict[str, Any]:
    """Describe a scene as `edge_hdr.photos.labels` reads it."""
    sides = ("x", "y", "width", "height")
    suffix = "jpg" if scene.factors.get("jpeg") else "png"
    return {
        "file": f"{number:04}.{suffix}",
        "digits": scene.text,
        "boxes": [
            {"label": digit.label, **dict(zip(sides, digit.box, strict=True)), "line": digit.line}
            for digit in scene.digits
        ],
        "clutter": [
            {"kind": item.kind, **dict(zip(sides, item.box, strict=True))} for item in scene.clutter
        ],
        "severity": wish.severity,
        "factors": scene.factors,
        "seed": scene_seed(wish, number),
    }


def _encoded(image: NDArray[np.uint8], name: str) -> bytes:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, SAVED_QUALITY] if name.endswith(".jpg") else []
    return cv2.imencode(Path(name).suffix, image, options)[1].tobytes()
