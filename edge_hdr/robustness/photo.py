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
        whole: uint8 (N, 28, 28), the second hypothesis: the whole picture as one digit; None
            where there is none of any picture.
        has_whole: bool (N,), which pictures have a second hypothesis.
    """

    images: NDArray[np.uint8]
    found: NDArray[np.int64]
    whole: NDArray[np.uint8] | None = None
    has_whole: NDArray[np.bool_] | None = None


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
    device each find is read as a digit of its own. As such a picture is tight, it is also taken
    as a whole; which of the two is read is for the classifier to say.

    Args:
        images: uint8 (N, 28, 28), ink 255 on background 0.
    """
    from edge_hdr_device.locate import locate
    from edge_hdr_device.normalize import normalize
    from edge_hdr_device.whole import whole

    normalized, second = images.copy(), np.zeros_like(images)
    found, has_second = np.zeros(len(images), np.int64), np.zeros(len(images), np.bool_)
    for index, image in enumerate(images):
        photo = photograph(image)
        regions = locate(photo)
        found[index] = len(regions)
        if regions:
            largest = max(regions, key=lambda region: region.box[2] * region.box[3])
            normalized[index] = normalize(largest.ink)
        region = whole(photo)
        if region is not None:
            has_second[index] = True
            second[index] = normalize(region.ink)
    return Seen(normalized, found, second, has_second)
