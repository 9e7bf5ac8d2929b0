"""What a source gave, checked to be a picture and turned upright."""

from __future__ import annotations

import numpy as np

from edge_hdr_device.camera.source import Picture
from edge_hdr_device.errors import ImageError
from edge_hdr_device.images import MAX_PIXELS


def upright(picture: Picture, rotate: int) -> Picture:
    """Check a picture and turn it.

    Args:
        picture: as the source gave it.
        rotate: clockwise, 0, 90, 180 or 270 degrees.

    Raises:
        ImageError: not uint8, neither grey nor in three colors, without pixels, or too large.
    """
    import cv2

    image = picture.image
    if image.dtype != np.uint8 or image.ndim not in {2, 3} or image.shape[2:] not in {(), (3,)}:
        raise ImageError(f"the camera gave {image.dtype} {image.shape}, which is no picture")
    height, width = image.shape[:2]
    if not 0 < height * width <= MAX_PIXELS:
        raise ImageError(f"the camera gave a picture of {width}×{height} px")
    if not rotate:
        return picture
    turns = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
    turned = cv2.rotate(image, turns[rotate // 90 - 1])
    return Picture(np.asarray(turned, np.uint8), picture.name, picture.truth)
