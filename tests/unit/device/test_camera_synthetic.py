from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device.camera.synthetic import CELL_PX, SHEETS, Synthetic, sheets
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.pipeline import Reader

MODEL = Path(__file__).parents[3] / "models" / "ds-cnn-small-int8" / "model.tflite"
ONE_FRAME_A_PAGE = 1 / 3  # frames a second


def frames(seed: int, count: int, **look: float) -> list[np.ndarray]:
    with Synthetic(seed, fast=True, **look) as camera:  # type: ignore[arg-type]
        return [camera.read().image for _ in range(count)]


def test_the_same_seed_gives_the_same_frames() -> None:
    one, other = frames(3, 100), frames(3, 100)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0], frames(4, 1)[0])


def test_opened_again_it_begins_again() -> None:
    camera = Synthetic(1, fast=True)
    with camera:
        first = camera.read().image
        camera.read()
    with camera:
        assert np.array_equal(camera.read().image, first)


def test_frames_have_the_size_asked_for_and_are_not_written_again() -> None:
    first, second = frames(0, 2, width=320, height=200)
    assert first.shape == (200, 320, 3)
    assert first.dtype == np.uint8
    assert not np.shares_memory(first, second)


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (48, 640), (1000, 30)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    assert frames(0, 1, width=size[0], height=size[1])[0].shape == (size[1], size[0], 3)


def test_a_page_lies_for_three_seconds_whatever_the_frame_rate() -> None:
    with Synthetic(0, fps=10, fast=True) as camera:
        truths = [camera.read().truth for _ in range(90)]
    assert len(set(truths)) == 3
    assert len(set(truths[:30])) == len(set(truths[30:60])) == 1


def test_the_picture_shakes_when_a_page_is_laid_down_and_then_holds_still() -> None:
    seen = frames(5, 90)

    def change(index: int) -> float:
        return float(np.abs(seen[index].astype(int) - seen[index + 1]).max())

    assert max(change(index) for index in range(6)) > 60  # edges of ink move
    assert max(change(index) for index in range(70, 88)) < 25  # noise alone


def test_light_is_uneven_and_the_sensor_noisy() -> None:
    with Synthetic(2, fast=True) as camera:
        image = camera.read().image.astype(float).mean(axis=2)
    corners = [float(np.median(image[y : y + 40, x : x + 40])) for y in (0, 440) for x in (0, 600)]
    assert max(corners) - min(corners) > 10
    assert 0.5 < float(np.std(image[:20, :20] - image[1:21, :20])) < 6


def test_it_is_live_unless_told_to_hurry() -> None:
    assert Synthetic().live
    assert not Synthetic(fast=True).live


def test_what_it_writes_can_be_read() -> None:
    """At least 98 % of the lines of over 200 numbers."""
    reader = Reader(Classifier(MODEL))
    right = total = 0
    with Synthetic(1, fps=ONE_FRAME_A_PAGE, fast=True) as camera:
        for picture in islice(iter(camera.read, None), 130):
            assert picture.truth is not None
            read = reader.read(picture.image).lines
            total += len(picture.truth)
            if len(read) == len(picture.truth):
                right += sum(a == b for a, b in zip(read, picture.truth, strict=True))
    assert total > 200
    assert right / total >= 0.98


def test_the_sheets_are_small_and_hold_ten_digits_in_many_hands() -> None:
    assert SHEETS.stat().st_size <= 150_000
    cells = sheets()
    assert cells.shape == (10, 24, CELL_PX, CELL_PX)
    assert (cells.max(axis=(2, 3)) == 255).sum() >= 200  # full ink in nearly every digit
    rim = np.concatenate([cells[..., 0], cells[..., -1], cells[..., 0, :], cells[..., -1, :]])
    assert (rim == 0).all()
