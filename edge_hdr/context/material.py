"""What the context net learns from: regions with their surroundings, and whether to keep them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.context import LEVELS, SIDE_PX


@dataclass(frozen=True)
class Material:
    """Located regions of generated scenes.

    Attributes:
        seen: int8 (N, 32, 32, 2), see `edge_hdr_device.context.surroundings`.
        digit: bool (N,), it shows a digit, or several together.
        accepted: bool (N,), it may be one digit, and the released classifier accepts it.
        severity: int64 (N,), of its scene, an index into `gather.SEVERITIES`.
    """

    seen: NDArray[np.int8]
    digit: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    severity: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.digit)

    def real(self) -> NDArray[np.float32]:
        """Give what is seen as a float net takes it, float32 (N, 32, 32, 2) in [−1, 1]."""
        return self.seen.astype(np.float32) / np.float32(LEVELS)


def nothing() -> Material:
    """Give material of no regions."""
    return Material(
        np.zeros((0, SIDE_PX, SIDE_PX, 2), np.int8),
        np.zeros(0, np.bool_),
        np.zeros(0, np.bool_),
        np.zeros(0, np.int64),
    )


def together(parts: list[Material]) -> Material:
    """Put material together, in its order."""
    parts = [nothing(), *parts]
    names = [field.name for field in fields(Material)]
    return Material(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )
