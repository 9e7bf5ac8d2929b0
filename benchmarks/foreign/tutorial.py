"""The reader of OpenCV tutorials: Otsu's threshold, outer contours, one call of the model a digit.

What tutorials agree on is done once: grey, a 5×5 blur, Otsu's threshold, `findContours`, specks
left out by the size of `boundingRect`. They differ in how a box becomes 28×28; each known way is a
style, from the plainest to one that follows how MNIST was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.lines import reading_order
from edge_hdr_device.pipeline import Digit, Reading, text_lines

LEAST_WIDTH_PX, LEAST_HEIGHT_PX = 5, 15  # smaller contours are taken for specks

Box = tuple[int, int, int, int]
Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def stretch(ink: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Stretch the box to 28×28, its aspect not kept.

    Source: iditect.com, OCR of handwritten digits (OpenCV).
    """
    import cv2

    x, y, width, height = box
    return np.asarray(cv2.resize(ink[y : y + height, x : x + width], (28, 28)), np.uint8)


def padded(ink: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Stretch the box to 18×18 and put 5 px of paper around it.

    Source: the notebook of multi-digit MNIST recognition that many repositories carry.
    """
    import cv2

    x, y, width, height = box
    small = cv2.resize(ink[y : y + height, x : x + width], (18, 18))
    return np.asarray(np.pad(small, 5), np.uint8)


def square(ink: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Cut a square of 1.6 heights around the box, shrink it to 28×28 and thicken the strokes.

    What lies beyond the picture's edge is paper; the original lets the square shrink there.

    Source: bikz05/digit-recognition, performRecognition.py; its `dilate(roi, (3, 3))` gives a
    3×3 kernel, as was meant.
    """
    import cv2

    x, y, width, height = box
    side = int(1.6 * height)
    left, top = x + width // 2 - side // 2, y + height // 2 - side // 2
    framed = np.pad(ink, side)
    cut = framed[top + side : top + 2 * side, left + side : left + 2 * side]
    small = cv2.resize(cut, (28, 28), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(small, np.ones((3, 3), np.uint8)), np.uint8)


def centred(ink: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Fit the box into 20×20 with its aspect kept and shift its centre of mass to the middle.

    Source: Y. LeCun et al., 1998, on how MNIST was made; O. Kröger, opensourc.es, "Tensorflow,
    MNIST and your own handwritten digits".
    """
    import cv2

    x, y, width, height = box
    scale = 20 / max(width, height)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    cut = ink[y : y + height, x : x + width]
    small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    left, top = (28 - size[0]) // 2, (28 - size[1]) // 2
    digit = np.zeros((28, 28), np.uint8)
    digit[top : top + size[1], left : left + size[0]] = small
    moments = cv2.moments(digit)
    mass = max(moments["m00"], 1.0)
    move = [
        [1, 0, round(13.5 - moments["m10"] / mass)],
        [0, 1, round(13.5 - moments["m01"] / mass)],
    ]
    return np.asarray(cv2.warpAffine(digit, np.array(move, np.float32), (28, 28)), np.uint8)


STYLES: dict[str, Callable[[NDArray[np.uint8], Box], NDArray[np.uint8]]] = {
    "stretch": stretch,
    "padded": padded,
    "square": square,
    "centred": centred,
}


class TutorialReader:
    """Read a picture as tutorials do, with the interface of `edge_hdr_device.pipeline.Reader`.

    Args:
        answer: the model on one digit: uint8 (1, 28, 28), ink 255, to scores float32 (1, 10).
        style: of `STYLES`.
    """

    def __init__(self, answer: Answer, style: str = "stretch") -> None:
        self._answer = answer
        self._normalize = STYLES[style]

    def read(self, image: NDArray[np.uint8]) -> Reading:
        """Read a picture, uint8 (H, W) grey or (H, W, 3) BGR; nothing is ever rejected.

        Tutorials show their digits in no order; here they are put in reading order, in time that
        is not counted.
        """
        start = time.perf_counter()
        ink = binarize(image)
        boxes = contour_boxes(ink)
        located = time.perf_counter()
        crops = [self._normalize(ink, box) for box in boxes]
        normalized = time.perf_counter()
        scores = [self._answer(crop[None])[0] for crop in crops]  # one call a digit
        classified = time.perf_counter()
        digits = _digits(boxes, scores)
        return Reading(
            lines=text_lines(digits),
            digits=digits,
            width=image.shape[1],
            height=image.shape[0],
            locate_ms=1e3 * (located - start),
            normalize_ms=1e3 * (normalized - located),
            classify_ms=1e3 * (classified - normalized),
        )


def binarize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the ink of dark writing on light paper by one threshold, uint8 (H, W), 0 or 255.

    Source: N. Otsu, 1979; OpenCV's tutorial on image thresholding, with the blur before it.
    """
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    blurred = cv2.GaussianBlur(grey, (5, 5), 0)
    return np.asarray(
        cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1], np.uint8
    )


def contour_boxes(ink: NDArray[np.uint8]) -> list[Box]:
    """Give the boxes x, y, width, height of the outer contours, specks left out."""
    import cv2

    contours, _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [tuple(int(value) for value in cv2.boundingRect(contour)) for contour in contours]
    return [box for box in boxes if box[2] >= LEAST_WIDTH_PX and box[3] >= LEAST_HEIGHT_PX]  # type: ignore[misc]


def _digits(boxes: list[Box], scores: list[NDArray[Any]]) -> tuple[Digit, ...]:
    """Put what was read in reading order."""
    from edge_hdr_device.classifier import as_logits, softmax

    if not boxes:
        return ()
    corners = np.array([(x, y, x + width, y + height) for x, y, width, height in boxes], float)
    shares = softmax(as_logits(np.stack(scores).astype(np.float32)))
    return tuple(
        Digit(str(int(shares[row].argmax())), float(shares[row].max()), boxes[row], line=line)
        for line, rows in enumerate(reading_order(corners))
        for row in rows
    )
