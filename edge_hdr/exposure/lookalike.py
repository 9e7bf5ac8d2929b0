"""What cannot be told from a digit, and so must not be taught to be none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INK = 64  # grey level above which a pixel counts
STRAIGHT = 0.28  # spread across to spread along: what has less is a bar
UPRIGHT_DEG = 55.0  # a bar that leans less may be a 1


def is_bar(image: NDArray[np.uint8]) -> bool:
    """Tell whether a picture shows one more or less upright bar, as a 1, or next to nothing.

    Args:
        image: uint8 (28, 28), ink 255 on background 0.
    """
    rows, columns = np.nonzero(image > INK)
    if len(rows) < 8:
        return True
    spread = np.cov(np.stack([columns, rows]).astype(float))
    sizes, axes = np.linalg.eigh(spread)
    if sizes[0] > STRAIGHT**2 * sizes[1]:
        return False
    lean = np.degrees(np.arctan2(abs(axes[0, 1]), abs(axes[1, 1])))
    return bool(lean < UPRIGHT_DEG)


def without_bars(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leave out what `is_bar`; uint8 (N, 28, 28) to uint8 (M, 28, 28)."""
    kept = [index for index, image in enumerate(images) if not is_bar(image)]
    return images[np.array(kept, np.int64)]
