"""Digits followed from frame to frame by where they are, also under a camera that is shaken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.pipeline import Digit
from edge_hdr_device.tracking.consensus import Quorum, Votes

OVERLAP = 0.3  # intersection over union from which two boxes are one digit by that alone
REACH = 0.5  # of the longer side: centres so near are one digit where the sizes are alike
LONE_REACH = 3.0  # likewise, for the only digit of a frame if it keeps its label
ALIKE = 0.6  # ratio of two longer sides from which sizes are alike
SURE = 0.6  # share of digits that kept place and label: so many, and nothing was shaken
CLUTTER = 20_000  # pairs of tracks and digits; among more, no shake is looked for

Pairs = list[tuple[int, int]]  # row of a track, row of a digit


class Track:
    """One digit over time.

    Attributes:
        number: its name, never given twice.
        box: float64 (4,), x, y, width, height in px, where it was last, moved with the others.
        label: class that the last frame that saw it took it for, rejected or not.
        misses: frames in a row that have not seen it.
        votes: what the last frames say of it.
    """

    __slots__ = ("box", "label", "misses", "number", "votes")

    def __init__(self, number: int, quorum: Quorum) -> None:
        self.number = number
        self.box = np.zeros(4)
        self.label = ""
        self.misses = 0
        self.votes = Votes(quorum)

    def see(self, digit: Digit, box: NDArray[np.float64]) -> None:
        """Take in a frame that shows the digit at `box`, float64 (4,), x, y, width, height."""
        self.box, self.label, self.misses = box, digit.label, 0
        self.votes.add(digit)

    def miss(self, shift: NDArray[np.float64]) -> None:
        """Take in a frame without it; `shift` is how far the others moved, float64 (2,), px."""
        self.box = np.append(self.box[:2] + shift, self.box[2:])
        self.misses += 1
        self.votes.add(None)


class Tracker:
    """Match the digits of each frame to those of the frames before.

    Args:
        quorum: what an agreement is. A track ends when its digit was not seen for `forget`
            frames, and for as many as make an agreement.
        numbers: gives each new track its number.
    """

    def __init__(self, quorum: Quorum, numbers: Iterator[int]) -> None:
        self.tracks: list[Track] = []
        self._quorum = quorum
        self._numbers = numbers
        self._patience = max(quorum.forget, quorum.agree)

    def update(self, digits: Sequence[Digit]) -> list[Track]:
        """Take in a frame; gives the track of each of its digits, in their order."""
        boxes = np.array([digit.box for digit in digits], np.float64).reshape(-1, 4)
        before = np.array([track.box for track in self.tracks]).reshape(-1, 4)
        pairs = _match(self.tracks, before, digits, boxes)
        moves = [boxes[column, :2] - before[row, :2] for row, column in pairs]
        shift = np.median(moves, axis=0) if len(moves) > 1 else np.zeros(2)
        owners = {column: self.tracks[row] for row, column in pairs}
        missed = set(range(len(self.tracks))) - {row for row, _ in pairs}
        for row in missed:
            self.tracks[row].miss(shift)
        found = [owners.get(column) or self._open() for column in range(len(digits))]
        for track, digit, box in zip(found, digits, boxes, strict=True):
            track.see(digit, box)
        self.tracks = [track for track in self.tracks if track.misses < self._patience]
        return found

    def end_unseen(self) -> None:
        """End the tracks of digits not seen for `forget` frames."""
        self.tracks = [track for track in self.tracks if track.misses < self._quorum.forget]

    def _open(self) -> Track:
        track = Track(next(self._numbers), self._quorum)
        self.tracks.append(track)
        return track


def _match(
    tracks: Sequence[Track],
    before: NDArray[np.float64],
    digits: Sequence[Digit],
    boxes: NDArray[np.float64],
) -> Pairs:
    """Pair tracks with digits where they are; where some are left over, where a shake put them."""
    pairs = _pair(before, boxes)
    old = np.array([track.label for track in tracks], np.str_)
    new = np.array([digit.label for digit in digits], np.str_)
    kept, most = _kept(pairs, old, new), min(len(old), len(new))
    if (kept >= SURE * most and len(pairs) == most) or len(old) * len(new) > CLUTTER:
        return pairs
    shift = _common_shift(before, boxes, old[:, None] == new[None])
    shaken = _pair(before + np.append(shift, (0, 0)), boxes)
    kept_shaken = _kept(shaken, old, new)
    # Places count along with labels: two misread digits must not look like a shake.
    better = len(shaken) + kept_shaken > len(pairs) + kept
    return shaken if better and kept_shaken >= SURE * most else pairs


def _kept(pairs: Pairs, old: NDArray[np.str_], new: NDArray[np.str_]) -> int:
    """Count the pairs of like labels."""
    return sum(bool(old[row] == new[column]) for row, column in pairs)


def _pair(before: NDArray[np.float64], boxes: NDArray[np.float64]) -> Pairs:
    """Pair boxes that fit, the best first, each once."""
    rows, columns = _neighbours(before, boxes)
    scores = _nearness(before[rows], boxes[columns])
    order = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores)]
    pairs: Pairs = []
    paired_rows: set[int] = set()
    paired_columns: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in paired_rows and column not in paired_columns:
            paired_rows.add(row)
            paired_columns.add(column)
            pairs.append((row, column))
    return pairs


def _neighbours(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the pairs of boxes near enough from left to right to fit, int64 (P,) each.

    So that the work grows with the digits, and not with their square.
    """
    reach = max(one[:, 2:].max(initial=0), other[:, 2:].max(initial=0))
    middle, others = one[:, 0] + one[:, 2] / 2, other[:, 0] + other[:, 2] / 2
    order = np.argsort(others)
    first, end = (np.searchsorted(others[order], middle + way) for way in (-reach, reach))
    counts = end - first
    rows = np.repeat(np.arange(len(one)), counts)
    places = np.arange(len(rows)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    return rows, order[places]


def _nearness(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rate how well pairs of boxes fit.

    Args:
        a: float64 (P, 4), x, y, width, height in px.
        b: float64 (P, 4), likewise.

    Returns:
        float64 (P,): intersection over union where that is enough; below, a smaller value for
        boxes of like size with near centres, as a thin digit loses its overlap at once; else 0.
    """
    (ax, ay, aw, ah), (bx, by, bw, bh) = a.T, b.T
    wide = np.minimum(ax + aw, bx + bw) - np.maximum(ax, bx)
    high = np.minimum(ay + ah, by + bh) - np.maximum(ay, by)
    common = np.maximum(wide, 0) * np.maximum(high, 0)
    overlap = common / np.maximum(aw * ah + bw * bh - common, 1)
    away = np.hypot(bx + bw / 2 - ax - aw / 2, by + bh / 2 - ay - ah / 2)
    one, other = np.maximum(aw, ah), np.maximum(bw, bh)
    longer = np.maximum(np.maximum(one, other), 1)
    near = np.maximum(1 - away / (REACH * longer), 0) * _are_alike(one, other)
    return np.asarray(np.where(overlap >= OVERLAP, overlap, OVERLAP * near), np.float64)


def _are_alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.minimum(one, other) >= ALIKE * np.maximum(one, other))


def _common_shift(
    before: NDArray[np.float64], boxes: NDArray[np.float64], same: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Find the move that most digits of like label and size share.

    Returns:
        float64 (2,), px; 0 where fewer than two digits moved alike, of a lone one where it is far.
    """
    sizes, new_sizes = before[:, 2:].max(axis=1), boxes[:, 2:].max(axis=1)
    rows, columns = np.nonzero(same & _are_alike(sizes[:, None], new_sizes[None]))
    moves = (boxes[:, :2] + boxes[:, 2:] / 2)[columns] - (before[:, :2] + before[:, 2:] / 2)[rows]
    if same.size == 1 and len(moves) == 1 and np.hypot(*moves[0]) <= LONE_REACH * sizes[0]:
        return np.asarray(moves[0])
    if len(moves) < 2:
        return np.zeros(2)
    cell = float(np.median(new_sizes[columns])) / 2
    inside = moves[(np.abs(moves - _densest(moves, cell)) <= cell / 2).all(axis=1)]
    return np.asarray(np.median(inside, axis=0)) if len(inside) > 1 else np.zeros(2)


def _densest(moves: NDArray[np.float64], cell: float) -> NDArray[np.float64]:
    """Give the centre of the square cell with most moves, float64 (2,); of several the nearest.

    Four grids, each half a cell beside the others, so that no edge parts what belongs together.
    """
    points = moves[:, 0] + 1j * moves[:, 1]
    found = []
    for x, y in itertools.product((0.0, 0.5), repeat=2):
        cells, counts = np.unique(np.round(points / cell - complex(x, y)), return_counts=True)
        fullest = (cells[counts == counts.max()] + complex(x, y)) * cell
        nearest = fullest[np.abs(fullest).argmin()]
        found.append((-int(counts.max()), abs(nearest), nearest))
    centre = min(found, key=lambda entry: entry[:2])[2]
    return np.array([centre.real, centre.imag])
