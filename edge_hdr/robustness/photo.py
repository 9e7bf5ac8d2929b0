"""The device's own path for one-digit pictures: shown as a photo, located, normalized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENLARGE = 3  # a digit of 20 px becomes 60 px high, as a camera held close to one sees it


@dataclass(frozen=True)
class Seen:
    """What the device makes of pictures.

    Attributes:
        images: uint8 (N, 28, 28), ink 255 on background 0, normalized; where nothing was found
            the picture as it was given.
        found: int64 (N,), how many digits the locator found; 1 is right.
    """

    images: NDArray[np.uint8]
    found: NDArray[np.int64]


def photograph(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Show a picture as a photo of paper.

    Args:
        image: uint8 (28, 28), ink 255 on background 0.

    Returns:
        uint8 (84, 84) grey, dark ink on light paper, enlarged smoothly.
    """
    import cv2

    side = ENLARGE * image.shape[0]
    large = cv2.resize(255 - image, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)


def see(images: NDArray[np.uint8]) -> Seen:
    """Locate and normalize the digit of each picture, the polarity found by the locator.

    Of several finds the one with the largest box is taken. This favours the normalizer: on the
    device each find is read as a digit of its own.

    Args:
        images: uint8 (N, 28, 28), ink 255 on background 0.
    """
    from edge_hdr_device.locate import locate
    from edge_hdr_device.normalize import normalize

    normalized = images.copy()
    found = np.zeros(len(images), np.int64)
    for index, image in enumerate(images):
        regions = locate(photograph(image))
        found[index] = len(regions)
        if regions:
            largest = max(regions, key=lambda region: region.box[2] * region.box[3])
            normalized[index] = normalize(largest.ink)
    return Seen(normalized, found)
