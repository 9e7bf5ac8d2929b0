from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawing import one, paper, seven, zero

from edge_hdr_device import context as module
from edge_hdr_device.context import (
    MAX_BATCH,
    SIDE_PX,
    ZOOM,
    Context,
    likely,
    path,
    released_context,
    surrounded,
    surroundings,
)
from edge_hdr_device.errors import ModelError
from edge_hdr_device.locate import View, look
from edge_hdr_device.region import Region

TINY = Path(__file__).parents[2] / "data" / "tiny-int8.tflite"


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 4)


def view(grey: np.ndarray, *rows: tuple[int, int, int, int]) -> View:
    ink = np.full((8, 8), 255, np.uint8)
    return View([Region(row, 0, ink) for row in rows], grey, boxes(*rows))


def speckled(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width)).astype(np.uint8)


def test_a_region_lies_in_the_middle_of_what_is_seen() -> None:
    grey = np.full((200, 200), 220, np.uint8)
    grey[90:130, 40:60] = 30  # box: 20 wide, 40 high
    (seen,) = surroundings(grey, boxes((40, 90, 20, 40)))
    mask = seen[..., 1] / 127
    height = SIDE_PX / ZOOM  # of the box in the window: 32 / 2.25 = 14.2 px
    assert mask.sum() == pytest.approx(height * height / 2, rel=0.02)
    dark = seen[..., 0] < 0
    assert (dark == (mask > 0.5)).mean() > 0.97


@pytest.mark.parametrize("side", [8, 20, 60, 150])
def test_what_is_seen_is_the_same_at_any_size(side: int) -> None:
    import cv2

    small = np.full((60, 60), 200, np.uint8)
    small[20:40, 20:40] = 90
    small[45:50] = 50
    grey = cv2.resize(small, (3 * side, 3 * side), interpolation=cv2.INTER_AREA)
    (seen,) = surroundings(grey, boxes((side, side, side, side)))
    (wanted,) = surroundings(small, boxes((20, 20, 20, 20)))
    away = np.abs(seen.astype(int) - wanted)
    assert away.mean() < 4
    assert (seen[..., 1] == wanted[..., 1]).all()


def test_neither_light_nor_contrast_are_seen() -> None:
    grey = np.full((100, 100), 200, np.uint8)
    grey[40:60, 45:55] = 100
    bright = surroundings(grey, boxes((45, 40, 10, 20)))
    dim = surroundings(grey // 2 + 20, boxes((45, 40, 10, 20)))
    assert np.abs(bright.astype(int) - dim).max() <= 0.05 * 127


def test_beyond_the_picture_its_border_goes_on() -> None:
    grey = np.full((100, 100), 200, np.uint8)
    grey[:20, :20] = 0
    (seen,) = surroundings(grey, boxes((0, 0, 20, 20)))
    assert seen[0, 0, 0] == seen[8, 8, 0] < 0 < seen[31, 31, 0]


def test_no_regions_need_no_look() -> None:
    nothing = View([], np.zeros((100, 100), np.uint8), boxes())
    assert surroundings(nothing.grey, nothing.boxes).shape == (0, SIDE_PX, SIDE_PX, 2)
    assert likely(nothing) == []


def test_what_fills_the_picture_has_no_surroundings() -> None:
    page = speckled(300, 400)
    found = view(page, (10, 10, 40, 60), (100, 20, 90, 151), (200, 10, 100, 150))
    assert surrounded(found).tolist() == [True, False, True]  # at most half of 300 px
    assert surrounded(view(speckled(96, 90), (30, 30, 10, 20))).tolist() == [False]


def test_drawn_digits_are_kept_in_order() -> None:
    image = paper()
    zero(image, 100, 100, 80)
    one(image, 300, 100, 80)
    seven(image, 110, 300, 80)
    found = look(image, wide=True)
    assert len(found.regions) == 3
    assert likely(found) == found.regions


def test_a_score_does_not_hang_on_its_batch() -> None:
    net = Context(path().read_bytes())
    grey = speckled(400, 600)
    rng = np.random.default_rng(5)
    places = np.hstack((rng.uniform(0, 350, (MAX_BATCH + 9, 2)), np.full((MAX_BATCH + 9, 2), 30)))
    seen = surroundings(grey, places)
    together = net.scores(seen)
    assert len(together) == MAX_BATCH + 9
    assert len(np.unique(together)) > 3
    for row in (0, 7, MAX_BATCH - 1, MAX_BATCH + 8):
        assert net.scores(seen[row : row + 1]) == together[row]


def test_a_region_below_0_is_left_out() -> None:
    net = Context(path().read_bytes())
    grey = speckled(600, 600)
    rng = np.random.default_rng(6)
    found = view(grey, *((int(x), int(y), 30, 40) for x, y in rng.integers(0, 550, (40, 2))))
    scores = net.scores(surroundings(grey, found.boxes))
    assert (scores < 0).any()  # noise is no digit
    wanted = [one for one, score in zip(found.regions, scores, strict=True) if score >= 0]
    assert likely(found, net) == wanted
    assert likely(found) == wanted


@pytest.fixture
def forgotten() -> Iterator[None]:
    released_context.cache_clear()
    yield
    released_context.cache_clear()


@pytest.mark.parametrize("content", [None, b"no net", TINY.read_bytes()])
def test_without_its_file_everything_is_kept_and_one_line_logged(
    content: bytes | None,
    tmp_path: Path,
    forgotten: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "context.tflite"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(module, "path", lambda: file)
    found = view(speckled(600, 600), (100, 100, 30, 40))
    with caplog.at_level(logging.WARNING):
        assert [likely(found), likely(found)] == [found.regions, found.regions]
    assert len(caplog.records) == 1
    assert "surroundings" in caplog.text


def test_another_net_is_refused() -> None:
    with pytest.raises(ModelError, match="the context net maps") as caught:
        Context(TINY.read_bytes())
    assert "make_context" in caught.value.hint
