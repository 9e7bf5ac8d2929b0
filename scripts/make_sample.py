"""Write the sample picture of written numbers that the demo reads: tests/data/sample.jpg and .txt.

Usage: python scripts/make_sample.py
"""

from __future__ import annotations

from pathlib import Path

import cv2

from edge_hdr.data.sheet import write_sheet
from edge_hdr_device.storage import write_atomic

LINES = ["0123456789", "31415926", "27182818", "2026", "90210"]
FOLDER = Path(__file__).parents[1] / "tests" / "data"


def main() -> None:
    """Draw the sheet and store it as a JPEG, beside what is written on it."""
    sheet = write_sheet(LINES, seed=7, width_px=1000)
    encoded = cv2.imencode(".jpg", sheet.image, [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    write_atomic(FOLDER / "sample.jpg", encoded.tobytes())
    write_atomic(FOLDER / "sample.txt", "\n".join(sheet.lines) + "\n")


if __name__ == "__main__":
    main()
