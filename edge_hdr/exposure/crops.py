"""From a scene to crops: located, cut and normalized as on a device, and judged by the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.exposure.lookalike import is_bar
from edge_hdr.exposure.match import CUT, REGION, judge
from edge_hdr.exposure.material import NON_DIGIT, Exposure
from edge_hdr.scenes.draw import draw_scene
from edge_hdr.scenes.scene import Scene
from edge_hdr_device.locate import Region, locate
from edge_hdr_device.normalize import SIDE_PX, normalize
from edge_hdr_device.touching import cuts

LIKELIEST = 2  # cuts of a region: the others are much like them
SEVERITIES = ("moderate", "hard", "mild", "moderate", "hard")


def scene_of(digits: Split, number: int, seed: int) -> Scene:
    """Draw the scene of a number; severities take turns.

    Args:
        digits: that numbers are written with.
        number: of the scene, from 0.
        seed: of all scenes.
    """
    (own,) = np.random.SeedSequence([seed, number]).generate_state(1).tolist()
    return draw_scene(digits, seed=own, severity=SEVERITIES[number % len(SEVERITIES)])


def crops_of(scene: Scene, *, cut: bool) -> Exposure:
    """Find a scene's digits and non-digits with the device's own eyes.

    Args:
        scene: with its truth.
        cut: give the parts as well into which regions may be cut, the right parts as digits and
            the wrong ones as none, so that a classifier becomes a fair judge of cuts.
    """
    regions = locate(scene.image)
    plain = _judged(regions, scene, REGION)
    return together([plain, _judged(_parts(regions), scene, CUT)]) if cut else plain


def _judged(regions: list[Region], scene: Scene, same: float) -> Exposure:
    truth = np.array([digit.box for digit in scene.digits], float).reshape(-1, 4)
    labels = np.array([int(digit.label) for digit in scene.digits], np.int64)
    boxes = np.array([region.box for region in regions], float).reshape(-1, 4)
    images = np.zeros((len(regions), SIDE_PX, SIDE_PX), np.uint8)
    for index, region in enumerate(regions):
        images[index] = normalize(region.ink)
    verdicts = judge(boxes, truth, labels, same)
    shown = images.any(axis=(1, 2))
    return Exposure(
        Split(images, verdicts).take(np.flatnonzero((verdicts >= 0) & shown)),
        _sure(images[(verdicts == NON_DIGIT) & shown]),
    )


def _parts(regions: list[Region]) -> list[Region]:
    """Give the parts of each region's likeliest cuts, each once."""
    hypotheses = (parts for region in regions for parts in cuts(region)[:LIKELIEST])
    return list({id(part): part for parts in hypotheses for part in parts}.values())


def together(parts: list[Exposure]) -> Exposure:
    """Put exposures together, in their order."""
    parts = [Exposure(), *parts]
    digits = Split(
        np.concatenate([part.digits.images for part in parts]),
        np.concatenate([part.digits.labels for part in parts]),
    )
    return Exposure(digits, np.concatenate([part.others for part in parts]))


def _sure(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leave out what may well be a 1."""
    kept = np.array([not is_bar(image) for image in images], bool)
    return images[kept] if len(images) else images
