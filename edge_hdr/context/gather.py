"""Gather material: scenes are drawn, looked at as on a device, and judged by their truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr.context.material import Material, nothing, together
from edge_hdr.data.dataset import Progress, Split
from edge_hdr.exposure.match import judge
from edge_hdr.exposure.material import NON_DIGIT
from edge_hdr.processes import Processes
from edge_hdr.scenes.draw import draw_scene
from edge_hdr.scenes.scene import Scene
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.context import surrounded, surroundings
from edge_hdr_device.locate import look
from edge_hdr_device.normalize import normalize

SEVERITIES = ("moderate", "hard", "mild")
TURNS = (0, 1, 2, 0, 1)  # severities take turns
SCENES = 10  # of a piece of work
# What stands around digits and looks like some; every second scene has one of them for certain.
CLUTTER = (
    "squared", "ruled", "frames", "letters", "stains", "table", "fingers", "underline", "struck",
    "operators", "minus", "dots",
)  # fmt: skip
LEAST_LEVEL = 0.2  # of such a factor


@dataclass(frozen=True)
class Sights:
    """Which scenes are looked at.

    Attributes:
        digits: that they are written with.
        seed: of all of them.
        cluttered: every second one has something for certain that may be taken for digits.
    """

    digits: Split
    seed: int
    cluttered: bool


def gather(
    sights: Sights, scenes: int, *, progress: Progress | None = None, workers: int | None = None
) -> Material:
    """Collect what a device sees of scenes.

    Args:
        sights: which scenes; the same ones and the same number of them give the same bytes,
            whatever `workers` is.
        scenes: how many.
        progress: told how many are done.
        workers: processes; 1 works in this process. When None, all processors where it pays.
    """
    pieces = [range(at, min(at + SCENES, scenes)) for at in range(0, scenes, SCENES)]
    parts = []
    with Processes(sights, workers, len(pieces)) as pool:
        for part in pool.results(partial(_look, piece) for piece in pieces):
            parts.append(part)
            if progress is not None:
                progress("looking at scenes", min(scenes, len(parts) * SCENES), scenes)
    return together(parts)


def scene_of(sights: Sights, number: int) -> Scene:
    """Draw the scene of a number, from 0."""
    rng = np.random.default_rng([sights.seed, number])
    factors = {}
    if sights.cluttered and number % 2:
        factors = {CLUTTER[rng.integers(len(CLUTTER))]: float(rng.uniform(LEAST_LEVEL, 1))}
    return draw_scene(
        sights.digits,
        seed=int(rng.integers(2**31)),
        severity=SEVERITIES[TURNS[number % len(TURNS)]],
        factors=factors,
    )


def _look(numbers: range, sights: Sights) -> Material:
    """Draw a piece's scenes and look at them."""
    return together(
        [regions_of(scene_of(sights, number), TURNS[number % len(TURNS)]) for number in numbers]
    )


def regions_of(scene: Scene, severity: int = 0) -> Material:
    """Find a scene's regions with the device's own eyes.

    Args:
        scene: with its truth.
        severity: of it, an index into `SEVERITIES`.
    """
    view = look(scene.image, wide=True)
    rows = np.flatnonzero(surrounded(view))
    if not len(rows):
        return nothing()
    regions = [view.regions[row] for row in rows]
    keep = verdicts(np.array([region.box for region in regions], float), scene)
    crops = np.stack([normalize(region.ink) for region in regions])
    single = np.array([region.single for region in regions])
    accepted = _classifier().predict(crops).accepted & single
    clear = keep >= 0
    return Material(
        surroundings(view.grey, view.boxes[rows[clear]]),
        keep[clear] == 1,
        accepted[clear],
        np.full(clear.sum(), severity, np.int64),
    )


def classifier_path() -> Path:
    """Give the file of the classifier that judges what would be accepted."""
    return released.folder() / released.DEFAULT / released.FILE


@cache
def _classifier() -> Classifier:
    return Classifier(classifier_path())


def verdicts(boxes: NDArray[np.float64], scene: Scene) -> NDArray[np.int64]:
    """Tell which boxes, float64 (N, 4) x, y, width and height in px, are to be kept.

    Returns:
        int64 (N,): 1 for a digit or several together, which may be cut apart; 0 for what has none;
        −1 where it is unclear.
    """
    truth = np.array([digit.box for digit in scene.digits], float).reshape(-1, 4)
    labels = np.array([int(digit.label) for digit in scene.digits], np.int64)
    verdict = judge(boxes, truth, labels)
    held = ((_middles(truth)[None] - _middles(boxes)[:, None]) * 2 <= boxes[:, None, 2:]) & (
        (_middles(boxes)[:, None] - _middles(truth)[None]) * 2 <= boxes[:, None, 2:]
    )
    together = held.all(axis=2).sum(axis=1) > 1
    result = np.where(verdict >= 0, 1, np.where(verdict == NON_DIGIT, 0, -1))
    result[(verdict == NON_DIGIT) & together] = 1
    return np.asarray(result, np.int64)


def _middles(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return boxes[:, :2] + boxes[:, 2:] / 2
