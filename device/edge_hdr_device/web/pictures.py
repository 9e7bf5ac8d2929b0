"""The newest frame as a JPEG, with or without what was read in it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.annotate import annotate
from edge_hdr_device.live import View

QUALITY = 85
AWAY = "camera is away"


def view_jpeg(view: View, *, overlay: bool) -> bytes:
    """Encode the frame of a moment; a card that says so where there is no fresh one.

    Args:
        view: the moment.
        overlay: draw boxes and labels.
    """
    if view.frame is None or view.result is None:
        return away_jpeg()
    return jpeg(annotate(view.frame.image, view.result) if overlay else view.frame.image)


@cache
def away_jpeg() -> bytes:
    """Draw the card that stands in a stream while there is no fresh frame."""
    import cv2

    card = np.full((480, 640, 3), 40, np.uint8)
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 1.2
    (width, height), _ = cv2.getTextSize(AWAY, font, size, 2)
    where = ((640 - width) // 2, (480 + height) // 2)
    cv2.putText(card, AWAY, where, font, size, (200, 200, 200), 2, cv2.LINE_AA)
    return jpeg(card)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """Encode a picture, uint8 (H, W) grey or (H, W, 3) BGR."""
    import cv2

    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    return bytes(data)
