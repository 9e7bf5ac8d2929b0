from __future__ import annotations

import numpy as np
import pytest
from drawing import paper, zero
from numpy.typing import NDArray

from edge_hdr_device.grain import local_offset_and_noise

DEVIATION = 4


def halves() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give noisy paper of level 200 and, in its right half, 100; and its level without noise."""
    level = paper(level=200)
    level[:, 320:] = 100
    noise = np.random.default_rng(1).normal(0, DEVIATION, level.shape)
    return np.clip(np.rint(level + noise), 0, 255).astype(np.uint8), level


def test_the_same_noise_is_a_larger_share_of_darker_paper() -> None:
    dark, level = halves()
    _, noise = local_offset_and_noise(dark, level, DEVIATION / 100)
    middle = noise.shape[1] // 2
    assert noise[:, : middle - 2].mean() == pytest.approx(DEVIATION / 200, rel=0.2)
    assert noise[:, middle + 2 :].mean() == pytest.approx(DEVIATION / 100, rel=0.2)


def test_writing_is_no_noise() -> None:
    dark, level = halves()
    for column in range(6):
        for row in range(5):
            zero(dark, 20 + 48 * column, 20 + 90 * row, 70, pen=7, ink=120)
    _, noise = local_offset_and_noise(dark, level, DEVIATION / 100)
    middle = noise.shape[1] // 2
    assert noise[:, : middle - 2].mean() < 1.5 * DEVIATION / 200


def test_paper_darker_than_its_level_shows_and_ink_that_fills_a_place_does_not() -> None:
    dark, level = halves()
    dark[:200, :200] = dark[:200, :200] - 10
    dark[300:, :200] = 60
    offset, _ = local_offset_and_noise(dark, level, 0.03)
    rows, columns = offset.shape
    assert offset[: rows // 4, : columns // 4].mean() == pytest.approx(10 / 200, abs=0.01)
    assert np.abs(offset[3 * rows // 4 :, : columns // 4]).max() == 0
    assert np.abs(offset[: rows // 4, columns // 2 + 1 :]).mean() < 0.02
