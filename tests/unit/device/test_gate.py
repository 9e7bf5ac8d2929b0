from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from drawing import seven, zero
from numpy.typing import NDArray

from edge_hdr_device.tracking.gate import COARSE_PX, Gate, coarse_view

Image = NDArray[np.uint8]


def scene(width: int = 640, height: int = 480) -> NDArray[np.float64]:
    """A page with digits under a lamp, float64 so that noise and light can be put on it."""
    image = np.full((height, width), 200, np.uint8)
    seven(image, width // 4, height // 4, 60)
    zero(image, width // 2, height // 2, 60)
    return image * np.linspace(1, 0.8, width)


def shot(light: NDArray[np.float64], rng: np.random.Generator, noise: float = 6.0) -> Image:
    """Take a picture with a sensor's noise."""
    return np.clip(light + rng.normal(0, noise, light.shape), 0, 255).astype(np.uint8)


def coloured(grey: Image) -> Image:
    return np.repeat(grey[:, :, None], 3, axis=2)


class Clock:
    """Ask a gate about frames 0.1 s apart, all of them settled."""

    def __init__(self, **settings: Any) -> None:
        self.gate = Gate(**settings)
        self.now_s = 1000.0

    def __call__(self, image: Image, *, settled: bool = True, after_s: float = 0.1) -> bool:
        self.now_s += after_s
        return self.gate.decide(image, settled=settled, monotonic_s=self.now_s)


@pytest.mark.parametrize("shape", [(640, 480), (320, 240), (1296, 972), (333, 101)])
def test_a_frame_that_does_not_change_is_read_once(shape: tuple[int, int]) -> None:
    rng, light, must_read = np.random.default_rng(0), scene(*shape), Clock()
    assert must_read(shot(light, rng))
    assert not any(must_read(shot(light, rng)) for _ in range(60))


def test_until_something_is_settled_every_frame_is_read() -> None:
    image, must_read = scene().astype(np.uint8), Clock()
    assert all(must_read(image, settled=False) for _ in range(5))
    assert not must_read(image)


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("convert", [np.asarray, coloured])
def test_one_thin_stroke_more_is_seen(offset: int, across: bool, convert: Any) -> None:
    """Wherever it lies between the patches that are compared: 3 px wide, 60 levels darker."""
    rng, light, must_read = np.random.default_rng(offset), scene(), Clock()
    must_read(convert(shot(light, rng)))
    start, end = (400 + offset, 300 + offset), (400 + offset, 330 + offset)
    if across:
        start, end = start[::-1], end[::-1]
    mask = cv2.line(np.zeros(light.shape, np.uint8), start, end, 1, 3)
    assert must_read(convert(shot(light - 60.0 * mask, rng)))


def test_a_changed_digit_is_seen() -> None:
    must_read, before, after = Clock(), np.full((480, 640), 200, np.uint8), None
    seven(before, 100, 100, 30)
    after = np.full((480, 640), 200, np.uint8)
    zero(after, 100, 100, 30)
    assert must_read(before)
    assert must_read(after)
    assert must_read(before)


def test_a_slow_change_counts_in_the_end() -> None:
    light, must_read, rng = scene(), Clock(refresh_s=0), np.random.default_rng(0)
    must_read(shot(light, rng, 2))
    mask = cv2.circle(np.zeros(light.shape), (300, 100), 40, 1.0, -1)
    read = [step for step in range(100) if must_read(shot(light - 0.3 * step * mask, rng, 2))]
    assert 2 <= len(read) <= 8


@pytest.mark.parametrize("gain", [0.75, 0.9, 1.1, 1.2])
def test_automatic_exposure_alone_is_no_change(gain: float) -> None:
    rng, light, must_read = np.random.default_rng(0), scene(), Clock()
    must_read(shot(light, rng, 2))
    frames = [shot(light * factor, rng, 2) for factor in np.linspace(1, gain, 30)]
    assert sum(must_read(frame) for frame in frames) == 0
    assert not any(must_read(shot(light * gain, rng, 2)) for _ in range(20))


def test_an_exposure_that_clips_settles() -> None:
    rng, light, must_read = np.random.default_rng(0), scene(), Clock()
    must_read(shot(light, rng, 2))
    for _ in range(3):
        must_read(shot(light * 1.5, rng, 2))
    assert not any(must_read(shot(light * 1.5, rng, 2)) for _ in range(20))


def test_a_light_that_goes_out_is_a_change() -> None:
    rng, light, must_read = np.random.default_rng(0), scene(), Clock()
    must_read(shot(light, rng))
    assert must_read(shot(0.1 * light, rng))
    assert must_read(shot(light, rng))


def test_a_stroke_is_seen_along_with_a_change_of_exposure() -> None:
    rng, light, must_read = np.random.default_rng(0), scene(), Clock()
    must_read(shot(light, rng))
    light[300:330, 400:403] -= 60
    assert must_read(shot(0.85 * light, rng))


def test_an_unchanged_frame_is_read_again_after_a_while() -> None:
    image, must_read = scene().astype(np.uint8), Clock(refresh_s=10)
    read = [step for step in range(1, 250) if must_read(image)]
    assert read == pytest.approx([1, 101, 201], abs=1)


def test_an_unchanged_frame_is_never_read_again_where_that_is_off() -> None:
    image, must_read = scene().astype(np.uint8), Clock(refresh_s=0)
    assert must_read(image)
    assert not must_read(image, after_s=1e6)


def test_another_size_is_a_change() -> None:
    must_read = Clock()
    assert must_read(scene(640, 480).astype(np.uint8))
    assert must_read(scene(320, 240).astype(np.uint8))


def test_the_first_frame_after_a_reset_is_read() -> None:
    image, must_read = scene().astype(np.uint8), Clock()
    must_read(image)
    must_read.gate.reset()
    assert must_read(image)


def test_the_level_decides_what_counts() -> None:
    light, fainter = scene(), scene()
    fainter[200:216, 200:216] -= 8
    for level, seen in ((6, True), (10, False)):
        must_read = Clock(level=level)
        must_read(light.astype(np.uint8))
        assert must_read(fainter.astype(np.uint8)) is seen


def moving(step: int) -> Image:
    return np.roll(scene(), 7 * step, axis=1).astype(np.uint8)


def test_a_picture_in_motion_is_put_off_until_it_is_still() -> None:
    must_read = Clock(still=True)
    assert must_read(moving(0), settled=False)
    assert not any(must_read(moving(step), settled=False) for step in range(1, 8))
    assert must_read(moving(7), settled=False)
    assert not must_read(moving(7))


def test_a_picture_that_never_holds_still_is_read_every_second() -> None:
    must_read = Clock(still=True)
    read = [step for step in range(60) if must_read(moving(step))]
    assert read[0] == 0
    assert np.diff(read) == pytest.approx(11, abs=1)


def test_motion_puts_nothing_off_where_that_is_not_asked_for() -> None:
    must_read = Clock()
    assert all(must_read(moving(step)) for step in range(20))


@pytest.mark.parametrize(
    ("shape", "coarse"),
    [
        ((480, 640), (60, 80)),
        ((480, 640, 3), (60, 80)),
        ((101, 333), (13, 42)),
        ((1080, 1920), (135, 240)),
        ((3000, 4000), (188, 250)),
        ((5, 1), (1, 1)),
    ],
)
def test_patches_are_averaged(shape: tuple[int, ...], coarse: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    view = coarse_view(image)
    assert view.shape == coarse
    assert max(view.shape) <= COARSE_PX
    green = image[:, :, 1] if image.ndim == 3 else image
    assert view.mean() == pytest.approx(green.mean(), abs=1.5 if min(shape[:2]) > 50 else 40)
    assert not np.shares_memory(view, image)


def test_a_part_of_a_frame_can_be_watched() -> None:
    image, must_read = scene().astype(np.uint8), Clock()
    assert must_read(image[100:200, 50:333])
    changed = image.copy()
    changed[300:, 500:] = 0
    assert not must_read(changed[100:200, 50:333])
