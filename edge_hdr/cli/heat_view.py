"""A digit and its map of evidence in the characters of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from edge_hdr.explain.explanation import Explanation

SHADES = " ░▒▓█"


def heat_view(found: Explanation, *, colour: bool) -> Text:
    """Draw the crop, and beside it what argues for the reading rather than the runner-up.

    Args:
        found: the explanation.
        colour: two pixels a character in colours; else shades, of what argues for it only.
    """
    import numpy as np
    from rich.text import Text

    from edge_hdr.explain.heat import limit_of, paint

    crop = found.case.crop
    worth = found.occlusion.between("erased", found.label, found.runner_up)
    if not colour:
        shares = np.concatenate([crop / 255, np.maximum(worth, 0) / limit_of(worth)], axis=1)
        steps = np.ceil(shares[::2] * (len(SHADES) - 1) - 0.25).astype(int).clip(0)
        return Text("\n".join("".join(SHADES[step] for step in row) for row in steps.tolist()))
    grey = np.repeat(crop[..., None], 3, axis=2)
    gap = np.zeros((28, 2, 3), np.uint8)
    pixels = np.concatenate([grey, gap, paint(crop, worth)], axis=1)[..., ::-1]
    text = Text()
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            colours = (f"rgb({','.join(map(str, pixel))})" for pixel in (above, below))
            text.append("▀", style=" on ".join(colours))
        text.append("\n")
    return text
