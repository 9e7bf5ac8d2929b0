"""The golden digits: 64 normalized crops, plainly legible, that a model is tried with."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURE = "golden.png"
ACROSS = 8  # digits in a row of the picture, and rows
LABELS = tuple(number % 10 for number in range(ACROSS**2))  # row by row


@functools.cache
def golden_digits() -> NDArray[np.uint8]:
    """Read them.

    Returns:
        uint8 (64, 28, 28), normalized, ink 255 on background 0.
    """
    import numpy as np

    from edge_hdr_device.images import read_image
    from edge_hdr_device.normalize import SIDE_PX

    content = resources.files("edge_hdr_device.install").joinpath(PICTURE).read_bytes()
    image = read_image(content, name=PICTURE)
    cells = image.reshape(ACROSS, SIDE_PX, ACROSS, SIDE_PX).swapaxes(1, 2)
    return np.ascontiguousarray(cells).reshape(-1, SIDE_PX, SIDE_PX)


@functools.cache
def golden_hash() -> str:
    """Name them by the sha256 of their pixels, which no encoding changes."""
    return hashlib.sha256(golden_digits().tobytes()).hexdigest()
