"""Non-digits: their form, and the device's own path for single pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edge_hdr.data.strokes import make_split
from edge_hdr.errors import UsageError
from edge_hdr.robustness.corruptions import KINDS as CORRUPTED
from edge_hdr.robustness.corruptions import corrupt
from edge_hdr.robustness.gallery import gallery, png
from edge_hdr.robustness.letters import SHAPES, letters
from edge_hdr.robustness.non_digits import BLANK_DEVIATION, KINDS, draw
from edge_hdr.robustness.photo import photograph, see


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_reproducible_and_varied(kind: str) -> None:
    images = draw(kind, 12, seed=3)
    assert images.dtype == np.uint8
    assert images.shape == (12, 28, 28)
    assert (images == draw(kind, 12, seed=3)).all()
    assert (images != draw(kind, 12, seed=4)).any()
    assert len(np.unique(images.reshape(12, -1), axis=0)) == 12
    assert draw(kind, 0).shape == (0, 28, 28)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "blank"])
def test_what_is_drawn_is_normalized(kind: str) -> None:
    for image in draw(kind, 12, seed=0):
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
        assert image.max() == 255


def test_blank_paper_is_faint() -> None:
    images = draw("blank", 50)
    assert images.max() <= 6 * BLANK_DEVIATION
    assert images.mean() < BLANK_DEVIATION / 2


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        draw("leters", 1)
    assert "letters" in refused.value.hint


def test_no_letter_looks_like_a_digit() -> None:
    assert not set("BCDGIJLOQSYZglqsz") & set(SHAPES)
    for letter in letters():
        assert np.abs(letter.poses).max() <= 0.5
        assert len(letter.strokes) == SHAPES[letter.name].count("|") + 1
        assert sum(part.stop - part.start for part in letter.strokes) == letter.poses.shape[1]


def test_a_photo_is_dark_on_light_and_enlarged() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[10:18, 10:18] = 255
    photo = photograph(image)
    assert photo.shape == (3 * 28, 3 * 28)
    assert photo[0, 0] == 255
    assert photo[42, 42] == 0


def test_the_device_brings_moved_small_and_inverted_digits_back() -> None:
    clean = make_split(10, seed=1, workers=1).images
    for kind in ("translate", "scale", "inversion", "brightness"):
        seen = see(corrupt(clean, kind, 2))
        assert (seen.found == 1).all()
        away = np.abs(seen.images.astype(int) - clean).mean()
        assert away < 0.6 * np.abs(corrupt(clean, kind, 2).astype(int) - clean).mean()


def test_nothing_is_found_on_blank_paper_and_the_picture_stays() -> None:
    paper = np.zeros((1, 28, 28), np.uint8)
    seen = see(paper)
    assert seen.found.tolist() == [0]
    assert (seen.images == paper).all()


def test_a_gallery_shows_every_kind_and_severity() -> None:
    clean = make_split(10, seed=1, workers=1).images
    sheet = gallery(clean, examples=2, columns=1, scale=1)
    rows = len(CORRUPTED) + len(KINDS)
    assert sheet.shape[0] == rows * (28 + 6) + 2 * 6
    assert (
        sheet[6 + 6 : 6 + 6 + 28, -12 - 28 : -12] == 255 - corrupt(clean, CORRUPTED[0], 3)[1]
    ).all()
    assert png(sheet).startswith(b"\x89PNG")
