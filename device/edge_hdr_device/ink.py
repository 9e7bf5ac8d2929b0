"""Grey picture to ink: light flattened, polarity found, thresholded by local contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BACKGROUND_PX = 160  # long side of the picture on which the background is estimated
POLARITY_PX = 640  # long side of the picture on which the polarity is found
BORDER_WEIGHT = 2.0  # of a tight picture's border against the skew of its differences
FLAT_LEVEL = 200.0  # of paper once the light's fall is divided out
LEAST_FALL = 0.08  # a smaller change of light over the picture is left to the closing
PLANE_SAMPLE_PX = 40  # a grid of about so many points a side is enough to fit a plane
CLOSE_SHARE = 0.3  # of the long side: ink strokes are narrower than this
DARKEST_PAPER = 24  # darker backgrounds count as this, or their noise would look like ink
SMOOTH_PX = 100  # a picture of this size or smaller is not smoothed: its strokes are thin
NOISE_SAMPLE_PX = 400  # a grid of about so many points a side is enough to measure the noise
FLOOR = 14  # of 255: fainter than this is no ink even on noiseless paper
NOISE_FACTOR = 5.0  # ink is at least so many standard deviations of the paper's noise deep
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
    """

    depth: NDArray[np.uint8]
    paper: NDArray[np.uint8]
    light: bool
    noise: float


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


def is_light(grey: NDArray[np.uint8], *, tight: bool = False) -> bool:
    """Tell whether the ink is lighter than the paper.

    Ink is the rarer side: the differences from the local median are skewed towards it. Where a
    digit fills the picture that is not so sure, but then its border is mostly paper.

    Args:
        grey: uint8 (H, W).
        tight: let the border have its say, as one digit may fill the picture.
    """
    import cv2

    fine = shrink(grey, POLARITY_PX)
    coarse = shrink(fine, BACKGROUND_PX)
    half = min(127, max(coarse.shape) // (4 if tight else 8))
    padded = cv2.copyMakeBorder(coarse, half, half, half, half, cv2.BORDER_REFLECT)
    paper = cv2.medianBlur(padded, 2 * half + 1)[half : -half or None, half : -half or None]
    level = cv2.resize(paper, (fine.shape[1], fine.shape[0]), interpolation=cv2.INTER_LINEAR)
    difference = cv2.subtract(fine, level, dtype=cv2.CV_32F)
    cubes = cv2.multiply(cv2.multiply(difference, difference), difference)
    skew = cv2.sumElems(cubes)[0] / max(cv2.norm(cubes, cv2.NORM_L1), 1e-9)
    return bool(skew + (BORDER_WEIGHT * _dark_border(fine) if tight else 0.0) > 0)


def _dark_border(grey: NDArray[np.uint8]) -> float:
    """Give 1 for a border that is all dark against the picture, −1 for all light."""
    import cv2

    limit, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    border = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    return 1.0 - 2.0 * float((border > limit).mean())


def find_ink(grey: NDArray[np.uint8], *, light: bool) -> Ink:
    """Flatten the light and measure how deep each pixel's ink is.

    Args:
        grey: uint8 (H, W), ink of the polarity `light`.
        light: the ink is lighter than the paper.
    """
    import cv2

    dark = np.asarray(cv2.bitwise_not(grey) if light else grey, np.uint8)
    paper = _paper(shrink(dark, BACKGROUND_PX))
    if max(dark.shape) > SMOOTH_PX:
        dark = np.asarray(cv2.GaussianBlur(dark, (3, 3), 0), np.uint8)
    offset, noise = _offset_and_noise(dark, paper)
    if abs(offset) > 1 / 64:
        paper = np.clip(paper * (1 - offset), DARKEST_PAPER, 255).astype(np.uint8)
    return Ink(depth=depth_of(dark, paper), paper=paper, light=light, noise=255 * noise)


def depth_of(dark: NDArray[np.uint8], paper: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Divide a picture by its paper.

    Args:
        dark: uint8 (H, W), dark ink.
        paper: uint8 (h, w), the paper's level over the same area.

    Returns:
        uint8 (H, W), 255 · (1 − dark / paper), 0 where it is lighter than the paper.
    """
    import cv2

    size = (dark.shape[1], dark.shape[0])
    level = cv2.resize(paper, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.bitwise_not(cv2.divide(dark, level, scale=255)), np.uint8)


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
    dark = cv2.bitwise_not(grey) if ink.light else grey
    step = ink.paper.shape[1] / image.shape[1]
    place = np.array([[step, 0, left * step], [0, step, top * step]], np.float32)
    level = cv2.warpAffine(
        ink.paper,
        place,
        (dark.shape[1], dark.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.bitwise_not(cv2.divide(dark, level, scale=255)), np.uint8)


def faint_mask(ink: Ink) -> NDArray[np.uint8]:
    """Part ink from paper by a low threshold that the paper's noise sets.

    Returns:
        uint8 (H, W), 1 on ink, its soft edges and all faint lines.
    """
    return (ink.depth > max(FLOOR, NOISE_FACTOR * ink.noise)).view(np.uint8)


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
    import cv2

    _, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    where = np.flatnonzero(mask.view(np.bool_))
    owner = np.asarray(labels, np.int32).ravel()[where]
    depth = ink.depth.ravel()[where].astype(np.float32)
    strong = depth > OWN_SHARE * typical_depth(owner, depth)[owner]
    sharp = np.zeros(mask.shape, np.uint8)
    sharp.ravel()[where[strong]] = 1
    return sharp


def typical_depth(owner: NDArray[np.int32], depth: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give each component's typical depth: the mean of its pixels weighted by depth squared.

    So a digit decides, not the long faint line that it touches.

    Args:
        owner: int32 (M,), the component of each ink pixel.
        depth: float32 (M,), its depth.

    Returns:
        float64 (largest owner + 1,); 0 where a component has no pixel.
    """
    squares = depth * depth
    total = np.bincount(owner, squares)
    return np.asarray(np.bincount(owner, squares * depth) / np.maximum(total, 1e-9), np.float64)


def _paper(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Estimate the paper's level: dark strokes closed, then the mean of what is not ink.

    The light's fall over the picture is divided out before, because a closing takes the darker
    end of a slope for a stroke.
    """
    import cv2

    plane = _plane(small)
    flat = np.clip(small * (FLAT_LEVEL / plane), 0, 255).astype(np.uint8)
    side = round(CLOSE_SHARE * max(small.shape)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    closed = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, kernel)
    depth = cv2.subtract(closed, flat)
    bare = (depth <= max(3.0, 2.0 * float(np.median(depth)))).astype(np.float32)
    weight = cv2.blur(bare, (side, side))
    level = cv2.blur(bare * flat, (side, side)) / np.maximum(weight, 1e-3)
    level = np.where(weight > 0.02, level, closed) * (plane / FLAT_LEVEL)
    return np.asarray(np.clip(np.rint(level), DARKEST_PAPER, 255), np.uint8)


def _plane(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Fit a plane to the paper's level, leaving out what is darker or lighter: float32 (h, w)."""
    height, width = small.shape
    step = 1 + max(small.shape) // PLANE_SAMPLE_PX
    y, x = (axis.ravel() for axis in np.mgrid[0:height:step, 0:width:step].astype(np.float32))
    value = small[::step, ::step].ravel().astype(np.float32)
    basis = np.stack((np.ones_like(x), x, y), axis=1)
    keep = value >= np.median(value) - 1
    for _ in range(4):
        chosen = basis[keep]
        # The ridge keeps a picture of few pixels, or of one row, solvable.
        normal = chosen.T @ chosen + np.diag([1e-6, 1e-3, 1e-3]).astype(np.float32)
        weights = np.linalg.solve(normal, chosen.T @ value[keep])
        distance = np.abs(value - basis @ weights)
        keep = distance <= max(4.0, 2.0 * float(np.median(distance)))
    rows = weights[2] * np.arange(height, dtype=np.float32)[:, None]
    fitted = weights[0] + weights[1] * np.arange(width, dtype=np.float32)[None, :] + rows
    if np.ptp(fitted) < LEAST_FALL * fitted.mean():
        fitted[:] = fitted.mean()
    return np.asarray(np.clip(fitted, DARKEST_PAPER, 255), np.float32)


def _offset_and_noise(dark: NDArray[np.uint8], paper: NDArray[np.uint8]) -> tuple[float, float]:
    """Estimate the paper's most frequent relative depth and its standard deviation around it.

    Only paper lies on the far side of the mode, so ink does not widen the estimate however much
    of the picture it covers.

    Returns:
        Two numbers as shares of the paper's level.
    """
    import cv2

    step = 1 + max(dark.shape) // NOISE_SAMPLE_PX
    level = cv2.resize(paper, (dark.shape[1], dark.shape[0]), interpolation=cv2.INTER_LINEAR)
    relative = 1 - dark[::step, ::step].astype(np.float32) / level[::step, ::step]
    counts = cv2.calcHist([relative], [0], None, [256], [-0.5, 0.5]).ravel()
    smooth = np.convolve(counts, (1, 2, 3, 4, 3, 2, 1), "same")
    mode = int(smooth.argmax())
    beyond = np.cumsum(counts[:mode])
    if mode == 0 or beyond[-1] < relative.size / 50:
        return (mode + 0.5) / 256 - 0.5, 0.0
    middle = float(np.interp(beyond[-1] / 2, beyond, np.arange(mode)))
    return (mode + 0.5) / 256 - 0.5, (mode - middle) / 256 / 0.6745
