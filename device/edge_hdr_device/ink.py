"""Grey picture to ink: light flattened, polarity found, thresholded by local contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.components import components_of
from edge_hdr_device.ground import FLOOR, NOISE_FACTOR, calm_ground
from edge_hdr_device.paper import paper_level, spread

BACKGROUND_PX = 160  # long side of the picture on which the background is estimated
POLARITY_PX = 640  # long side of the picture on which the polarity is found
POLARITY_SAMPLE_PX = 160  # a grid of about so many points a side is looked at first
POLARITY_PAPER_PX = 80  # long side of the picture of which their local median is taken
POLARITY_REACH = 16  # the local median reaches so small a part of the long side
CLOSE_CALL = 0.25  # where the skew of a sample is less, all pixels are looked at
MOST_EVEN = 0.98  # where more is, there is no table
STEP_REACH = 0.04  # of the long side: so far from a step of the paper's level nothing is compared
EVEN_STEP = 0.7  # of the higher level: a lower one is beyond a step
LEAST_EVEN = 0.2  # of the picture: where less is even, all of it is compared
BORDER_WEIGHT = 2.0  # of a tight picture's border against the skew of its differences
NET_SHARE = 0.04  # of the picture: a component with more ink than this is a net of lines
NET_POWER = 8  # the darkest ink in a net is what matters
OWN_SHARE = 0.42  # of a component's own depth: where its edge is


@dataclass(frozen=True)
class Ink:
    """How far each pixel is from the paper towards the ink.

    Attributes:
        depth: uint8 (H, W), 0 is paper, 255 as far from the paper as a pixel can be; slightly
            smoothed, for finding; `window_depth` gives it as sharp as the picture.
        paper: uint8 (h, w), the paper's level on a small picture, after inversion if `light`.
        light: the ink is lighter than the paper (chalk, MNIST).
        noise: standard deviation of the paper in `depth`.
        texture: as much as `noise`, or more where a filter may have made shapes of it.
        blur_px: side of the filter that was laid over a noisy picture; 0 where there was none.
        limits: uint8 (h, w), the least depth of ink in each place; None where it is `FLOOR` or the
            noise's all over.
    """

    depth: NDArray[np.uint8]
    paper: NDArray[np.uint8]
    light: bool
    noise: float
    texture: float
    blur_px: int = 0
    limits: NDArray[np.uint8] | None = None


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give uint8 (H, W) for a picture uint8 (H, W), (H, W, 1), BGR or BGRA."""
    import cv2

    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    code = cv2.COLOR_BGRA2GRAY if image.shape[2] == 4 else cv2.COLOR_BGR2GRAY
    return np.asarray(cv2.cvtColor(image, code), np.uint8)


def shrink(image: NDArray[np.uint8], long_side_px: int) -> NDArray[np.uint8]:
    """Reduce a picture by area averaging so that its longer side is at most `long_side_px`."""
    import cv2

    height, width = image.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def is_light(grey: NDArray[np.uint8], coarse: NDArray[np.uint8], *, tight: bool = False) -> bool:
    """Tell whether the ink is lighter than the paper.

    Ink is the rarer side: the differences from the local median are skewed towards it. A sample
    of the pixels settles that, unless the call is close. Where a digit fills the picture it is
    not so sure, but then its border is mostly paper.

    Args:
        grey: uint8 (H, W).
        coarse: its reduction to `BACKGROUND_PX`.
        tight: let the border have its say, as one digit may fill the picture.
    """
    fine = shrink(grey, POLARITY_PX)
    if tight:
        return _skew(fine, coarse, max(coarse.shape) // 4) + BORDER_WEIGHT * _dark_border(fine) > 0
    step = 1 + (max(fine.shape) - 1) // POLARITY_SAMPLE_PX
    sketch = shrink(coarse, POLARITY_PAPER_PX)
    skew = _skew(fine[::step, ::step], sketch, max(sketch.shape) // POLARITY_REACH)
    if abs(skew) < CLOSE_CALL:
        skew = _skew(fine, coarse, max(coarse.shape) // POLARITY_REACH)
    return skew > 0


def _skew(fine: NDArray[np.uint8], coarse: NDArray[np.uint8], reach_px: int) -> float:
    """Give the skew of a picture's differences from the median around them: −1 to 1.

    Args:
        fine: uint8 (H, W).
        coarse: uint8 (h, w), its reduction, of which the median is taken.
        reach_px: how far around, in px of the reduction.
    """
    import cv2

    reach = min(127, reach_px)
    padded = cv2.copyMakeBorder(coarse, reach, reach, reach, reach, cv2.BORDER_REFLECT)
    median = np.asarray(cv2.medianBlur(padded, 2 * reach + 1), np.uint8)
    paper = median[reach : -reach or None, reach : -reach or None]
    difference = cv2.subtract(fine, spread(paper, fine.shape), dtype=cv2.CV_32F)
    even = _even(paper)
    if even is not None:
        difference = cv2.multiply(difference, spread(even, fine.shape), dtype=cv2.CV_32F)
    cubes = cv2.multiply(cv2.multiply(difference, difference), difference)
    return float(cv2.sumElems(cubes)[0] / max(cv2.norm(cubes, cv2.NORM_L1), 1e-9))


def _even(paper: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Mark where a paper's level is even around, uint8 (h, w), 1 there; None for everywhere.

    At the edge of a sheet on a dark table the differences from the median are no ink.
    """
    import cv2

    side = 2 * round(STEP_REACH * max(paper.shape)) + 1
    square = np.ones((side, side), np.uint8)
    high, low = cv2.dilate(paper, square), cv2.erode(paper, square)
    even = np.asarray(low >= EVEN_STEP * high).view(np.uint8)
    share = float(even.mean())
    return even if LEAST_EVEN <= share <= MOST_EVEN else None


def _dark_border(grey: NDArray[np.uint8]) -> float:
    """Give 1 for a border that is all dark against the picture, −1 for all light."""
    import cv2

    limit, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    border = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    return 1.0 - 2.0 * float((border > limit).mean())


def find_ink(grey: NDArray[np.uint8], *, light: bool | None = None, tight: bool = False) -> Ink:
    """Flatten the light and measure how deep each pixel's ink is.

    Args:
        grey: uint8 (H, W).
        light: the ink is lighter than the paper; None to find that out.
        tight: one digit may fill the picture.
    """
    import cv2

    dark, coarse = grey, shrink(grey, BACKGROUND_PX)
    if light is None:
        light = is_light(grey, coarse, tight=tight)
    if light:
        dark = np.asarray(cv2.bitwise_not(grey), np.uint8)
        coarse = shrink(dark, BACKGROUND_PX)
    paper = paper_level(coarse, shadows=not tight)
    dark, ground, blur_px = calm_ground(dark, paper, tight=tight)
    depth = depth_of(dark, ground.level)
    return Ink(
        depth,
        ground.paper,
        light,
        255 * ground.noise,
        255 * ground.texture,
        blur_px,
        ground.limits,
    )


def depth_of(dark: NDArray[np.uint8], level: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Divide a picture by its paper.

    Args:
        dark: uint8 (H, W), dark ink.
        level: uint8 (H, W), the paper's level.

    Returns:
        uint8 (H, W), 255 · (1 − dark / level), 0 where it is lighter than the paper.
    """
    import cv2

    share = cv2.divide(dark, level, scale=255)
    return np.asarray(cv2.bitwise_not(share, dst=share), np.uint8)


def window_depth(
    image: NDArray[np.uint8], ink: Ink, window: tuple[int, int, int, int], scale: float
) -> NDArray[np.uint8]:
    """Measure the depth of a part of the original picture.

    Args:
        image: uint8 (H, W) or BGR, the original.
        ink: what `find_ink` gave for its reduction.
        window: left, top, right, bottom in px of the reduction.
        scale: px of the original to one of the reduction.

    Returns:
        uint8, the window at the original's resolution.
    """
    import cv2

    left, top, right, bottom = (round(value * scale) for value in window)
    grey = to_grey(image[top:bottom, left:right])
    if ink.blur_px:
        side = round(ink.blur_px * scale) | 1
        grey = np.asarray(cv2.GaussianBlur(grey, (side, side), 0), np.uint8)
    dark = np.asarray(cv2.bitwise_not(grey) if ink.light else grey, np.uint8)
    step = ink.paper.shape[1] / image.shape[1]
    place = np.array([[step, 0, left * step], [0, step, top * step]], np.float32)
    level = cv2.warpAffine(
        ink.paper,
        place,
        (dark.shape[1], dark.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return depth_of(dark, np.asarray(level, np.uint8))


def faint_mask(ink: Ink) -> NDArray[np.uint8]:
    """Part ink from paper by a low threshold that the paper's noise sets.

    Returns:
        uint8 (H, W), 1 on ink, its soft edges and all faint lines.
    """
    import cv2

    if ink.limits is None or int(ink.limits.max()) == FLOOR:
        limit = max(FLOOR, NOISE_FACTOR * ink.noise) if ink.limits is None else FLOOR
        return np.asarray(cv2.threshold(ink.depth, int(limit), 1, cv2.THRESH_BINARY)[1], np.uint8)
    return np.asarray(ink.depth > spread(ink.limits, ink.depth.shape)).view(np.uint8)


def sharpen(mask: NDArray[np.uint8], ink: Ink) -> NDArray[np.uint8]:
    """Cut each component of a mask at a share of its own depth.

    So faint and dark strokes keep their width, and faint lines come off the digits that they
    touch.

    Args:
        mask: uint8 (H, W), 1 on ink, as `faint_mask` gives it.
        ink: where the mask came from.

    Returns:
        uint8 (H, W), 1 on ink.
    """
    ink_of = components_of(mask)
    depth = ink.depth.ravel()[ink_of.where]
    typical = ink_of.typical(depth)
    large = np.bincount(ink_of.owner, ink_of.length) > NET_SHARE * mask.size
    if large.any():  # squared paper: digits that hang in its net are darker
        typical[large] = ink_of.typical(depth, power=NET_POWER)[large]
    limit = np.floor(OWN_SHARE * typical).astype(np.uint8)
    sharp = np.zeros(mask.shape, np.uint8)
    sharp.ravel()[ink_of.where] = depth > ink_of.per_pixel(limit)
    return sharp
