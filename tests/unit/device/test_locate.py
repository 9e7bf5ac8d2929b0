from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import five, lit, one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.errors import ImageError
from edge_hdr_device.locate import Region, isolate, locate
from edge_hdr_device.normalize import normalize


def page_of_three(height: int = 80, **look: int) -> NDArray[np.uint8]:
    page = paper()
    zero(page, 100, 200, height, **look)
    one(page, 300, 200, height, **look)
    seven(page, 450, 200, height, **look)
    return page


def boxes(regions: list[Region]) -> list[tuple[int, int, int, int]]:
    return [region.box for region in regions]


def test_digits_are_found_where_they_are_drawn() -> None:
    found = boxes(locate(page_of_three()))
    drawn = [(100, 200, 48, 80), (297, 200, 7, 80), (447, 200, 52, 80)]
    assert len(found) == 3
    for got, expected in zip(found, drawn, strict=True):
        assert got == pytest.approx(expected, abs=4)


@pytest.mark.parametrize("noise", [0.0, 6.0])
@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("colour", [False, True])
def test_polarity_light_noise_and_channels_do_not_matter(
    negative: bool, colour: bool, noise: float
) -> None:
    page = lit(page_of_three(), low=0.45, noise=noise)
    if negative:
        page = 255 - page
    if colour:
        page = np.repeat(page[:, :, None], 3, axis=2)
    assert [round(region.box[0], -1) for region in locate(page)] == [100, 300, 450]


@pytest.mark.parametrize("height", [12, 24, 60, 200, 440])
def test_digits_of_any_height_are_found(height: int) -> None:
    page = paper()
    pen = max(2, height // 12)
    zero(page, 60, 20, height, pen=pen)
    seven(page, 350, 20, height, pen=pen)
    found = boxes(locate(page))
    assert len(found) == 2
    assert [box[3] for box in found] == pytest.approx([height, height], abs=4)


def test_a_small_digit_of_a_large_photo_is_cropped_from_its_own_pixels() -> None:
    page = paper(4000, 3000)
    zero(page, 1000, 1400, 60, pen=6)
    (found,) = locate(lit(page, noise=3))
    assert found.box == pytest.approx((1000, 1400, 36, 60), abs=8)
    assert found.ink.shape[0] >= 60  # on the reduction it is 60 · 1600 / 4000 = 24 px high


def test_a_large_digit_of_a_large_photo_is_cropped_from_the_reduction() -> None:
    page = paper(4000, 3000)
    seven(page, 2000, 1400, 600, pen=40)
    (found,) = locate(lit(page, noise=3))
    assert found.box[1::2] == pytest.approx((1400, 600), abs=12)
    assert 240 <= found.ink.shape[0] < 260  # 600 · 1600 / 4000 px and a margin


@pytest.mark.parametrize("deviation", [3, 10, 25])
@pytest.mark.parametrize("grain_px", [0, 2, 6])
def test_blank_textured_paper_holds_no_digits(grain_px: int, deviation: int) -> None:
    texture = np.random.default_rng(1).normal(size=(480, 640)).astype(np.float32)
    if grain_px:
        texture = cv2.GaussianBlur(texture, (0, 0), grain_px)
    texture *= deviation / texture.std()
    blank = np.clip(180 + texture, 0, 255).astype(np.uint8)
    assert locate(lit(blank, low=0.6)) == []


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_holds_no_digits(level: int) -> None:
    assert locate(paper(level=level)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_pictures_of_few_pixels_hold_no_digits(size: tuple[int, int]) -> None:
    assert locate(np.full(size, 200, np.uint8)) == []


@pytest.mark.parametrize("slope", [0.0, 0.03])
@pytest.mark.parametrize("level", [60, 150])
def test_ruled_lines_are_no_digits_and_do_not_break_them(level: int, slope: float) -> None:
    page = paper()
    for top in range(30, 480, 45):
        cv2.line(page, (0, top), (639, round(top + 640 * slope)), level, 2, cv2.LINE_AA)
    zero(page, 100, 200, 80)
    one(page, 300, 200, 80)
    seven(page, 450, 200, 80)
    found = boxes(locate(lit(page, low=0.8, noise=2)))
    assert len(found) == 3
    assert [box[3] for box in found] == pytest.approx([80, 80, 80], abs=5)


def test_squared_paper_is_no_digit() -> None:
    page = paper()
    for line in range(20, 640, 50):
        cv2.line(page, (line, 0), (line, 479), 140, 1)
        cv2.line(page, (0, line), (639, line), 140, 1)
    zero(page, 125, 195, 80, pen=7)
    seven(page, 425, 195, 80, pen=7)
    found = boxes(locate(page))
    assert [box[3] for box in found] == pytest.approx([80, 80], abs=5)


def test_a_detached_top_stays_with_its_five() -> None:
    page = paper()
    zero(page, 100, 200, 80)
    five(page, 300, 200, 80)
    found = boxes(locate(page))
    assert len(found) == 2
    assert found[1][1] == pytest.approx(200, abs=4)
    assert found[1][3] == pytest.approx(80, abs=5)


def test_a_lone_five_of_two_pieces_is_one_digit() -> None:
    page = paper()
    five(page, 300, 200, 100)
    assert [box[3] for box in boxes(locate(page))] == [pytest.approx(100, abs=5)]


def test_digits_of_two_close_lines_are_not_joined() -> None:
    page = paper()
    for column in range(4):
        zero(page, 100 + 100 * column, 150, 60)
        seven(page, 100 + 100 * column, 218, 60)
    assert [region.line for region in locate(page)] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_sloping_lines_are_read_in_order() -> None:
    page = paper()
    for column in range(8):
        zero(page, 30 + 75 * column, 60 + 10 * column, 50)
        one(page, 45 + 75 * column, 140 + 10 * column, 50)
    regions = locate(page)
    assert [region.line for region in regions] == [0] * 8 + [1] * 8
    assert [box[0] for box in boxes(regions[:8])] == sorted(box[0] for box in boxes(regions[:8]))
    assert all(box[2] < 15 for box in boxes(regions[8:]))


def test_specks_dashes_and_small_marks_are_dropped() -> None:
    page = page_of_three()
    cv2.circle(page, (220, 280), 3, 40, -1)
    cv2.line(page, (200, 240), (240, 240), 40, 5)
    assert len(locate(page)) == 3


def test_a_table_edge_and_a_finger_are_no_digits() -> None:
    page = page_of_three()
    page[:, :25] = 50
    cv2.ellipse(page, (620, 479), (60, 120), 20, 0, 360, 90, -1)
    assert len(locate(page)) == 3


def test_a_drawn_box_around_a_digit_is_left_out() -> None:
    page = paper()
    cv2.rectangle(page, (80, 150), (240, 320), 40, 3)
    zero(page, 130, 190, 80)
    assert [box[3] for box in boxes(locate(page))] == [pytest.approx(80, abs=4)]


def test_a_digit_cut_by_the_frame_is_still_found() -> None:
    page = page_of_three()
    seven(page, 520, -6, 80)
    assert len(locate(page)) == 4


def test_a_crop_holds_its_own_ink_only() -> None:
    page = paper()
    seven(page, 100, 200, 80)
    one(page, 106, 228, 52)  # within the box of the 7, apart from its ink
    regions = locate(page)
    assert len(regions) == 2
    for region in regions:
        pieces, _ = cv2.connectedComponents((region.ink > 0).astype(np.uint8))
        assert pieces == 1 + 1  # the paper and one piece
        assert (region.ink == 0).mean() > 0.2
        assert region.ink.max() == 255


def test_an_mnist_like_picture_is_one_digit_as_it_is() -> None:
    digit = np.zeros((28, 28), np.uint8)
    cv2.ellipse(digit, (14, 14), (5, 8), 0, 0, 360, 255, 3, cv2.LINE_AA)
    (region,) = locate(digit)
    assert region.box == pytest.approx((8, 5, 13, 19), abs=2)
    direct = normalize(digit).astype(int)
    assert np.abs(normalize(region.ink).astype(int) - direct).mean() < 4


def test_isolate_gives_an_mnist_like_picture_back() -> None:
    digit = np.zeros((28, 28), np.uint8)
    cv2.ellipse(digit, (14, 14), (5, 8), 0, 0, 360, 255, 3, cv2.LINE_AA)
    for picture in (digit, 255 - digit):
        assert np.abs(isolate(picture).astype(int) - digit).max() <= 4


def test_isolate_joins_pieces_and_drops_the_grid_around() -> None:
    page = paper(140, 140)
    five(page, 45, 25, 90, pen=9)
    drawn = cv2.boundingRect((page < 128).astype(np.uint8))
    cv2.line(page, (6, 0), (6, 139), 160, 3)
    cv2.line(page, (0, 132), (139, 132), 160, 3)
    ink = isolate(lit(page, low=0.7, noise=2))
    assert ink.shape == (140, 140)
    found = cv2.boundingRect((ink > 128).astype(np.uint8))
    assert found == pytest.approx(drawn, abs=2)


def test_isolate_reduces_a_large_picture() -> None:
    page = paper(1200, 800)
    seven(page, 500, 200, 400, pen=30)
    assert isolate(page).shape == (round(800 * 400 / 1200), 400)


@pytest.mark.parametrize("channels", [None, 3])
def test_isolate_of_blank_paper_says_that_there_is_no_ink(channels: int | None) -> None:
    blank = np.full((50, 40) if channels is None else (50, 40, channels), 200, np.uint8)
    with pytest.raises(ImageError, match="no ink in a picture of 40×50") as caught:
        isolate(blank)
    assert caught.value.hint
