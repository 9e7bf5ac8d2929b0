"""Draw what was read into the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import ImageError
from edge_hdr_device.pipeline import UNREAD, Digit, Reading
from edge_hdr_device.results import FrameResult

SMALLEST_PX = 480  # a smaller picture is enlarged, so that there is room for text
LARGEST_PX = 2000  # a larger picture is reduced
ACCEPTED = (60, 140, 0)  # BGR: green
REJECTED = (0, 90, 220)  # BGR: orange
PAPER = (255, 255, 255)


def annotate(image: NDArray[np.uint8], reading: Reading | FrameResult) -> NDArray[np.uint8]:
    """Draw a box around each digit and its label above, rejected ones in orange with "?".

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, the picture that was read.
        reading: what was read in it.

    Returns:
        uint8 (h, w, 3) BGR; enlarged to 480 px on the longer side when smaller, reduced to
        2000 px when larger.
    """
    import cv2

    long_side = max(image.shape[:2])
    scale = min(max(1.0, SMALLEST_PX / long_side), max(LARGEST_PX, SMALLEST_PX) / long_side)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    resized = cv2.resize(image, (width, height), interpolation=interpolation)
    if resized.ndim == 2:
        resized = cv2.cvtColor(resized, cv2.COLOR_GRAY2BGR)
    canvas = np.ascontiguousarray(resized, np.uint8)
    thickness = max(1, round(max(canvas.shape) / 500))
    for digit in reading.digits:
        _draw(canvas, digit, scale, thickness)
    return canvas


def encode(image: NDArray[np.uint8], suffix: str) -> bytes:
    """Encode a picture in the format of a suffix such as ".png".

    Raises:
        ImageError: OpenCV writes no such format.
    """
    import cv2

    try:
        done, data = cv2.imencode(suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise ImageError(f"cannot write pictures as {suffix!r}", hint="name it .png or .jpg")
    return bytes(data)


def _draw(canvas: NDArray[np.uint8], digit: Digit, scale: float, thickness: int) -> None:
    import cv2

    left, top, width, height = (round(value * scale) for value in digit.box)
    colour = ACCEPTED if digit.accepted else REJECTED
    cv2.rectangle(canvas, (left, top), (left + width, top + height), colour, thickness)
    text = digit.label if digit.accepted else UNREAD
    size = min(max(0.35 * height, 14.0), max(canvas.shape) / 12)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (text_width, text_height), _ = cv2.getTextSize(text, font, size / 22, thickness)
    pad = max(1, thickness)
    bottom = top if top - text_height - 2 * pad >= 0 else top + text_height + 2 * pad
    corner = (left + text_width + 2 * pad, bottom - text_height - 2 * pad)
    cv2.rectangle(canvas, (left, bottom), corner, colour, cv2.FILLED)
    where = (left + pad, bottom - pad)
    cv2.putText(canvas, text, where, font, size / 22, PAPER, thickness, cv2.LINE_AA)
