"""Write the golden digits that a board is tried with: 64 normalized crops in one picture.

Usage: python scripts/make_golden.py

They are written by the project's own hands, and kept where both released models read them without
doubt: any sound model of digits should, so a board where one does not has something wrong.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.strokes import make_split
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.install.golden import ACROSS, LABELS, PICTURE
from edge_hdr_device.normalize import SIDE_PX
from edge_hdr_device.storage import write_atomic

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "device/edge_hdr_device/install" / PICTURE
MODELS = sorted((ROOT / "models").glob("*/model.tflite"))
WRITTEN, SEED = 1500, 64
LEAST_SURE = 0.995
LEVELS = 16  # of grey: soft edges need no more, and the file is half as large


def legible() -> dict[int, list[NDArray[np.uint8]]]:
    """Write digits and give those that every model reads without doubt, by label."""
    split = make_split(WRITTEN, seed=SEED)
    step = 255 / (LEVELS - 1)
    images = np.rint(np.rint(split.images / step) * step).astype(np.uint8)
    plain = np.ones(len(images), bool)
    for model in MODELS:
        found = Classifier(model).predict(images)
        plain &= (found.labels == split.labels) & (found.confidences >= LEAST_SURE)
    return {label: list(images[plain & (split.labels == label)]) for label in range(10)}


def main() -> None:
    """Put the digits side by side and store them as a PNG in the device package."""
    known = legible()
    crops = np.array([known[label][number // 10] for number, label in enumerate(LABELS)])
    cells = crops.reshape(ACROSS, ACROSS, SIDE_PX, SIDE_PX).swapaxes(1, 2)
    sheet = np.ascontiguousarray(cells).reshape(ACROSS * SIDE_PX, ACROSS * SIDE_PX)
    encoded = cv2.imencode(".png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    write_atomic(PLACE, encoded.tobytes())


if __name__ == "__main__":
    main()
