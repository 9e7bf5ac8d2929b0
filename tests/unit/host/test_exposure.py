"""Exposure: what is a digit and what is none, gathered alike by any number of processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.config import BuildConfig
from edge_hdr.data.dataset import DIGITS, Split
from edge_hdr.data.strokes import make_split
from edge_hdr.exposure import drawn, expose, keep
from edge_hdr.exposure.crops import crops_of, scene_of
from edge_hdr.exposure.gather import gather
from edge_hdr.exposure.letters import SHAPES
from edge_hdr.exposure.lookalike import is_bar
from edge_hdr.exposure.match import CUT, REGION, UNCLEAR, judge
from edge_hdr.exposure.material import NON_DIGIT, Exposure
from edge_hdr.robustness.letters import SHAPES as MEASURED


@pytest.fixture(scope="module")
def digits() -> Split:
    return make_split(120, seed=5, workers=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "edge-hdr" / "exposure"


TRUTH = np.array([[100, 100, 40, 60], [150, 100, 40, 60]], float)
LABELS = np.array([3, 8])


@pytest.mark.parametrize(
    ("box", "verdict"),
    [
        ((101, 98, 38, 63), 3),
        ((150, 100, 40, 60), 8),
        ((100, 100, 90, 60), NON_DIGIT),  # both together
        ((300, 300, 40, 60), NON_DIGIT),  # something else
        ((100, 100, 14, 60), NON_DIGIT),  # 14 of 40 px: a fragment
        ((100, 100, 19, 60), UNCLEAR),  # 19 of 40 px: neither
        ((80, 60, 60, 120), UNCLEAR),  # the digit and as much again around it
    ],
)
def test_a_box_is_judged_by_what_it_covers(box: tuple[int, int, int, int], verdict: int) -> None:
    assert judge(np.array([box], float), TRUTH, LABELS).tolist() == [verdict]


def test_a_part_of_a_cut_must_fit_better_than_a_region() -> None:
    """With margins of 1 + 0.03 · 60 = 2.8 px: (28 + 5.6) / (40 + 5.6) = 0.74 of the digit's box."""
    part = np.array([[100, 100, 28, 60]], float)
    assert judge(part, TRUTH, LABELS, REGION).tolist() == [3]
    assert judge(part, TRUTH, LABELS, CUT).tolist() == [UNCLEAR]
    smaller = np.array([[100, 100, 12, 60]], float)  # 17.6 / 45.6 = 0.39, below 0.45
    assert judge(smaller, TRUTH, LABELS, CUT).tolist() == [NON_DIGIT]


def test_a_digit_into_whose_box_a_thin_neighbour_reaches_is_not_to_be_doubted() -> None:
    """The 1 lies inside the 5's box, as on a turned line: both are held, one fits."""
    truth = np.array([[100, 100, 40, 60], [132, 110, 10, 30]], float)
    assert judge(np.array([[100, 100, 40, 60]], float), truth, np.array([5, 1])).tolist() == [
        UNCLEAR
    ]


def test_everything_is_a_non_digit_where_nothing_is_written() -> None:
    found = judge(TRUTH, np.zeros((0, 4)), np.zeros(0, np.int64))
    assert found.tolist() == [NON_DIGIT, NON_DIGIT]


def test_upright_bars_are_no_non_digits_and_lying_ones_are() -> None:
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    assert is_bar(bar)
    assert not is_bar(np.ascontiguousarray(bar.T))
    assert is_bar(np.zeros((28, 28), np.uint8))
    ones = make_split(200, seed=3, workers=1)
    bars = np.array([is_bar(image) for image in ones.images])
    assert bars[ones.labels == 0].mean() < 0.1


def test_no_shape_is_trained_on_and_measured_with() -> None:
    assert not set(SHAPES) & set(MEASURED)
    assert not set(SHAPES.values()) & set(MEASURED.values())


@pytest.mark.parametrize("kind", drawn.KINDS, ids=lambda kind: kind.__name__)
def test_drawn_non_digits_have_the_form_of_crops(kind: object, digits: Split) -> None:
    rng = np.random.default_rng(1)
    images = [kind(digits, rng) for _ in range(10)]  # type: ignore[operator]
    assert {(image.shape, image.dtype.name) for image in images} == {((28, 28), "uint8")}
    assert len({image.tobytes() for image in images}) == 10


def test_a_clean_scene_gives_its_digits_and_nothing_else(digits: Split) -> None:
    from edge_hdr.scenes.draw import draw_scene

    found = total = others = 0
    for seed in range(4):
        scene = draw_scene(digits, seed=seed, severity="clean")
        crops = crops_of(scene, cut=False)
        written = [int(digit.label) for digit in scene.digits]
        assert all(crops.digits.labels.tolist().count(d) <= written.count(d) for d in range(10))
        found, total = found + len(crops.digits), total + len(written)
        others += len(crops.others)
    assert found >= 0.9 * total
    assert others <= 0.1 * total


def test_gathering_is_the_same_in_one_process_and_in_two(digits: Split) -> None:
    wanted = {"digits": 12, "others": 300, "seed": 4}
    told: list[tuple[int, int | None]] = []
    one = gather(
        digits, **wanted, workers=1, progress=lambda name, done, total: told.append((done, total))
    )
    two = gather(digits, **wanted, workers=2)
    assert len(one.digits) == 12
    assert len(one.others) == 300
    assert told[-1] == (12 + 300, 12 + 300)
    assert one.as_split().sha256() == two.as_split().sha256()
    assert (one.as_split().labels[12:] == NON_DIGIT).all()


def test_a_build_gathers_once_and_keeps_it(digits: Split, own_cache: Path) -> None:
    config = BuildConfig(exposure=12, outliers=20)
    first = expose.for_training(digits, config, DIGITS)
    assert (len(first.digits), len(first.others)) == (12, 20)
    (file,) = own_cache.iterdir()
    again = expose.for_training(digits, replace(config, epochs=3), DIGITS)
    assert again.as_split().sha256() == first.as_split().sha256()
    assert [*own_cache.iterdir()] == [file]
    file.write_bytes(b"damaged")
    mended = expose.for_training(digits, config, DIGITS)
    assert mended.as_split().sha256() == first.as_split().sha256()
    scenes = expose.for_validation(digits, config, DIGITS)
    assert len(scenes.digits) == 12
    assert not np.array_equal(scenes.digits.images, first.digits.images)


def test_nothing_is_gathered_for_other_classes_or_when_not_asked(digits: Split) -> None:
    for config, classes in (
        (BuildConfig(exposure=9, outliers=9), tuple("ABCDEFGHIJ")),
        (BuildConfig(exposure=0, outliers=0), DIGITS),
    ):
        assert not len(expose.for_training(digits, config, classes).as_split())
        assert not len(expose.for_validation(digits, config, classes).as_split())


def test_the_cache_keeps_few_files(own_cache: Path) -> None:
    for number in range(keep.KEPT + 2):
        keep.kept(Exposure, number)
    assert len([*own_cache.iterdir()]) == keep.KEPT


def test_scenes_of_a_seed_differ_and_repeat(digits: Split) -> None:
    first, again, other = (scene_of(digits, n, 7) for n in (1, 1, 6))  # of one severity
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
