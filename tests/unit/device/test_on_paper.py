"""What lies on a table is told from what stands on the sheet beside it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr_device.ink import faint_mask, find_ink, sharpen
from edge_hdr_device.locate import locate
from edge_hdr_device.pieces import Pieces, measure
from edge_hdr_device.sheet import on_paper

WIDTH, HEIGHT = 640, 480
SIDE = 300  # the sheet begins here, the table ends here


def sheet(ground: int = 215) -> NDArray[np.uint8]:
    """Give paper with the sensor's noise."""
    noise = np.random.default_rng(0).normal(0, 1.5, (HEIGHT, WIDTH))
    return np.clip(ground + noise, 0, 255).astype(np.uint8)


def wood(level: float = 90) -> NDArray[np.uint8]:
    """Give upright streaks of some 24 px with a deviation of a tenth."""
    field = np.random.default_rng(1).normal(0, 1, (HEIGHT // 24, WIDTH // 3))
    streaks = cv2.resize(field, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = level * (1 + 0.1 * streaks / streaks.std())
    return np.asarray(np.clip(grain, 0, 255), np.uint8)


def write(picture: NDArray[np.uint8], text: str, x: int, y: int, ink: int) -> None:
    for number, digit in enumerate(text):
        place = (x + 50 * number, y)
        cv2.putText(picture, digit, place, cv2.FONT_HERSHEY_SIMPLEX, 1.5, ink, 3, cv2.LINE_AA)


def pieces_of(picture: NDArray[np.uint8]) -> tuple[Pieces, NDArray[np.bool_]]:
    """Give all pieces of a picture, and which of them stay."""
    ink = find_ink(picture)
    pieces = measure(sharpen(faint_mask(ink), ink), ink)
    return pieces, on_paper(picture, ink, pieces)


def on_the_table() -> NDArray[np.uint8]:
    picture = wood()
    picture[:, SIDE:] = sheet()[:, SIDE:]
    write(picture, "2580", SIDE + 60, 150, 60)
    write(picture, "347", SIDE + 60, 300, 60)
    return picture


@pytest.mark.parametrize("inverted", [False, True])
def test_the_grain_of_a_table_goes_and_the_writing_stays(inverted: bool) -> None:
    picture = 255 - on_the_table() if inverted else on_the_table()
    pieces, stay = pieces_of(picture)
    high = pieces.height >= 25
    table = pieces.boxes[:, 2] < SIDE - 10
    written = high & (pieces.boxes[:, 0] > SIDE + 40)
    assert np.count_nonzero(table) > 5
    assert not stay[table].any()
    assert np.count_nonzero(written) == 4 + 3
    assert stay[written].all()


def test_nothing_is_located_on_the_table() -> None:
    regions = locate(on_the_table())
    assert len(regions) == 4 + 3
    assert min(region.box[0] for region in regions) > SIDE


def test_writing_on_several_grounds_stays() -> None:
    """Bold on a white sheet and on a dark one; paler, a fifth of its ground, on a grey one."""
    picture = sheet()
    picture[:, :200] = sheet(80)[:, :200]
    picture[:, 430:] = sheet(150)[:, 430:]
    write(picture, "25", 60, 150, 25)
    write(picture, "25", 280, 150, 60)
    write(picture, "25", 500, 150, 120)
    pieces, stay = pieces_of(picture)
    assert np.count_nonzero(pieces.height >= 25) >= 2 + 2 + 2
    assert stay.all()


def test_writing_in_a_hard_shadow_stays() -> None:
    """A shadow leaves 0.3 of the light, so of the contrast, while the noise stays what it is."""
    bright = sheet().astype(np.float64)
    ink = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for x in (60, 420):
        write(ink, "2580", x, 200, 70)
    picture = bright * (ink / 255)
    picture[:, SIDE + 60 :] *= 0.3
    picture += np.random.default_rng(2).normal(0, 1.5, picture.shape)
    pieces, stay = pieces_of(np.clip(picture, 0, 255).astype(np.uint8))
    assert np.count_nonzero(pieces.height >= 25) >= 4 + 4
    assert stay.all()


def test_a_thick_stroke_is_no_ground_of_its_own() -> None:
    picture = sheet()
    picture[:, :40] = 60
    cv2.rectangle(picture, (200, 120), (290, 360), 40, 60)
    write(picture, "258", 400, 200, 60)
    pieces, stay = pieces_of(picture)
    assert stay[pieces.height > 25].all()


@pytest.mark.parametrize("value", [0, 7, 255])
def test_an_even_picture_has_no_grounds(value: int) -> None:
    pieces, stay = pieces_of(np.full((60, 80), value, np.uint8))
    assert len(pieces) <= 1  # what is darker than any paper counts as ink
    assert stay.all()


def test_black_holes_in_a_picture_are_no_fault() -> None:
    picture = on_the_table()
    picture[:, :120] = 0
    write(picture, "1", 40, 200, 2)
    _, stay = pieces_of(picture)
    assert stay.any()
