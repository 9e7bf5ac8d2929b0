"""A contact sheet of scenes: boxes around what is to be read, and what it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.scene import Scene

TILE_PX = (360, 270)  # of one scene, with its name below
NAME_PX = 22
COLUMNS = 5
MOST = 60  # scenes that are shown
DIGIT, CLUTTER, PAPER, INK = (60, 160, 0), (190, 60, 190), (252, 252, 250), (60, 46, 32)  # BGR


class Gallery:
    """Gathers the first scenes of many for a contact sheet."""

    def __init__(self) -> None:
        self._tiles: list[NDArray[np.uint8]] = []

    def add(self, scene: Scene, name: str) -> None:
        """Add a scene under a name, unless there are enough."""
        if len(self._tiles) < MOST:
            self._tiles.append(_tile(scene, name))

    def image(self) -> NDArray[np.uint8]:
        """Give the sheet, uint8 (H, W, 3) BGR."""
        width, height = TILE_PX[0], TILE_PX[1] + NAME_PX
        rows = max(1, -(-len(self._tiles) // COLUMNS))
        columns = max(1, min(COLUMNS, len(self._tiles)))
        sheet = np.empty((rows * height, columns * width, 3), np.uint8)
        sheet[:] = PAPER
        for place, tile in enumerate(self._tiles):
            top, left = (place // columns) * height, (place % columns) * width
            sheet[top : top + height, left : left + width] = tile
        return sheet


def _tile(scene: Scene, name: str) -> NDArray[np.uint8]:
    """Draw a scene small, with its boxes and what is written."""
    import cv2

    rows, columns = scene.image.shape[:2]
    scale = min((TILE_PX[0] - 6) / columns, (TILE_PX[1] - 6) / rows)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(scene.image, size, interpolation=way)
    for color, items in ((CLUTTER, scene.clutter), (DIGIT, scene.digits)):
        for item in items:
            x, y, width, height = (round(side * scale) for side in item.box)
            cv2.rectangle(small, (x - 2, y - 2), (x + width + 1, y + height + 1), color, 1)
    tile = np.empty((TILE_PX[1] + NAME_PX, TILE_PX[0], 3), np.uint8)
    tile[:] = PAPER
    tile[: size[1], : size[0]] = small
    text = f"{name}  {scene.text}"
    place = (2, TILE_PX[1] + NAME_PX - 8)
    cv2.putText(tile, text[:48], place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return tile
