"""The camera: exposure and colour, blur, the sensor's noise, JPEG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.scenes.canvas import pixels
from edge_hdr.scenes.noise import colored_field
from edge_hdr.scenes.pose import Points

WORST_FOCUS, WORST_MOTION = 0.12, 0.4  # in heights of a digit
WORST_NOISE = 18.0
BEST_QUALITY, WORST_QUALITY = 95, 10
WORST_CAST = 0.45


@dataclass(frozen=True)
class Camera:
    """What one camera does to a picture.

    Attributes:
        gains: of blue, green and red, float32 (3,).
        focus_px: deviation of the blur.
        motion: float64 (2,), how far right and down it moved in px, or None.
        noise: deviation in grey levels.
        smooth: how far the sensor's noise is smeared by the camera's own processing, 0 or 1.
        quality: of the JPEG; None for none.
    """

    gains: NDArray[np.float32]
    focus_px: float
    motion: Points | None
    noise: float
    smooth: bool
    quality: int | None

    def blur(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Blur a picture, or the coverage of a part of it, as the lens and the hand do."""
        if self.focus_px > 0.05:
            image = _soften(image, self.focus_px)
        if self.motion is not None:
            image = _smear(image, self.motion)
        return image

    @property
    def reach_px(self) -> int:
        """Give how far the blur carries ink."""
        motion = 0 if self.motion is None else int(np.ceil(np.abs(self.motion).max() / 2.0)) + 1
        return (round(3 * self.focus_px) + 1 if self.focus_px > 0.05 else 0) + motion


def draw_camera(levels: Mapping[str, float], height_px: float, rng: np.random.Generator) -> Camera:
    """Draw a camera by the factors; blur is in proportion to a digit's height in the picture."""
    hue, tint, angle, smooth = rng.uniform(0.0, 1.0, 4)
    cast = WORST_CAST * levels.get("white_balance", 0.0)
    warm = -1.0 if hue < 0.3 else 1.0
    gains = np.array([1.0 - cast * warm, 1.0 + 0.3 * cast * (tint - 0.5), 1.0 + 0.25 * cast * warm])
    length = WORST_MOTION * levels.get("motion", 0.0) * height_px
    way = np.array([np.cos(np.pi * angle), np.sin(np.pi * angle)])
    quality = BEST_QUALITY * (WORST_QUALITY / BEST_QUALITY) ** levels.get("jpeg", 0.0)
    return Camera(
        gains=(gains / gains.max()).astype(np.float32),
        focus_px=WORST_FOCUS * levels.get("focus", 0.0) * height_px,
        motion=length * way if length > 0.5 else None,
        noise=WORST_NOISE * levels.get("noise", 0.0),
        smooth=smooth < 0.6,
        quality=round(quality) if levels.get("jpeg", 0.0) else None,
    )


def expose(
    image: NDArray[np.uint8],
    light: NDArray[np.float32],
    camera: Camera,
    rng: np.random.Generator,
    *,
    glare: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Take the picture.

    Args:
        image: uint8 (H, W, 3), BGR, the scene in full light.
        light: float32 (H, W), factor on the scene.
        camera: what it is taken with.
        rng: source of the noise.
        glare: float32 (H, W), grey levels that a reflection adds.
    """
    import cv2

    gain = cv2.merge([light * share for share in camera.gains])
    lit = pixels(cv2.multiply(image, gain, dtype=cv2.CV_8U))
    if glare is not None:
        lit = pixels(cv2.add(lit, cv2.merge([glare, glare, glare]), dtype=cv2.CV_8U))
    lit = camera.blur(lit)
    if camera.noise > 0.0:
        shape = lit.shape[:2]
        noise = colored_field(shape, rng, smooth=camera.smooth) * np.float32(camera.noise)
        lit = pixels(cv2.add(lit, noise, dtype=cv2.CV_8U))
    if camera.quality is None:
        return lit
    packed = cv2.imencode(".jpg", lit, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])[1]
    decoded = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return lit if decoded is None else pixels(decoded)


def _soften(image: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    """Blur by a Gaussian; a strong one on a smaller picture, which shows nowhere and is faster."""
    import cv2

    rows, columns = image.shape[:2]
    coarse = min(int(sigma_px / 2.0), rows // 4, columns // 4)
    edge = cv2.BORDER_REPLICATE
    if coarse < 2:
        return pixels(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=edge))
    small = cv2.resize(image, (columns // coarse, rows // coarse), interpolation=cv2.INTER_AREA)
    # Averaging adds a variance of c²/12, and interpolating c²/6.
    left = np.sqrt(sigma_px**2 - coarse**2 / 4.0) / coarse
    soft = cv2.GaussianBlur(small, (0, 0), float(left), borderType=edge)
    return pixels(cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_LINEAR))


def _smear(image: NDArray[np.uint8], length_px: Points) -> NDArray[np.uint8]:
    """Blur by a straight motion: the mean of the picture moved by steps of about a pixel."""
    import cv2

    steps = int(np.ceil(np.hypot(*length_px))) + 1
    rows, columns = image.shape[:2]
    reach = int(np.ceil(np.abs(length_px).max() / 2.0)) + 1
    wide = cv2.copyMakeBorder(image, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    total = np.zeros(image.shape, np.uint16)
    for share in np.linspace(-0.5, 0.5, steps):
        x, y = (reach + int(np.rint(share * side)) for side in length_px)
        cv2.add(total, wide[y : y + rows, x : x + columns], total, dtype=cv2.CV_16U)
    return pixels(cv2.convertScaleAbs(total, alpha=1.0 / steps))
