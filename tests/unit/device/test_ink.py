from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import INK, PAPER, five, lit, one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.ink import depth_of, faint_mask, find_ink, sharpen, shrink, to_grey


def mask_of(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    ink = find_ink(page, light=False)
    return sharpen(faint_mask(ink), ink)


def test_dark_ink_and_its_negative_have_opposite_polarity() -> None:
    page = lit(paper(), noise=3)
    zero(page, 100, 100, 80)
    seven(page, 300, 200, 80)
    assert not find_ink(page).light
    assert find_ink(255 - page).light


def test_thin_pen_on_a_large_shaded_page_keeps_its_polarity() -> None:
    page = paper(1600, 1200)
    for column in range(4):
        one(page, 300 + 200 * column, 500, 120, pen=2)
    page = lit(page, low=0.3, noise=4)
    assert not find_ink(page).light
    assert find_ink(255 - page).light


def test_a_close_call_of_polarity_is_settled_by_every_pixel() -> None:
    page = paper()
    page[100:400, 301] = INK  # a look at every other column misses it
    assert not find_ink(page).light
    assert find_ink(255 - page).light


@pytest.mark.parametrize("level", [0, 40])
def test_border_decides_for_a_digit_that_fills_its_picture(level: int) -> None:
    tight = paper(16, 22, 255)
    cv2.ellipse(tight, (8, 11), (6, 9), 0, 0, 360, level, 2)
    assert not find_ink(tight, tight=True).light
    assert find_ink(255 - tight, tight=True).light


@pytest.mark.parametrize("table", [25, 60])
def test_a_sheet_on_a_dark_table_keeps_its_polarity(table: int) -> None:
    page = np.full((480, 640), table, np.uint8)
    sheet = np.array([[180, 60], [520, 110], [470, 420], [150, 380]])
    cv2.fillPoly(page, [sheet], 210)
    seven(page, 280, 220, 40, pen=3, ink=90)
    ink = find_ink(cv2.GaussianBlur(lit(page, low=0.8, noise=2), (0, 0), 1.5))
    assert not ink.light


def test_depth_is_the_share_of_light_that_ink_takes() -> None:
    dark = np.array([[200, 100, 50, 0]], np.uint8)
    level = np.full((1, 4), 200, np.uint8)
    expected = [255 - 255, 255 - 128, 255 - 64, 255 - 0]  # 255 · dark / 200, rounded
    assert depth_of(dark, level)[0] == pytest.approx(expected, abs=1)


def test_light_that_falls_off_is_flattened() -> None:
    page = paper()
    for column in range(6):
        zero(page, 40 + 100 * column, 200, 60)
    ink = find_ink(lit(page, low=0.3), light=False)
    full = 255 * (1 - INK / PAPER)
    left, right = ink.depth[200:260, 40:80].max(), ink.depth[200:260, 540:580].max()
    assert left == pytest.approx(full, abs=20)
    assert right == pytest.approx(full, abs=20)
    assert np.median(ink.depth) <= 2


def test_noise_is_measured_not_the_ink() -> None:
    page = lit(paper(), low=0.99, noise=6)
    blank = find_ink(page, light=False).noise
    for column in range(10):
        for row in range(7):
            zero(page, 10 + 62 * column, 10 + 66 * row, 58, pen=9)
    # A 3×3 binomial filter leaves 3/8 of white noise's deviation: 255 · 6 · 0.375 / 220 = 2.6.
    assert 1.0 <= blank / (255 * 6 * 0.375 / PAPER) <= 2.5
    assert find_ink(page, light=False).noise < 3 * blank


def test_faint_and_dark_strokes_both_keep_their_width() -> None:
    page = paper()
    cv2.line(page, (100, 100), (100, 300), 40, 9)
    cv2.line(page, (400, 100), (400, 300), 170, 9)
    mask = mask_of(page)
    assert int(mask[200, 80:120].sum()) == pytest.approx(9, abs=2)
    assert int(mask[200, 380:420].sum()) == pytest.approx(9, abs=2)


def test_faint_line_comes_off_the_digit_that_it_touches() -> None:
    page = paper()
    cv2.line(page, (0, 250), (639, 250), 170, 2)
    five(page, 300, 200, 90, pen=7)
    mask = mask_of(page)
    assert mask[250, :250].sum() == 0
    assert mask[200:290, 300:360].sum() > 500


def test_blank_paper_has_no_ink() -> None:
    assert mask_of(paper()).sum() == 0


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 3), (6, 8, 4)])
def test_any_number_of_channels_becomes_grey(shape: tuple[int, ...]) -> None:
    grey = to_grey(np.full(shape, 77, np.uint8))
    assert grey.shape == (6, 8)
    assert (grey == 77).all()


def test_shrink_keeps_the_aspect_and_never_enlarges() -> None:
    assert shrink(paper(4000, 3000), 1600).shape == (1200, 1600)
    assert shrink(paper(300, 200), 1600).shape == (200, 300)
    assert shrink(paper(4000, 1), 160).shape == (1, 160)


def test_strokes_stand_out_of_strong_noise() -> None:
    page = paper(level=70)
    seven(page, 280, 200, 60, pen=5, ink=30)
    noisy = lit(page, low=1.0, noise=18)
    ink = find_ink(noisy, light=False)
    # A 7 × 7 binomial filter leaves a fifth of white noise's deviation: 255 · 18 · 0.2 / 70 = 13;
    # non-local means leave far less of it and most of the stroke, 255 · 40 / 70 = 146 deep.
    assert ink.noise < 13
    assert np.percentile(ink.depth[200:260, 280:316], 93) > 0.6 * 255 * 40 / 70


@pytest.mark.parametrize("dark_share", [0.38, 0.6])
def test_uneven_light_hides_no_faint_stroke(dark_share: float) -> None:
    page = paper(level=200)
    edge = round(640 * dark_share)
    for column in range(4):
        zero(page, 40 + 48 * column, 200, 60, ink=160)
        zero(page, edge + 30 + 48 * column, 200, 60, ink=160)
    light = np.where(np.arange(640) < edge, 0.3, 1.0)
    light = cv2.GaussianBlur(light[None, :], (0, 0), 6)
    grain = np.random.default_rng(2).normal(0, 3, page.shape)
    mask = mask_of(np.clip(page * light + grain, 0, 255).astype(np.uint8))
    for column in range(4):
        for x in (40 + 48 * column, edge + 30 + 48 * column):
            assert mask[200:260, x : x + 36].any(axis=1).mean() > 0.9
