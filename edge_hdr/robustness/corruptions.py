"""Damage digits in known ways: the fifteen kinds of MNIST-C and nine more, at three severities.

At severity 2 each of the fifteen has the parameter with which MNIST-C was published. The pictures
are made by code of our own, so they resemble MNIST-C's and are not the same: figures on them
compare with published ones in size only.

Source: N. Mu, J. Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, arXiv 1906.02337,
and the parameters in the repository google-research/mnist-c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from edge_hdr.errors import UsageError, nearest
from edge_hdr.robustness import blurs, overlays, pixels, shapes

SEVERITIES = (1, 2, 3)


@dataclass(frozen=True)
class Corruption:
    """One way to damage digits.

    Attributes:
        make: takes float32 (N, 28, 28) in [0, 1], a parameter and the source of randomness.
        parameters: for the severities 1, 2, 3.
        meaning: what the parameter is, with its unit.
    """

    make: Callable[[pixels.Floats, Any, pixels.Random], pixels.Floats]
    parameters: tuple[Any, Any, Any]
    meaning: str


MNIST_C = {
    "shot_noise": Corruption(pixels.shot_noise, (12, 3, 1.5), "photons at full ink"),
    "impulse_noise": Corruption(pixels.impulse_noise, (0.06, 0.17, 0.27), "share of pixels"),
    "glass_blur": Corruption(
        blurs.glass_blur, ((0.7, 1, 1), (0.7, 1, 2), (0.9, 2, 2)), "blur px, reach px, rounds"
    ),
    "motion_blur": Corruption(blurs.motion_blur, (1.5, 3.0, 5.0), "standard deviation px"),
    "shear": Corruption(shapes.shear, (0.2, 0.4, 0.6), "angle rad, either way"),
    "scale": Corruption(shapes.scale, (0.85, 0.7, 0.5), "factor"),
    "rotate": Corruption(shapes.rotate, (0.2, 0.4, 0.6), "angle rad, either way"),
    "brightness": Corruption(pixels.brightness, (0.25, 0.5, 0.75), "share of full ink"),
    "translate": Corruption(shapes.translate, (2, 3, 5), "px along both axes"),
    "stripe": Corruption(pixels.stripe, (4, 7, 10), "inverted columns on either side"),
    "fog": Corruption(
        overlays.fog, ((1.5, 1.7), (3.0, 1.4), (4.5, 1.4)), "strength, decay an octave"
    ),
    "spatter": Corruption(overlays.spatter, (0.7, 0.65, 0.6), "level that the noise exceeds"),
    "dotted_line": Corruption(
        overlays.dotted_line, ((1, 0.5), (1, 1.0), (3, 1.0)), "lines, share of full ink"
    ),
    "zigzag": Corruption(overlays.zigzag, ((1, 0.5), (1, 1.0), (2, 1.0)), "lines, share of ink"),
    "canny_edges": Corruption(
        pixels.canny_edges, ((1.0, 0.5), (1.0, 0.0), (1.5, 0.0)), "blur px, share of ink kept"
    ),
}
FURTHER = {
    "contrast": Corruption(pixels.contrast, (0.4, 0.2, 0.1), "factor around the mean"),
    "inversion": Corruption(pixels.inversion, (1.0, 0.6, 0.3), "contrast that is left"),
    "gaussian_noise": Corruption(pixels.gaussian_noise, (0.12, 0.26, 0.38), "deviation"),
    "gaussian_blur": Corruption(blurs.gaussian_blur, (1.0, 1.5, 2.0), "standard deviation px"),
    "defocus_blur": Corruption(blurs.defocus_blur, (1.5, 2.5, 3.5), "radius px"),
    "pixelate": Corruption(pixels.pixelate, (14, 10, 7), "blocks a side"),
    "jpeg": Corruption(pixels.jpeg, (18, 10, 4), "quality, 1 to 100"),
    "thin": Corruption(shapes.thin, (0.25, 0.5, 0.75), "px off either side of a stroke"),
    "thick": Corruption(shapes.thick, (0.75, 1.5, 2.25), "px onto either side of a stroke"),
}
CORRUPTIONS = MNIST_C | FURTHER
KINDS = tuple(CORRUPTIONS)


def corrupt(
    images: NDArray[np.uint8], kind: str, severity: int, seed: int = 0
) -> NDArray[np.uint8]:
    """Damage digits.

    Args:
        images: uint8 (N, 28, 28), ink 255 on background 0; not changed.
        kind: one of `KINDS`.
        severity: 1, 2 or 3.
        seed: the same images, kind, severity and seed give the same bytes.

    Returns:
        uint8 (N, 28, 28), same polarity.

    Raises:
        UsageError: the kind or the severity is unknown.
    """
    if kind not in CORRUPTIONS:
        raise UsageError(f"unknown corruption {kind!r}", hint=nearest(kind, KINDS))
    if severity not in SEVERITIES:
        raise UsageError(f"unknown severity {severity!r}", hint="it is 1, 2 or 3")
    corruption = CORRUPTIONS[kind]
    rng = np.random.default_rng([seed, crc32(kind.encode()), severity])
    floats: pixels.Floats = (images / np.float32(255)).astype(np.float32)
    changed = corruption.make(floats, corruption.parameters[severity - 1], rng)
    return np.rint(255 * np.clip(changed, 0, 1)).astype(np.uint8)
