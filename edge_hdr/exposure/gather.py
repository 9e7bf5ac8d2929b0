"""Gather exposure: scenes are drawn and looked at, non-digits drawn, by several processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from edge_hdr.data.dataset import Progress, Split
from edge_hdr.exposure.crops import crops_of, scene_of, together
from edge_hdr.exposure.drawn import draw
from edge_hdr.exposure.material import Exposure
from edge_hdr.processes import Processes

SCENES = 8  # of a piece of work
DRAWN = 256  # non-digits of a piece of work; both are part of what a seed means
SPARE = 0.2  # digits a scene, so many at the least, or the search is given up
FOUND_SHARE = 0.5  # of the non-digits, at most, are those found in scenes

Work = Callable[[int, int, Split], Exposure]  # number of the piece, seed, digits


def gather(
    train: Split,
    *,
    digits: int,
    others: int | None,
    seed: int,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Exposure:
    """Collect what a device would see of scenes written with a split's digits.

    Args:
        train: labelled digits 0 to 9, normalized; of the part that may be trained on.
        digits: how many located digits are wanted.
        others: how many non-digits, at most half of them found in the scenes and the rest drawn;
            None gives those that were found as they come, and leaves out the parts of cuts.
        seed: the same split, numbers and seed give the same bytes, whatever `workers` is.
        progress: told how many examples there are.
        workers: processes; 1 works in this process. When None, all processors where it pays.
    """
    tell = _Told(progress, digits + (others or 0))
    pieces = -(-digits // SCENES) * 2
    with Processes(train, workers, pieces // 12 + (others or 0) // DRAWN) as pool:
        found = _found(pool, _look if others is None else _look_closely, digits, seed, tell)
        if others is None:
            return found
        kept = found.others[: int(FOUND_SHARE * others)]
        drawn = _drawn(pool, others - len(kept), seed, tell)
    return Exposure(found.digits, np.concatenate([kept, *drawn]))


def _found(pool: Processes[Split], look: Work, wanted: int, seed: int, tell: _Told) -> Exposure:
    parts: list[Exposure] = []
    count = 0
    most = 1 + int(wanted / SPARE / SCENES)
    jobs = (partial(look, number, seed) for number in range(most if wanted else 0))
    for part in pool.results(jobs):
        parts.append(part)
        count += len(part.digits)
        tell.add(len(part.digits))
        if count >= wanted:
            break
    whole = together(parts)
    return Exposure(whole.digits.take(np.arange(min(wanted, count))), whole.others)


def _drawn(pool: Processes[Split], wanted: int, seed: int, tell: _Told) -> list[np.ndarray]:
    parts = []
    for part in pool.results(partial(_make, n, seed) for n in range(-(-wanted // DRAWN))):
        tell.add(len(part.others))
        parts.append(part.others)
    if parts:
        parts[-1] = parts[-1][: wanted - DRAWN * (len(parts) - 1)]
    return parts


def _look(number: int, seed: int, digits: Split, *, cut: bool = False) -> Exposure:
    """Draw a piece's scenes and look at them."""
    numbers = range(number * SCENES, (number + 1) * SCENES)
    return together([crops_of(scene_of(digits, n, seed), cut=cut) for n in numbers])


def _look_closely(number: int, seed: int, digits: Split) -> Exposure:
    """Draw a piece's scenes and look at them and at the parts of cuts."""
    return _look(number, seed, digits, cut=True)


def _make(number: int, seed: int, digits: Split) -> Exposure:
    """Draw a piece's non-digits."""
    return Exposure(others=draw(DRAWN, digits, np.random.default_rng([seed, number, 1])))


@dataclass
class _Told:
    """Tell how far the work is."""

    progress: Progress | None
    total: int
    done: int = 0

    def add(self, count: int) -> None:
        self.done = min(self.total, self.done + count)
        if self.progress is not None:
            self.progress("looking at scenes", self.done, self.total)
