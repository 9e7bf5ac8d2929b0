"""Whether a frame must be read: one that equals the last one read says nothing new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COARSE_PX = 256  # long side of the coarse picture, at most
HALVINGS = 3  # at least: patches of 8×8 px average a sensor's noise out
GAIN_RANGE = (0.6, 1.6)  # an exposure that changed by more is a change of its own
STILL_WAIT_S = 1.0  # a picture that never holds still is read after so long


class Gate:
    """Compare frames by the means of small patches with the last frame that was read.

    So a slow drift counts in the end. The mean brightness is evened out first: automatic exposure
    alone is no change.

    Args:
        level: grey levels by which the mean of one patch must change. At 6 the noise of a sensor
            of up to 6 levels a pixel stays below, and a stroke of 3 px and 60 levels above.
        refresh_s: an unchanged frame is read again after so long; 0 is never.
        still: frames that differ from the one before are put off, for a second at most.
    """

    def __init__(self, level: float = 6.0, refresh_s: float = 10.0, *, still: bool = False) -> None:
        self._level = level
        self._refresh_s = refresh_s
        self._still = still
        self.reset()

    def reset(self) -> None:
        """Forget the frames seen, as when the camera was away; the next one is read."""
        self._read: NDArray[np.uint8] | None = None  # what was read last
        self._before: NDArray[np.uint8] | None = None  # the frame before this one
        self._read_s = 0.0
        self._moving_since_s: float | None = None

    def decide(self, image: NDArray[np.uint8], *, settled: bool, monotonic_s: float) -> bool:
        """Tell whether a frame must be read, and take it for read if so.

        Args:
            image: uint8 (H, W) grey or (H, W, 3) BGR.
            settled: nothing waits for more frames; until then every one is read.
            monotonic_s: seconds of a clock that never jumps.
        """
        coarse = coarse_view(image)
        before, self._before = self._before, coarse
        stale = self._refresh_s > 0 and monotonic_s - self._read_s >= self._refresh_s
        wanted = not settled or stale or self._differs(self._read, coarse)
        if not wanted or self._put_off(before, coarse, monotonic_s):
            return False
        self._read, self._read_s = coarse, monotonic_s
        return True

    def _put_off(
        self, before: NDArray[np.uint8] | None, now: NDArray[np.uint8], monotonic_s: float
    ) -> bool:
        """Tell whether the picture moves and a still one may follow soon."""
        if not self._still or before is None or not self._differs(before, now):
            self._moving_since_s = None
            return False
        if self._moving_since_s is None:
            self._moving_since_s = monotonic_s
        if monotonic_s - self._moving_since_s < STILL_WAIT_S:
            return True
        self._moving_since_s = None
        return False

    def _differs(self, one: NDArray[np.uint8] | None, other: NDArray[np.uint8]) -> bool:
        import cv2

        if one is None or one.shape != other.shape:
            return True
        gain = (cv2.mean(other)[0] + 1) / (cv2.mean(one)[0] + 1)
        if not GAIN_RANGE[0] <= gain <= GAIN_RANGE[1]:
            return True
        return float(cv2.norm(cv2.convertScaleAbs(one, alpha=gain), other, cv2.NORM_INF)) > (
            self._level
        )


def coarse_view(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average patches of a picture, 8×8 px each, larger ones where it is larger than 2048 px.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR, of which green is taken: the least noisy.

    Returns:
        uint8 (h, w).
    """
    import cv2

    coarse = cv2.extractChannel(image, 1) if image.ndim == 3 else image
    halvings = 0
    # Halving thrice takes a quarter of the time of one reduction to an eighth.
    while halvings < HALVINGS or max(coarse.shape) > COARSE_PX:
        size = ((coarse.shape[1] + 1) // 2, (coarse.shape[0] + 1) // 2)
        coarse = cv2.resize(coarse, size, interpolation=cv2.INTER_AREA)
        halvings += 1
    return np.asarray(coarse, np.uint8)
