"""The page that is read where the whole path is measured."""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, DIGITS = 640, 480, 10
SEED = 0  # of the written page


def frame() -> NDArray[np.uint8]:
    """Write the page, uint8 (480, 640) grey, with ten digits in one hand; needs OpenCV."""
    import cv2

    from edge_hdr_device.camera.synthetic import REACH_PX, write_page

    pages = (write_page((SEED, number), WIDTH, HEIGHT) for number in count())
    page = next(page for page in pages if sum(map(len, page.lines)) == DIGITS)
    seen = page.image[REACH_PX : REACH_PX + HEIGHT, REACH_PX : REACH_PX + WIDTH]
    return np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), np.uint8)
