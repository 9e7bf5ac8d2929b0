"""What stands around a region tells whether it is a digit: a tiny net looks, and may veto.

Alone, a piece of a printed grid is a perfect 1 and a coffee ring a perfect 0; with what is around
them each is obvious.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device import released
from edge_hdr_device.errors import DependencyError, ModelError
from edge_hdr_device.interpreter import open_interpreter
from edge_hdr_device.locate import View
from edge_hdr_device.manifest import read_file
from edge_hdr_device.region import Region

SIDE_PX = 32  # of what the net sees
ZOOM = 2.25  # side of what is seen, in the longer sides of a region's box
LEVELS = 127  # of contrast to either side of the mean, and of a mask
CONTRAST = 4.0  # standard deviations from the mean grey level that become full contrast
LEAST_DEVIATION = 2.0  # grey levels that count as an even surface's
FILLS = 0.5  # of the picture's shorter side: a larger region has no surroundings worth a look
TIGHT_PX = 96  # nor has one in a picture of this size
MAX_BATCH = 256  # bounds the arena
SCALE_TOLERANCE = 1e-3  # of the input's, to 1
STEP = 8  # batches have multiples of so many rows, for a new size costs more than empty rows
REMEDY = "make it again: python scripts/make_context.py"

logger = logging.getLogger("edge_hdr.context")


class Context:
    """The net that tells digits from what else looks like one, by their surroundings.

    Args:
        content: a `.tflite` file of int8 (N, 32, 32, 2), see `surroundings`, to int8 (N, 1): above
            0 where a region is to be kept.

    Raises:
        ModelError: no TFLite file, damaged, or another net.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = open_interpreter(content)
        source, target = _ends(self._interpreter)
        scale, zero_point = source["quantization"]
        if abs(scale * LEVELS - 1) > SCALE_TOLERANCE or zero_point != 0:
            raise ModelError(
                f"the context net's input has scale {scale:.6f} and zero point {zero_point}, "
                "not 1/127 and 0",
                hint=REMEDY,
            )
        self._input, self._output = int(source["index"]), int(target["index"])
        self._scale, self._zero_point = target["quantization"]
        self._batch = 1
        self._alone = threading.Lock()  # readers of several threads share the released net

    def scores(self, seen: NDArray[np.int8]) -> NDArray[np.float32]:
        """Score regions by their surroundings.

        Args:
            seen: int8 (N, 32, 32, 2), see `surroundings`.

        Returns:
            float32 (N,), logits: the larger, the more like a digit; one below 0 is a veto.
        """
        starts = range(0, len(seen), MAX_BATCH)
        with self._alone:
            pieces = [self._invoke(seen[at : at + MAX_BATCH]) for at in starts]
        return np.concatenate([np.zeros(0, np.float32), *pieces])

    def _invoke(self, seen: NDArray[np.int8]) -> NDArray[np.float32]:
        spare = -len(seen) % STEP
        if len(seen) + spare != self._batch:
            self._batch = len(seen) + spare
            self._interpreter.resize_tensor_input(self._input, [self._batch, *seen.shape[1:]])
            self._interpreter.allocate_tensors()
        full = np.concatenate([seen, np.zeros((spare, *seen.shape[1:]), np.int8)])
        self._interpreter.set_tensor(self._input, full)
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._output)[: len(seen), 0]
        return np.asarray((found.astype(np.float32) - self._zero_point) * self._scale, np.float32)


def _ends(interpreter: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the net's input and output.

    Raises:
        ModelError: it is another net.
    """
    sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
    ends = [*map(_form, sources)], [*map(_form, targets)]
    if ends != ([f"int8 {(SIDE_PX, SIDE_PX, 2)}"], ["int8 (1,)"]):
        given, got = (" and ".join(end) for end in ends)
        raise ModelError(
            f"the context net maps {given} to {got}, not int8 (32, 32, 2) to int8 (1,)", hint=REMEDY
        )
    return sources[0], targets[0]


def _form(end: dict[str, Any]) -> str:
    """Say what a row of an input or output is, as "int8 (1,)"."""
    return f"{np.dtype(end['dtype']).name} {tuple(end['shape'][1:].tolist())}"


@cache
def released_context() -> Context | None:
    """Open the net that is released with the package, once; None, and a warning, without it."""
    try:
        return Context(read_file(path()))
    except (ModelError, DependencyError) as error:
        logger.warning("regions are read without a look at their surroundings: %s", error.message)
        return None


def path() -> Path:
    """Give the released net's file."""
    return released.folder() / "context" / "context.tflite"


def likely(view: View, context: Context | None = None) -> list[Region]:
    """Leave out the regions of a view that are no digits by their surroundings.

    Args:
        view: what was located.
        context: the net; by default the released one. Where there is none, all are kept.

    Returns:
        The rest of the regions, in their order. A region that fills the picture is kept.
    """
    rows = np.flatnonzero(surrounded(view))
    context = (context or released_context()) if len(rows) else None
    if context is None:
        return view.regions
    vetoed = set(rows[context.scores(surroundings(view.grey, view.boxes[rows])) < 0].tolist())
    return [region for row, region in enumerate(view.regions) if row not in vetoed]


def surrounded(view: View) -> NDArray[np.bool_]:
    """Tell which regions have surroundings that can be looked at, bool (N,)."""
    shorter, longer = sorted(view.grey.shape)
    if longer <= TIGHT_PX:
        return np.zeros(len(view.boxes), np.bool_)
    return np.asarray(view.boxes[:, 2:].max(axis=1, initial=0) <= FILLS * shorter, np.bool_)


def surroundings(grey: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.int8]:
    """Show regions with what is around them.

    Args:
        grey: uint8 (H, W), the picture.
        boxes: float64 (N, 4), x, y, width and height of the regions in px of it.

    Returns:
        int8 (N, 32, 32, 2): the picture in [−127, 127], its mean 0, and the region's box, 127
        within and 0 outside.
    """
    seen = np.empty((len(boxes), SIDE_PX, SIDE_PX, 2), np.int8)
    seen[..., 0] = _levelled(_windows(grey, boxes))
    seen[..., 1] = _masks(boxes)
    return seen


def _windows(grey: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Cut the regions' windows out of reductions of the picture, uint8 (N, 32, 32)."""
    import cv2

    sides = ZOOM * boxes[:, 2:].max(axis=1, initial=1)
    levels = np.log2(np.maximum(1.0, sides / SIDE_PX)).astype(int)
    pyramid = [grey]
    while len(pyramid) <= levels.max(initial=0):
        pyramid.append(_halved(pyramid[-1]))
    steps = sides / SIDE_PX / 2**levels
    corners = (boxes[:, :2] + boxes[:, 2:] / 2 - sides[:, None] / 2) / 2 ** levels[:, None]
    corners += steps[:, None] / 2 - 0.5  # centres of the first px
    windows = np.empty((len(boxes), SIDE_PX, SIDE_PX), np.uint8)
    places = np.zeros((len(boxes), 2, 3))
    places[:, 0, 0] = places[:, 1, 1] = steps
    places[:, :, 2] = corners
    for row, level in enumerate(levels.tolist()):
        cv2.warpAffine(
            pyramid[level],
            places[row],
            (SIDE_PX, SIDE_PX),
            dst=windows[row],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return windows


def _halved(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = (max(1, side // 2) for side in grey.shape)
    even = grey[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _levelled(windows: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Take each window's mean and contrast out, int8 (N, 32, 32) in [−127, 127]."""
    rows = windows.reshape(len(windows), SIDE_PX * SIDE_PX).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.einsum("ij,ij->i", rows, rows) / rows.shape[1]) + LEAST_DEVIATION
    rows *= (LEVELS / (CONTRAST * deviation))[:, None]
    np.rint(np.clip(rows, -LEVELS, LEVELS, out=rows), out=rows)
    return rows.astype(np.int8).reshape(windows.shape)


def _masks(boxes: NDArray[np.float64]) -> NDArray[np.int8]:
    """Draw the boxes in the middle of their windows, soft by a px, int8 (N, 32, 32)."""
    longer = np.maximum(1.0, boxes[:, 2:].max(axis=1, keepdims=True))
    halves = (SIDE_PX / ZOOM / 2 * boxes[:, 2:] / longer).astype(np.float32)
    away = np.abs(np.arange(SIDE_PX, dtype=np.float32) + np.float32(0.5 - SIDE_PX / 2))
    shares = np.clip(halves[:, :, None] - away + np.float32(0.5), 0, 1)
    masks = (LEVELS * shares[:, 1])[:, :, None] * shares[:, 0][:, None, :]
    return np.asarray(masks.astype(np.int8))
