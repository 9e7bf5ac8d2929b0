"""A contact sheet of a split: rows of digits, a label before each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split

SIDE_PX = 28
PAPER = np.array([250, 252, 253], np.float32)  # BGR
BAND = np.array([238, 243, 246], np.float32)  # every other class, so that rows are told apart
INK = np.array([74, 46, 32], np.float32)
GREY = (140, 132, 126)
MARGIN_PX = 24
GAP_PX = 6
LETTERS = 8  # of a class name that are drawn


def gallery(
    split: Split,
    classes: tuple[str, ...],
    *,
    rows_per_class: int = 2,
    columns: int = 24,
    scale: int = 2,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """Draw a contact sheet: for each class its name, its count and examples drawn at random.

    Args:
        split: uint8 (N, 28, 28), ink 255 on background 0.
        classes: the name of each label.
        rows_per_class: rows of examples for a class, ≥ 1.
        columns: examples in a row, ≥ 1.
        scale: enlargement of each example, ≥ 1.
        seed: of the choice of examples.

    Returns:
        uint8 (H, W, 3) BGR, dark ink on light paper; a class with too few examples leaves gaps.
    """
    generator = np.random.default_rng(seed)
    bands = []
    for label, name in enumerate(classes):
        members = np.flatnonzero(split.labels == label)
        chosen = generator.permutation(members)[: rows_per_class * columns]
        ink = _tile(split.images[chosen], rows_per_class, columns, scale)
        paper = BAND if label % 2 else PAPER
        bands.append(
            _with_name(_color(ink, paper), name, len(members), longest=max(classes, key=len))
        )
    frame = ((MARGIN_PX, MARGIN_PX), (0, 0), (0, 0))
    sheet = np.pad(np.concatenate(bands), frame, mode="edge")
    sheet[:MARGIN_PX] = sheet[-MARGIN_PX:] = PAPER.astype(np.uint8)
    return sheet


def _tile(images: NDArray[np.uint8], rows: int, columns: int, scale: int) -> NDArray[np.uint8]:
    """Lay images out in a grid; uint8 (H, W), ink 255."""
    import cv2

    side = SIDE_PX * scale
    step = side + GAP_PX
    grid = np.zeros((rows * step + GAP_PX, columns * step + GAP_PX), np.uint8)
    for place, image in enumerate(images):
        top, left = (GAP_PX + step * number for number in divmod(place, columns))
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        grid[top : top + side, left : left + side] = large
    return grid


def _color(ink: NDArray[np.uint8], paper: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Put ink on paper; uint8 (H, W, 3) BGR."""
    depth = ink[..., None].astype(np.float32) / 255
    return (paper + (INK - paper) * depth).round().astype(np.uint8)


def _with_name(
    band: NDArray[np.uint8], name: str, count: int, *, longest: str
) -> NDArray[np.uint8]:
    """Put a class's name and count before its rows."""
    import cv2

    shown = _drawable(name)
    width = 72 + 20 * (len(_drawable(longest)) - 1)
    margins = ((0, 0), (MARGIN_PX + width, MARGIN_PX), (0, 0))
    result = np.pad(band, margins, mode="edge")
    font = cv2.FONT_HERSHEY_SIMPLEX
    middle = result.shape[0] // 2
    ink = tuple(float(value) for value in INK)
    cv2.putText(result, shown, (MARGIN_PX, middle + 4), font, 1.0, ink, 2, cv2.LINE_AA)
    cv2.putText(result, f"{count:,}", (MARGIN_PX, middle + 26), font, 0.45, GREY, 1, cv2.LINE_AA)
    return result


def _drawable(name: str) -> str:
    """Shorten a name to what the built-in font can draw."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in name)
    return plain if len(plain) <= LETTERS else plain[: LETTERS - 1] + "~"
