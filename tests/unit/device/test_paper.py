from __future__ import annotations

import numpy as np
import pytest

from edge_hdr_device.paper import (
    DARKEST_PAPER,
    depth_counts,
    median,
    median_of_bytes,
    offset_and_noise,
)


@pytest.mark.parametrize("size", [1, 2, 5, 768, 769])
def test_medians_are_numpys(size: int) -> None:
    rng = np.random.default_rng(size)
    values = rng.normal(size=size).astype(np.float32)
    picture = rng.integers(0, 256, (size, 3), np.uint8)
    assert median(values) == pytest.approx(float(np.median(values)), rel=1e-6)
    assert median_of_bytes(picture) == np.median(picture)


def test_depths_are_counted_exactly_whatever_the_levels() -> None:
    dark, level = np.meshgrid(np.arange(256), np.arange(DARKEST_PAPER, 256))
    # ⌊256 · (1 − dark / level) + 128⌋ in whole numbers.
    bins = 384 + (-256 * dark) // level
    counted = (bins >= 0) & (bins < 256)
    expected = np.bincount(bins[counted], minlength=256)
    counts = depth_counts(dark.astype(np.uint8), level.astype(np.uint8))
    assert counts.tolist() == expected.tolist()


def test_offset_and_noise_are_those_of_the_paper_not_of_the_ink() -> None:
    grain = np.random.default_rng(0).normal(0, 4, (300, 400))
    level = np.full((300, 400), 200, np.uint8)
    dark = np.clip(200 * 0.95 + grain, 0, 255).astype(np.uint8)
    dark[:, :100] = 60
    offset, noise = offset_and_noise(dark, level)
    assert offset == pytest.approx(0.05, abs=0.01)
    assert noise == pytest.approx(4 / 200, rel=0.5)
