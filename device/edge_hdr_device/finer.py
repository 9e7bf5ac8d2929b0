"""Digits too small for a large picture's reduction, looked for from close by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.page import Page, find_page
from edge_hdr_device.region import Region

COARSE = 1.3  # px of the picture to one of its reduction, from which small digits may be lost
SMALL_PX = (3.0, 11.0)  # what on the reduction may be a digit that shows only from close by
LEAST_COUNT = 2  # so many small things together are looked at
MOST_COUNT = 500  # more of them are a texture
APART = 5.0  # of their height: how far apart small things are together
MARGIN_PX = 24  # of the reduction: what around small things is looked at too
WINDOW_PX = 160  # of the reduction: the least side of what is looked at, so that its paper shows
MOST_WINDOWS = 8
LEAST_PX = 9  # of the picture: lower things are specks


def with_small_digits(page: Page) -> list[Region]:
    """Give a page's digits, and those that show only on the picture's own pixels.

    Small things that lie together on the reduction are looked at once more, each group of them
    through a window of the picture; where there are none, this costs nothing.

    Returns:
        Digits in no order, all of line 0.
    """
    regions = page.regions()
    if page.scale < COARSE:
        return regions
    windows = _windows(page)
    if not windows:
        return regions
    limit = SMALL_PX[1] * page.scale
    found = [region for region in regions if region.box[3] > limit]
    lost = [region for region in regions if region.box[3] <= limit]
    for window in windows:
        for region in _through(page, window):
            if LEAST_PX <= region.box[3] <= 1.5 * limit and not any(
                _overlap(region, one) for one in found
            ):
                found.append(region)
    return found + [one for one in lost if not any(_overlap(one, other) for other in found)]


def _windows(page: Page) -> list[tuple[int, int, int, int]]:
    """List where small things lie together: left, top, right, bottom in px of the reduction."""
    import cv2

    boxes = page.pieces.boxes
    size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    small = boxes[(size >= SMALL_PX[0]) & (size <= SMALL_PX[1])].astype(int)
    if not LEAST_COUNT <= len(small) <= MOST_COUNT:
        return []
    height, width = page.small.shape
    reach = round(APART * float(np.median(small[:, 3] - small[:, 1])) / 2)
    spread = np.zeros((height, width), np.uint8)
    around = np.array([-reach, -reach, reach, reach])
    for left, top, right, bottom in np.clip(small + around, 0, None):
        spread[top:bottom, left:right] = 1
    count, labels, stats, _ = cv2.connectedComponentsWithStats(spread)
    members = np.bincount(labels[small[:, 1], small[:, 0]], minlength=count)
    chosen = [int(label) for label in np.argsort(-members[1:], kind="stable") + 1]
    together = [label for label in chosen if members[label] >= LEAST_COUNT]
    return _merged([_window(stats[label], (height, width)) for label in together[:MOST_WINDOWS]])


def _window(stats: NDArray[np.int32], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Give a group's box with a margin, large enough to show its paper."""
    corners = []
    for start, extent, side in ((stats[0], stats[2], shape[1]), (stats[1], stats[3], shape[0])):
        margin = max(MARGIN_PX, (WINDOW_PX - int(extent)) // 2)
        corners.append((max(0, int(start) - margin), min(side, int(start + extent) + margin)))
    return corners[0][0], corners[1][0], corners[0][1], corners[1][1]


def _merged(windows: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Unite windows that overlap, so that nothing is looked at twice."""
    done: list[tuple[int, int, int, int]] = []
    for window in windows:
        left, top, right, bottom = window
        for other in [one for one in done if _meet(one, window)]:
            done.remove(other)
            left, top = min(left, other[0]), min(top, other[1])
            right, bottom = max(right, other[2]), max(bottom, other[3])
        done.append((left, top, right, bottom))
    return done if len(done) == len(windows) else _merged(done)


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 0 and down > 0


def _through(page: Page, window: tuple[int, int, int, int]) -> list[Region]:
    """Find the digits of a window of the picture, on its own pixels."""
    left, top, right, bottom = (round(side * page.scale) for side in window)
    part = page.image[top:bottom, left:right]
    back = np.array([[1.0, 0, left], [0, 1.0, top]])
    return [region.within(back) for region in find_page(part, max(part.shape[:2])).regions()]


def _overlap(one: Region, other: Region) -> bool:
    """Tell whether two regions share more than a third of the smaller box."""
    (x, y, width, height), (left, top, across, down) = one.box, other.box
    common = max(0, min(x + width, left + across) - max(x, left))
    common *= max(0, min(y + height, top + down) - max(y, top))
    return bool(3 * common > min(width * height, across * down))
