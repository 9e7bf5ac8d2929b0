"""A hand that writes with the digits of a labelled set, enlarged smoothly, in one pen's line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.scenes.patch import FINENESS, Patch, trimmed
from edge_hdr.scenes.stroke_hand import StrokeHand

LONGER_SIDE_PX = 20  # of a normalized digit
POOL = 200  # examples among which those that look like one hand's are sought
ALIKE = 4  # of the examples of a digit that come nearest to the hand
EVEN = 0.7  # of the difference in height between wide and narrow digits that is taken back
OPEN = 0.5  # of a loop that a thick pen fills at most, from its edge to its middle
BLOT = 1.5  # half widths of the line beyond which ink is a blot, not a line
EDGE = 84  # grey level at which the edge of an enlarged digit lies


class SplitHand:
    """Writes digits with examples of similar slant and line."""

    def __init__(
        self,
        digits: Split,
        *,
        height_px: float,
        width: float,
        rng: np.random.Generator,
        otherwise: StrokeHand,
    ) -> None:
        """Take a hand.

        Args:
            digits: normalized digits, at least one; labels other than 0 to 9 are left out.
            height_px: of a digit on the page.
            width: of the line, in heights of a digit.
            rng: the only source of randomness.
            otherwise: writes the digits of which there is no example.
        """
        self._otherwise = otherwise
        self._height_px, self._width, self._rng = height_px, width, rng
        self._digits = digits
        self._pool = rng.integers(len(digits), size=POOL)
        images = digits.images[self._pool]
        self._labels = digits.labels[self._pool]
        self._line, self._slant = _line_px(images), _slant(images)
        one = int(rng.integers(POOL))
        self._wanted = (self._line[one], self._slant[one])

    def write(self, labels: Sequence[int]) -> list[Patch]:
        """Write digits, each in its natural size beside the others."""
        return [self._write(label) for label in labels]

    def _write(self, label: int) -> Patch:
        index = np.flatnonzero(self._labels == label)
        if not len(index):
            every = np.flatnonzero(self._digits.labels == label)
            if not len(every):
                return self._otherwise.write([label])[0]
            image = self._digits.images[self._rng.choice(every)]
            return _enlarge(image, self._height_px, self._width, float(_line_px(image[None])[0]))
        far = (
            np.abs(self._line[index] - self._wanted[0]) / 0.6
            + np.abs(self._slant[index] - self._wanted[1]) / 0.15
        )
        near = index[np.argsort(far, kind="stable")[:ALIKE]]
        chosen = int(self._rng.choice(near))
        image = self._digits.images[self._pool[chosen]]
        return _enlarge(image, self._height_px, self._width, float(self._line[chosen]))


def _line_px(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Estimate the width of the line, float64 (N,), as twice the area by the length of the edge."""
    ink = images.astype(np.float32) / 255.0
    across, down = np.diff(ink, axis=2), np.diff(ink, axis=1)
    edge = np.abs(across).sum(axis=(1, 2)) + np.abs(down).sum(axis=(1, 2))
    area = ink.sum(axis=(1, 2))
    # Summed over all directions, |dx| + |dy| is 4/pi times the length of an edge.
    result: NDArray[np.float64] = 2.0 * area / np.maximum(edge * np.pi / 4.0, 1.0)
    return result


def _slant(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the shear of each image, float64 (N,), from its second moments."""
    ink = images.astype(np.float32)
    total = np.maximum(ink.sum(axis=(1, 2)), 1.0)
    places = np.arange(images.shape[1], dtype=np.float32)
    columns, rows = ink.sum(axis=1), ink.sum(axis=2)
    x = places - ((columns @ places) / total)[:, None]
    y = places - ((rows @ places) / total)[:, None]
    mixed = np.einsum("nij,ni,nj->n", ink, y, x, optimize=True)
    down = np.maximum((rows * y * y).sum(axis=1), 1.0)
    result: NDArray[np.float64] = -(mixed / down).astype(np.float64)
    return result


def _enlarge(image: NDArray[np.uint8], height_px: float, width: float, line_px: float) -> Patch:
    """Give an example of 28×28 a smooth outline and a line of the wanted width."""
    import cv2

    times = int(np.clip(np.ceil(FINENESS * height_px / LONGER_SIDE_PX), 3, 16))
    big = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    big = cv2.GaussianBlur(big, (0, 0), 0.45 * times)
    inside = (big > EDGE).astype(np.uint8)
    share = width * LONGER_SIDE_PX / max(line_px, 1.0)
    half = line_px * times / 2.0
    grow = _thickened if share >= 1.0 else _thinned
    ink = _smoothed(
        np.clip(grow(inside, half, share), 0.0, 1.0), min(0.2 * times, 0.3 * share * half)
    )
    _, _, wide, high = cv2.boundingRect(inside)
    # People write wide digits as high as narrow ones; normalized, they are lower for being wide.
    grown = (LONGER_SIDE_PX * times / max(high, 4 * times)) ** EVEN if wide > 0.5 * high else 1.0
    return trimmed(ink, LONGER_SIDE_PX * times / height_px / grown)


def _smoothed(cover: NDArray[np.float64], sigma_px: float) -> NDArray[np.uint8]:
    """Take the bumps off the outline of coverage in [0, 1], and keep it sharp: 0 to 255."""
    import cv2

    ink = 255.0 * cover
    if sigma_px > 1.0:
        ink = 2.0 * cv2.GaussianBlur(ink, (0, 0), sigma_px).astype(np.float64) - 127.5
    return np.clip(ink, 0.0, 255.0).astype(np.uint8)


def _thickened(inside: NDArray[np.uint8], half: float, share: float) -> NDArray[np.float64]:
    """Let a line grow outwards, yet fill no loop: a person leaves those open.

    Args:
        inside: uint8 (h, w), 1 for ink.
        half: half the line's width, in px.
        share: of the wanted width to that, ≥ 1.

    Returns:
        Coverage, float64 (h, w), beyond [0, 1] away from the edge.
    """
    import cv2

    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    growth = np.full(inside.shape, (share - 1.0) * half)
    count, pieces = cv2.connectedComponents(1 - inside, connectivity=4)
    for piece in range(1, count):
        loop = pieces == piece
        if not (loop[0].any() or loop[-1].any() or loop[:, 0].any() or loop[:, -1].any()):
            growth[loop] = np.minimum(growth[loop], OPEN * outside[loop].max())
    thickened: NDArray[np.float64] = 0.5 + depth - outside + growth
    return thickened


def _thinned(inside: NDArray[np.uint8], half: float, share: float) -> NDArray[np.float64]:
    """Let a line shrink towards its middle, which stays, so that it breaks nowhere.

    It shrinks in proportion to how thick it is at each place; blots stay blots. Arguments and
    result are those of `_thickened`, but `share` ≤ 1.
    """
    import cv2

    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    reach = 2 * max(1, int(half)) + 1
    thickest = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_RECT, (reach, reach)))
    cover = 0.5 + depth - (1.0 - share) * np.minimum(thickest, BLOT * half)
    ridge = (depth > 0.3 * thickest) & (depth > cv2.dilate(depth, np.ones((3, 3))) - 0.6)
    thinned: NDArray[np.float64] = np.where(depth > 0, np.maximum(cover, ridge), 0.0)
    return thinned
