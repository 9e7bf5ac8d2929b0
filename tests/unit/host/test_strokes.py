"""Vector digits: notation, paths, hands, splits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from edge_hdr.data.allographs import STEP, allographs, parse, path_matrix
from edge_hdr.data.hand import draw_hands, trace
from edge_hdr.data.strokes import make_split, sample_glyph


def test_notation_splits_strokes_and_finds_corners() -> None:
    (first, corners), (second, none) = parse("10 0, 20 50!, 90 50 | 60 0, 60 100")
    assert first.tolist() == [[10, 0], [20, 50], [90, 50]]
    assert corners == [1]
    assert second.tolist() == [[60, 0], [60, 100]]
    assert none == []


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_has_several_allographs_with_poses_that_match(digit: int) -> None:
    ways = allographs()[digit]
    assert len(ways) >= 5
    assert len({way.name for way in ways}) == len(ways)
    for way in ways:
        assert way.weight > 0
        assert way.poses.shape[1] == sum(part.stop - part.start for part in way.strokes)
        assert np.abs(way.poses).max() <= 0.5


def test_the_forms_that_people_mix_up_are_there() -> None:
    names = {digit: " / ".join(way.name for way in allographs()[digit]) for digit in range(10)}
    for digit, form in [
        (0, "slashed"), (1, "serif and a foot"), (2, "loop at the foot"), (2, "corner"),
        (3, "flat top"), (4, "open"), (4, "closed"), (5, "detached"), (5, "one stroke"),
        (6, "straight"), (6, "curled"), (7, "barred"), (7, "plain"), (8, "one stroke"),
        (8, "two strokes"), (9, "straight"), (9, "curled"),
    ]:  # fmt: skip
        assert form in names[digit]


def test_all_poses_of_an_allograph_share_points_and_corners() -> None:
    from importlib.resources import files

    text = (files("edge_hdr.data") / "allographs.txt").read_text("utf-8")
    shape = None
    for line in (line for line in text.splitlines() if line and not line.startswith("#")):
        if not line.startswith(" "):
            shape = None
            continue
        found = [(len(points), corners) for points, corners in parse(line)]
        assert shape in (None, found), line
        shape = found


def test_a_path_passes_through_its_points_and_keeps_their_mean() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.45], [0.45, 0.45]])
    matrix = path_matrix(points, corners=[1])
    samples = round(0.45 / STEP)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    path = matrix @ points
    np.testing.assert_allclose(path[[0, samples, 2 * samples]], points, atol=1e-12)


def test_a_corner_stays_sharp_and_a_bend_is_round() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.45], [0.45, 0.45]])
    sharp = path_matrix(points, corners=[1]) @ points
    round_ = path_matrix(points, corners=[]) @ points
    assert np.abs(np.minimum(sharp[:, 0], 0.45 - sharp[:, 1])).max() < 1e-12
    assert (np.abs(round_[:, 0]) > 0.001).sum() > (np.abs(sharp[:, 0]) > 0.001).sum()


def test_a_hand_without_habits_writes_a_plain_mixture_of_poses() -> None:
    hands = draw_hands(np.random.default_rng(0), 3)
    still = type(hands)(**{name: np.zeros(3) for name in vars(hands)})
    allograph = next(way for way in allographs()[1] if way.name == "bar, leaning far")
    ((path, widths),) = trace(allograph, still, np.random.default_rng(1))
    np.testing.assert_allclose(path[:, 0, 1], -0.5, atol=1e-12)
    np.testing.assert_allclose(path[:, -1, 1], 0.5, atol=1e-12)
    assert path.shape[:2] == widths.shape
    assert not widths.any()


def test_slant_moves_the_top_to_the_right() -> None:
    hands = draw_hands(np.random.default_rng(0), 1)
    still = {name: np.zeros(1) for name in vars(hands)}
    allograph = next(way for way in allographs()[1] if way.name == "bar")
    upright = trace(allograph, type(hands)(**still), np.random.default_rng(1))[0][0]
    slanted_hand = type(hands)(**{**still, "slant": np.array([0.3])})
    slanted = trace(allograph, slanted_hand, np.random.default_rng(1))[0][0]
    moved = slanted - upright
    np.testing.assert_allclose(moved[0, 0], [0.3 * 0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(moved[0, -1], [0.3 * -0.5, 0.0], atol=1e-12)


def test_a_glyph_is_finite_and_about_as_tall_as_one() -> None:
    rng = np.random.default_rng(3)
    heights = []
    for digit in range(10):
        glyph = sample_glyph(digit, rng)
        assert glyph.digit == digit
        assert all(np.isfinite(s.points).all() and (s.widths > 0).all() for s in glyph.strokes)
        low, high = glyph.bounds()
        heights.append(high[1] - low[1])
    assert 0.8 < np.median(heights) < 1.5


def test_same_seed_same_bytes_whatever_the_workers() -> None:
    one = make_split(1100, seed=5, workers=1)
    three = make_split(1100, seed=5, workers=3)
    assert one.sha256() == three.sha256()
    assert one.sha256() != make_split(1100, seed=6, workers=1).sha256()


def test_same_seed_same_bytes_in_another_process() -> None:
    code = "from edge_hdr.data.strokes import make_split; print(make_split(60, seed=8).sha256())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == make_split(60, seed=8).sha256()


def test_a_split_is_balanced_shuffled_and_normalized() -> None:
    split = make_split(503, seed=1)
    assert split.images.shape == (503, 28, 28)
    assert split.images.dtype == np.uint8
    counts = np.bincount(split.labels, minlength=10)
    assert counts.max() - counts.min() == 1
    assert (np.diff(split.labels[:50]) != 1).any()
    assert (split.images.max(axis=(1, 2)) == 255).all()
    rows = (split.images >= 32).any(axis=2).sum(axis=1)
    columns = (split.images >= 32).any(axis=1).sum(axis=1)
    assert np.maximum(rows, columns).max() <= 20


def test_classes_differ_more_than_their_examples() -> None:
    split = make_split(2000, seed=2)
    images = split.images.astype(np.float32).reshape(len(split), -1)
    means = np.stack([images[:1000][split.labels[:1000] == digit].mean(0) for digit in range(10)])
    distance = ((images[1000:, None] - means) ** 2).sum(axis=2)
    assert (distance.argmin(axis=1) == split.labels[1000:]).mean() > 0.6


def test_an_empty_split() -> None:
    split = make_split(0, seed=1)
    assert split.images.shape == (0, 28, 28)
    assert len(split) == 0


def test_the_table_is_prepared_once() -> None:
    assert allographs() is allographs()
