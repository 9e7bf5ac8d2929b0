"""Write the sheet of handwritten digits that the synthetic camera writes its numbers with.

Usage: python scripts/make_sheets.py

One row a digit, one column a hand. A hand is kept when the released model reads all its digits
without doubt: this camera stands in for one, it is no test of the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.sheet import write_sheet
from edge_hdr_device.camera.synthetic import CELL_PX, DIGIT_PX, SHEETS
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.storage import write_atomic

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "models" / "ds-cnn-small-int8" / "model.tflite"
HANDS = 24
LEVELS = 16  # of grey: soft edges need no more, and the file is half as large


def write_hand(seed: int) -> NDArray[np.uint8] | None:
    """Write 0 to 9 once in one hand; None where a digit does not fit its cell.

    Returns:
        uint8 (10, CELL_PX, CELL_PX), ink 255 on background 0.
    """
    sheet = write_sheet(
        ["0123456789"],
        seed=seed,
        width_px=32 * DIGIT_PX,
        digit_px=DIGIT_PX,
        gap=1.2,
        pen=(0, 0, 0),
        paper=(255, 255, 255),
        shade=0.0,
        noise=0.0,
        grey=True,
    )
    if any(max(width, height) > CELL_PX - 6 for *_, width, height in sheet.boxes):
        return None
    ink = 255 - sheet.image[:, :, 0]
    cells = np.zeros((10, CELL_PX, CELL_PX), np.uint8)
    for cell, (_, x, y, width, height) in zip(cells, sheet.boxes, strict=True):
        left, top = x + width // 2 - CELL_PX // 2, y + height // 2 - CELL_PX // 2
        cell[:] = ink[top : top + CELL_PX, left : left + CELL_PX]
    step = 255 / (LEVELS - 1)
    full = cells.astype(np.float32) * (255 / cells.max())
    return np.rint(np.rint(full / step) * step).astype(np.uint8)


def legible_hands(reader: Reader) -> Iterator[NDArray[np.uint8]]:
    """Write one hand after the other and give those that are read without doubt."""
    for seed in count():
        cells = write_hand(seed)
        if cells is not None and all(_is_read(reader, cells, scale) for scale in (1.0, 0.6)):
            yield cells


def _is_read(reader: Reader, cells: NDArray[np.uint8], scale: float) -> bool:
    """Read a hand's digits in a row, dark on light, at a share of their size."""
    row = cv2.resize(np.hstack(list(cells)), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return reader.read(np.asarray(255 - row, np.uint8)).lines == ("0123456789",)


def main() -> None:
    """Draw the hands side by side and store them as a PNG in the device package."""
    hands = list(islice(legible_hands(Reader(Classifier(MODEL))), HANDS))
    rows = [np.hstack([hand[digit] for hand in hands]) for digit in range(10)]
    encoded = cv2.imencode(".png", np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    write_atomic(SHEETS, encoded.tobytes())


if __name__ == "__main__":
    main()
