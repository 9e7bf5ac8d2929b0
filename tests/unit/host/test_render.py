"""Glyphs to ink, lines to sheets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge_hdr.data.render import Ink, draw_ink, margin_px, rasterize
from edge_hdr.data.sheet import write_sheet
from edge_hdr.data.strokes import Glyph, Stroke, sample_glyph
from edge_hdr.errors import UsageError


def bar(width: float = 0.1) -> Glyph:
    points = np.stack([np.zeros(11), np.linspace(-0.5, 0.5, 11)], axis=1)
    return Glyph(1, "bar", (Stroke(points, np.full(11, width)),))


@pytest.mark.parametrize("height_px", [40, 100])
def test_a_bar_has_the_area_of_its_length_times_its_width(height_px: int) -> None:
    ink = rasterize(bar(0.1), height_px=height_px, oversample=4)
    length, width, caps = 1.0, 0.1, np.pi * 0.05**2
    expected = (length * width + caps) * height_px**2
    assert ink.sum() / 255 == pytest.approx(expected, rel=0.15)


def test_size_and_margin_follow_from_the_bounds() -> None:
    ink = rasterize(bar(0.1), height_px=100)
    margin = 2
    assert ink.shape == (110 + 2 * margin, 10 + 2 * margin)
    assert not ink[[0, -1]].any()
    assert not ink[:, [0, -1]].any()
    assert ink.dtype == np.uint8
    assert ink.max() == 255


def test_edges_are_soft_with_oversampling_and_hard_without() -> None:
    glyph = sample_glyph(3, np.random.default_rng(0))
    soft = rasterize(glyph, height_px=60, oversample=3)
    hard = rasterize(glyph, height_px=60, oversample=1)
    assert len(np.unique(soft)) > 5
    assert np.unique(hard).tolist() == [0, 255]


def test_width_may_change_along_a_stroke() -> None:
    glyph = bar()
    wedge = Glyph(1, "wedge", (Stroke(glyph.strokes[0].points, np.linspace(0.05, 0.3, 11)),))
    ink = rasterize(wedge, height_px=100)
    rows = (ink > 127).sum(axis=1)
    assert rows[80] > 2 * rows[30] > 0


def test_ink_textures_are_seeded_and_stay_inside_the_field() -> None:
    glyph = sample_glyph(8, np.random.default_rng(1))
    ink = Ink(bleed=0.03, rough=0.8, grain=0.8)
    a, b, c = (
        rasterize(glyph, height_px=80, ink=ink, rng=np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert margin_px(ink, 80) == 2 + round(3 * 0.03 * 80)
    assert not a[0].any()


def test_a_glyph_larger_than_the_noise_tile() -> None:
    ink = rasterize(bar(), height_px=700, ink=Ink(rough=0.5), rng=np.random.default_rng(0))
    assert ink.shape[0] >= 770
    assert ink.max() > 200


def test_drawn_inks_are_in_range() -> None:
    rng = np.random.default_rng(0)
    for ink in (draw_ink(rng) for _ in range(50)):
        assert 0 <= ink.bleed < 0.05
        assert 0 <= ink.rough <= 1
        assert 0 <= ink.grain <= 1


def test_a_sheet_has_a_box_for_each_digit_in_reading_order() -> None:
    sheet = write_sheet(["31 4", "159"], seed=3, width_px=640)
    assert [box[0] for box in sheet.boxes] == list("314159")
    assert sheet.lines == ["31 4", "159"]
    assert sheet.image.shape[1:] == (640, 3)
    assert sheet.image.dtype == np.uint8
    first, second = sheet.boxes[:3], sheet.boxes[3:]
    for line in (first, second):
        assert all(a[1] + a[3] <= b[1] for a, b in pairwise(line))
    assert max(y + h for _, _, y, _, h in first) < min(y for _, _, y, _, _ in second)


def test_boxes_hold_the_dark_pixels_and_nothing_else_does() -> None:
    sheet = write_sheet(["2718"], seed=4, width_px=500, shade=0.0, noise=0.0, pen=(0, 0, 0))
    dark = sheet.image[..., 1] < 100
    covered = np.zeros_like(dark)
    for _, x, y, width, height in sheet.boxes:
        assert dark[y : y + height, x : x + width].sum() > 30
        covered[y : y + height, x : x + width] = True
    assert not (dark & ~covered).any()


def test_sheets_are_seeded() -> None:
    a, b, c = (write_sheet(["42"], seed=seed, width_px=200) for seed in (1, 1, 2))
    assert np.array_equal(a.image, b.image)
    assert a.boxes == b.boxes
    assert not np.array_equal(a.image, c.image)


def test_light_falls_off_by_the_shade() -> None:
    sheet = write_sheet([""], seed=1, width_px=200, paper=(200, 200, 200), shade=0.5, noise=0.0)
    assert sheet.image.max() == 200
    assert sheet.image.min() == pytest.approx(200 * (1 - 0.5), abs=1)
    assert sheet.boxes == []


def test_grey_sheets_have_three_equal_channels() -> None:
    image = write_sheet(["7"], seed=1, width_px=200, grey=True).image
    assert np.array_equal(image[..., 0], image[..., 1])
    assert np.array_equal(image[..., 0], image[..., 2])


def test_other_characters_are_refused() -> None:
    with pytest.raises(UsageError, match="'a'") as caught:
        write_sheet(["12a"], seed=0)
    assert "digits" in caught.value.hint


def test_lines_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="does not fit"):
        write_sheet(["1234567890"], seed=0, width_px=200, digit_px=100)
    with pytest.raises(UsageError, match="does not fit"):
        write_sheet(["8" * 60], seed=0, width_px=200)
