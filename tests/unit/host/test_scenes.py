"""Scenes: the same every time, boxes that hold the ink, factors that do what they say."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import UsageError
from edge_hdr.scenes.draw import draw_scene
from edge_hdr.scenes.factors import FACTORS, SEVERITIES, SURFACES, draw_levels, readable
from edge_hdr.scenes.scene import Scene, Written

OF_THE_LAYOUT = {"small", "large", "letters", "minus", "operators", "dots"}  # may change the text
NO_STROKES = Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))


@cache
def digits() -> Split:
    return make_split(300, seed=5, workers=1)


@cache
def clean(seed: int, **factors: float) -> Scene:
    return draw_scene(digits(), seed=seed, severity="clean", factors=factors, width_px=320)


def grey(scene: Scene) -> NDArray[np.float64]:
    return np.asarray(scene.image.mean(axis=2), np.float64)


def overlap(first: Written, second: Written, margin: int = 4) -> bool:
    (x, y, w, h), (u, v, s, t) = first.box, second.box
    return x < u + s + margin and u < x + w + margin and y < v + t + margin and v < y + h + margin


def test_the_same_arguments_give_the_same_bytes() -> None:
    first, again, other = (draw_scene(digits(), seed=seed, severity="hard") for seed in (3, 3, 4))
    assert first.image.tobytes() == again.image.tobytes()
    assert (first.digits, first.clutter, first.factors) == (
        again.digits,
        again.clutter,
        again.factors,
    )
    assert first.image.tobytes() != other.image.tobytes()


def test_other_digits_never_give_the_scene_of_the_same_seed() -> None:
    # 8 scenes: by chance 40 % are written with strokes, where the digits would not show
    others = make_split(300, seed=6, workers=1)
    for seed in range(8):
        scene = draw_scene(others, seed=seed, severity="clean", width_px=320)
        assert scene.image.tobytes() != clean(seed).image.tobytes()


@pytest.mark.parametrize(
    "factors",
    [
        {},
        {"rotation": 0.8},
        {"perspective": 0.8},
        {"curl": 0.8},
        {"focus": 0.4},
        {"motion": 0.5},
        {"thin": 1.0},
        {"blackboard": 0.1},
    ],
    ids=str,
)
def test_boxes_are_the_extent_of_the_ink_in_the_picture(factors: dict[str, float]) -> None:
    checked = 0
    for seed in range(3):
        scene = clean(seed, **factors)
        light = grey(scene)
        far = np.abs(light - cv2.medianBlur(scene.image, 151).mean(axis=2))
        for digit in scene.digits:
            if any(overlap(digit, other, 8) for other in scene.digits if other is not digit):
                continue
            x, y, w, h = digit.box
            part = far[max(0, y - 4) : y + h + 4, max(0, x - 4) : x + w + 4]
            rows, columns = np.nonzero(part > 0.25 * part.max())
            found = (columns.min() + max(0, x - 4), rows.min() + max(0, y - 4))
            size = (np.ptp(columns) + 1, np.ptp(rows) + 1)
            assert np.abs(np.subtract((*found, *size), digit.box)).max() <= 2, (seed, digit)
            checked += 1
    assert checked >= 5


def test_digits_come_in_reading_order() -> None:
    for seed in range(8):
        scene = clean(seed)
        for left, right in pairwise(scene.digits):
            assert right.line in (left.line, left.line + 1)
            if right.line == left.line:
                assert left.box[0] < right.box[0]
            else:
                assert left.box[1] < right.box[1] + right.box[3]
        assert scene.text.replace("/", "") == "".join(digit.label for digit in scene.digits)
        assert scene.text.count("/") == scene.digits[-1].line


@pytest.mark.parametrize("name", FACTORS)
def test_each_factor_changes_the_picture_and_nothing_that_it_should_not(name: str) -> None:
    # a sign stands only between numbers: take a scene that has several
    plain, worst = clean(2), clean(2, **{name: 1.0})
    assert worst.factors == {name: 1.0}
    assert worst.image.tobytes() != plain.image.tobytes()
    if name not in OF_THE_LAYOUT:
        assert worst.text == plain.text
    for digit in worst.digits:
        x, y, w, h = digit.box
        assert x >= 0
        assert y >= 0
        assert x + w <= 320
        assert y + h <= 240
        assert min(w, h) >= 1


@pytest.mark.parametrize(
    ("factor", "kinds"),
    [
        ("struck", {"struck"}),
        ("underline", {"underline"}),
        ("frames", {"frame"}),
        ("letters", {"letter"}),
        ("dots", {"dot"}),
        ("minus", {"minus"}),
        ("operators", {"operator"}),
        ("stains", {"ring", "blot", "speck"}),
        ("fingers", {"finger"}),
    ],
)
def test_clutter_is_named(factor: str, kinds: set[str]) -> None:
    found = {item.kind for seed in range(6) for item in clean(seed, **{factor: 1.0}).clutter}
    assert found == kinds


def test_fingers_cover_no_digit() -> None:
    for seed in range(8):
        scene = clean(seed, fingers=1.0)
        for finger in scene.clutter:
            shown = Written("", finger.box, 0)
            assert not any(overlap(shown, digit, 0) for digit in scene.digits)


def test_sizes_are_those_that_level_1_promises() -> None:
    heights = [digit.box[3] for seed in range(6) for digit in clean(seed, small=1.0).digits]
    assert 9 <= np.median(heights) <= 13
    tall = [max(digit.box[3] for digit in clean(seed, large=1.0).digits) for seed in range(4)]
    assert np.median(tall) >= 0.55 * 240


def test_rotation_turns_lines_by_30_degrees() -> None:
    seen = []
    for seed in range(20):
        scene = clean(seed, rotation=1.0)
        line = [digit for digit in scene.digits if digit.line == 0]
        if len(line) < 4:
            continue
        x, y = ([d.box[i] + d.box[i + 2] / 2 for d in line] for i in (0, 1))
        seen.append(abs(np.degrees(np.arctan2(y[-1] - y[0], x[-1] - x[0]))))
    assert len(seen) >= 3
    assert np.mean(seen) == pytest.approx(30, abs=4)


def test_touching_digits_touch() -> None:
    def bodies(**factors: float) -> int:
        count = 0
        for seed in range(10):
            ink = (grey(clean(seed, thick=0.4, **factors)) < 120).astype(np.uint8)
            count += int(np.sum(cv2.connectedComponentsWithStats(ink)[2][1:, 4] > 30))
        return count

    written = sum(len(clean(seed).digits) for seed in range(10))
    assert bodies() >= 0.9 * written
    assert bodies(touching=1.0) <= 0.85 * written


def test_light_and_noise_are_as_strong_as_they_say() -> None:
    paper = [np.percentile(grey(clean(seed, dim=1.0)), 90) for seed in range(3)]
    plain = [np.percentile(grey(clean(seed)), 90) for seed in range(3)]
    assert np.divide(paper, plain) == pytest.approx(1 / 5, abs=0.02)
    corner = grey(clean(0, noise=1.0))[:40, :40].std()
    assert corner == pytest.approx(18 * 0.8, rel=0.25)  # the mean of three channels, little tinted


@pytest.mark.parametrize("severity", SEVERITIES)
def test_levels_are_drawn_from_the_spreads(severity: str) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_levels(severity, None, rng) for _ in range(200)]
    for levels in drawn:
        assert sum(name in levels for name in SURFACES) <= 1
        assert readable(levels)
        for name, level in levels.items():
            _, low, high = SEVERITIES[severity][name]
            assert low <= level <= high
    for name, (chance, _, _) in SEVERITIES[severity].items():
        if name in ("squared", "jpeg"):
            there = np.mean([name in levels for levels in drawn])
            assert there == pytest.approx(chance, abs=0.1), name


def test_severities_grow() -> None:
    rng = np.random.default_rng(1)
    sums = [
        np.mean([sum(draw_levels(name, None, rng).values()) for _ in range(60)])
        for name in ("clean", "mild", "moderate", "hard")
    ]
    assert sums == sorted(sums)
    assert sums[0] == 0


def test_a_given_level_changes_no_other() -> None:
    free = draw_levels("hard", None, np.random.default_rng(7))
    given = draw_levels("hard", {"shadow": 0.123}, np.random.default_rng(7))
    assert given == free | {"shadow": 0.123}
    board = draw_levels("hard", {"blackboard": 0.5}, np.random.default_rng(7))
    assert [name for name in SURFACES if name in board] == ["blackboard"]
    assert "jpeg" not in draw_levels("hard", {"jpeg": 0.0}, np.random.default_rng(7))


def test_without_digits_everything_is_written_with_strokes() -> None:
    scene = draw_scene(NO_STROKES, seed=1)
    assert scene.digits


def test_a_digit_without_an_example_is_written_with_strokes() -> None:
    few = digits().take(np.flatnonzero(digits().labels == 4)[:1])
    scenes = [draw_scene(few, seed=seed, width_px=320) for seed in range(6)]
    labels = {digit.label for scene in scenes for digit in scene.digits}
    assert len(labels) >= 8


@pytest.mark.parametrize(("width", "height"), [(64, 64), (600, 150), (97, 401)])
def test_any_size_is_drawn(width: int, height: int) -> None:
    scene = draw_scene(digits(), seed=0, severity="hard", width_px=width, height_px=height)
    assert scene.image.shape == (height, width, 3)
    assert scene.digits
    assert draw_scene(digits(), seed=0, width_px=width).image.shape[1] == width


@pytest.mark.parametrize(
    ("severity", "factors", "message", "hint"),
    [
        ("harsh", {}, "there is no severity 'harsh'", "hard"),
        ("hard", {"shaddow": 0.1}, "there is no factor 'shaddow'", "did you mean shadow?"),
        ("hard", {"dim": 1.5}, "dim=1.5 is no level", "0 for absent"),
    ],
)
def test_what_is_not_there_is_refused(
    severity: str, factors: dict[str, float], message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        draw_scene(digits(), seed=0, severity=severity, factors=factors)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("turn_deg", [-30, 0, 30])
def test_a_page_in_strong_perspective_keeps_its_sides_in_order(turn_deg: float) -> None:
    """A side projected from behind the camera would cross the others."""
    from edge_hdr.scenes.pose import draw_pose, fit
    from edge_hdr.scenes.surroundings import _page

    levels = {"perspective": 1.0, "rotation": abs(turn_deg) / 30}
    corners = np.array([[-40.0, -20], [40, -20], [40, 20], [-40, 20]])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pose = fit(draw_pose(levels, 640, rng), corners, (480, 640), rng)
        low, high = _page((480, 640), pose, corners, np.array([np.inf, 20, np.inf, np.inf]))
        ring = np.array(
            [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
        )
        sides = np.diff(pose.project(np.vstack([ring, ring[:2]])), axis=0)
        turns = sides[:-1, 0] * sides[1:, 1] - sides[:-1, 1] * sides[1:, 0]
        assert (turns > 0).all()
