"""Write any shape, digit or not, with the hands and pens that write digits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.allographs import Allograph, parse, path_matrix
from edge_hdr.data.hand import draw_hands, trace
from edge_hdr.data.render import draw_ink, rasterize
from edge_hdr.data.strokes import Glyph, Stroke

HEIGHT_PX = 80  # of the drawing that `normalize` reduces to 20 px


def shape(name: str, text: str, *, aspect: float, fineness: float = 1.0) -> Allograph:
    """Prepare a shape for writing.

    Args:
        name: what it looks like, in words.
        text: one pose in the notation of `edge_hdr/data/allographs.txt`.
        aspect: width to height.
        fineness: factor on the width of the line.
    """
    strokes = [((points - 50) * (aspect / 100, 0.01), corners) for points, corners in parse(text)]
    return of_strokes(name, strokes, fineness=fineness)


def of_strokes(
    name: str, strokes: list[tuple[NDArray[np.float64], list[int]]], *, fineness: float = 1.0
) -> Allograph:
    """Prepare a shape from its control points.

    Args:
        name: what it looks like, in words.
        strokes: of each float64 (P, 2), P ≥ 2, in heights of a digit, y down, centre 0, and the
            indices of the points at which its direction may jump.
        fineness: factor on the width of the line.
    """
    ends = np.cumsum([0, *(len(points) for points, _ in strokes)]).tolist()
    paths = tuple(path_matrix(points, corners) for points, corners in strokes)
    return Allograph(
        name=name,
        weight=1.0,
        poses=np.concatenate([points for points, _ in strokes])[None],
        strokes=tuple(slice(*pair) for pair in pairwise(ends)),
        sharp=paths,
        quick=paths,
        fineness=fineness,
    )


def write(allograph: Allograph, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Write a shape once with each of `count` hands, lay down ink, normalize.

    Returns:
        uint8 (count, 28, 28), ink 255 on background 0.
    """
    from edge_hdr_device.normalize import normalize

    traced = trace(allograph, draw_hands(rng, count), rng) if count else []
    images = np.zeros((count, 28, 28), np.uint8)
    for index in range(count):
        strokes = tuple(Stroke(points[index], widths[index]) for points, widths in traced)
        glyph = Glyph(digit=-1, allograph=allograph.name, strokes=strokes)
        ink = rasterize(glyph, height_px=HEIGHT_PX, oversample=1, ink=draw_ink(rng), rng=rng)
        images[index] = normalize(ink)
    return images
