"""A writer's hand: what it changes about every digit, and the pen paths that follow."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.allographs import Allograph

Floats = NDArray[np.float64]

WAVES = 3  # sine waves that bend a digit as a whole
TREMOR_WAVES = 6  # cosines along a stroke that make up the pen's trembling
LONG_STROKE = 50  # samples; on a shorter stroke the same waves are steeper, so they are lower


@dataclass(frozen=True)
class Hands:
    """The habits of B writers; every attribute is float64 (B,).

    Attributes:
        slant: shear to the right, in widths per height.
        stretch: logarithm of the factor on the width.
        turn: rotation, in radians.
        bend: amplitude of the waves that deform the digit as a whole, in heights of a digit.
        jitter: standard deviation of a control point, in heights of a digit.
        overshoot: how far stroke ends run on or stop short, as a share of the last piece.
        quickness: 0 for a slow pen that takes every corner, 1 for one that cuts them.
        tremor: amplitude of the trembling, in heights of a digit.
        width: width of the line, in heights of a digit.
        pressure: how much the width changes along a stroke, as a share of it.
        nib: how much the width depends on the direction, as a share of it.
        taper: how thin the ends of strokes get, 0 for blunt, 1 for a point.
    """

    slant: Floats
    stretch: Floats
    turn: Floats
    bend: Floats
    jitter: Floats
    overshoot: Floats
    quickness: Floats
    tremor: Floats
    width: Floats
    pressure: Floats
    nib: Floats
    taper: Floats

    def __len__(self) -> int:
        return len(self.slant)

    def take(self, index: NDArray[np.int64]) -> Hands:
        """Give the hands at the index int64 (M,), which may repeat."""
        return Hands(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def draw_hands(rng: np.random.Generator, count: int) -> Hands:
    """Draw writers at random; the spreads resemble those of people who fill in forms."""
    normal, uniform = rng.standard_normal, rng.uniform
    return Hands(
        slant=0.13 + 0.24 * normal(count),
        stretch=0.11 + 0.21 * normal(count),
        turn=0.06 * normal(count),
        bend=0.034 * np.exp(0.5 * normal(count)),
        jitter=0.030 * np.exp(0.5 * normal(count)),
        overshoot=np.abs(0.14 * normal(count)),
        quickness=uniform(0.0, 1.0, count),
        tremor=0.004 * np.exp(0.6 * normal(count)),
        width=np.clip(0.145 * np.exp(0.34 * normal(count)), 0.06, 0.36),
        pressure=np.abs(0.16 * normal(count)),
        nib=np.abs(0.12 * normal(count)),
        taper=np.clip(0.35 * normal(count), 0.0, 0.8),
    )


def trace(
    allograph: Allograph, hands: Hands, rng: np.random.Generator
) -> list[tuple[Floats, Floats]]:
    """Write one allograph once with each hand.

    Args:
        allograph: the way of writing.
        hands: B writers.
        rng: source of everything that differs from one digit to the next.

    Returns:
        For each stroke its samples float64 (B, S, 2), in heights of a digit, x to the right and
        y down around 0, and the width of the line at each, float64 (B, S).
    """
    points = _mix_poses(allograph.poses, len(hands), rng)
    points += hands.jitter[:, None, None] * rng.standard_normal(points.shape)
    field = _draw_waves(hands, rng)
    drawn = []
    blend = hands.quickness[:, None, None]
    for part, sharp, quick in zip(allograph.strokes, allograph.sharp, allograph.quick, strict=True):
        control = _overshoot(points[:, part], hands, rng)
        control += 0.6 * hands.jitter[:, None, None] * rng.standard_normal((len(hands), 1, 2))
        path = (1.0 - blend) * (sharp @ control) + blend * (quick @ control)
        path = path + _tremble(path.shape[1], hands, rng)
        path = _lean(_wave(path, field), hands)
        drawn.append((path, allograph.fineness * _press(path, hands, rng)))
    return drawn


def _mix_poses(poses: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Mix an allograph's poses at random and a little beyond: (K, P, 2) to (count, P, 2)."""
    share = rng.standard_gamma(0.8, (count, len(poses))) + 1e-9
    share /= share.sum(axis=1, keepdims=True)
    share = 1.3 * share - 0.3 / len(poses)
    mixed: Floats = np.einsum("bk,kpc->bpc", share, poses)
    return mixed


def _overshoot(points: Floats, hands: Hands, rng: np.random.Generator) -> Floats:
    """Move both ends of a stroke along its direction; (B, P, 2) to the same."""
    moved = points.copy()
    share = hands.overshoot[:, None] * rng.standard_normal((len(hands), 2))
    moved[:, 0] += share[:, :1] * (points[:, 0] - points[:, 1])
    moved[:, -1] += share[:, 1:] * (points[:, -1] - points[:, -2])
    return moved


def _draw_waves(hands: Hands, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Draw directions (B, W, 2), phases (B, W) and displacements (B, W, 2) of plane waves."""
    size = (len(hands), WAVES)
    direction = 3.5 * rng.standard_normal((*size, 2))
    phase = rng.uniform(0.0, 2.0 * np.pi, size)
    push = hands.bend[:, None, None] * rng.standard_normal((*size, 2))
    return direction, phase, push


def _wave(path: Floats, field: tuple[Floats, Floats, Floats]) -> Floats:
    """Displace every sample by the waves at its place, so that joints stay joined."""
    direction, phase, push = field
    angle = np.einsum("bsc,bwc->bsw", path, direction) + phase[:, None, :]
    moved: Floats = path + np.einsum("bsw,bwc->bsc", np.sin(angle), push)
    return moved


def _tremble(samples: int, hands: Hands, rng: np.random.Generator) -> Floats:
    """Give the trembling of the pen along a stroke, (B, samples, 2)."""
    order = np.arange(2, 2 + TREMOR_WAVES)
    waves = np.cos(np.pi * order * np.linspace(0.0, 1.0, samples)[:, None])
    size = hands.tremor[:, None, None] * min(1.0, samples / LONG_STROKE)
    amount = size * rng.standard_normal((len(hands), TREMOR_WAVES, 2))
    trembling: Floats = waves @ amount
    return trembling


def _lean(path: Floats, hands: Hands) -> Floats:
    """Stretch, slant and turn paths (B, S, 2)."""
    cos, sin = np.cos(hands.turn)[:, None], np.sin(hands.turn)[:, None]
    x = path[..., 0] * np.exp(hands.stretch)[:, None] - path[..., 1] * hands.slant[:, None]
    y = path[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def _press(path: Floats, hands: Hands, rng: np.random.Generator) -> Floats:
    """Give the width of the line along paths (B, S, 2): pressure, nib and tapered ends."""
    count, samples = path.shape[:2]
    along = np.linspace(0.0, 1.0, samples)
    order = np.arange(1, 4)
    swing = rng.standard_normal((count, 3)) @ np.cos(np.pi * order[:, None] * along)
    step = np.diff(path, axis=1, append=path[:, -1:] * 2 - path[:, -2:-1])
    angle = np.arctan2(step[..., 1], step[..., 0])
    held = 0.8 + 0.5 * rng.standard_normal((count, 1))
    nib = np.cos(2.0 * (angle - held))
    reach = np.minimum(along, 1.0 - along) * samples
    ends = np.exp(-reach / 4.0) * rng.uniform(0.0, 1.0, (count, 1))
    factor = 1.0 + hands.pressure[:, None] * swing * 0.6 + hands.nib[:, None] * nib
    factor = np.clip(factor, 0.45, 1.7) * (1.0 - hands.taper[:, None] * ends)
    widths: Floats = hands.width[:, None] * factor
    return widths
