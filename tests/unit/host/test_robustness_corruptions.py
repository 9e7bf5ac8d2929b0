"""Corruptions: what each does to pixels whose values can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_hdr.data.strokes import make_split
from edge_hdr.errors import UsageError
from edge_hdr.robustness.blurs import disk, trail
from edge_hdr.robustness.corruptions import CORRUPTIONS, KINDS, MNIST_C, SEVERITIES, corrupt

EXACT = {"brightness", "contrast", "inversion", "stripe", "scale", "pixelate", "jpeg", "thin"} | {
    "thick", "canny_edges", "gaussian_blur", "defocus_blur"
}  # fmt: skip


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return make_split(40, seed=5, workers=1).images


def square(side: int = 20, count: int = 1) -> np.ndarray:
    images = np.zeros((count, 28, 28), np.uint8)
    edge = (28 - side) // 2
    images[:, edge : 28 - edge, edge : 28 - edge] = 255
    return images


def blank(count: int = 1) -> np.ndarray:
    return np.zeros((count, 28, 28), np.uint8)


def test_the_fifteen_kinds_of_mnist_c_come_first() -> None:
    assert len(MNIST_C) == 15
    assert KINDS[:15] == tuple(MNIST_C)
    assert len(KINDS) == 15 + 9


@pytest.mark.parametrize("kind", KINDS)
def test_a_corruption_is_reproducible_and_leaves_its_input(kind: str, digits: np.ndarray) -> None:
    before = digits.copy()
    for severity in SEVERITIES:
        changed = corrupt(digits, kind, severity, seed=1)
        assert changed.dtype == np.uint8
        assert changed.shape == digits.shape
        assert (changed != digits).any()
        assert (corrupt(digits, kind, severity, seed=1) == changed).all()
        same_under_another_seed = (corrupt(digits, kind, severity, seed=2) == changed).all()
        assert same_under_another_seed == (kind in EXACT)
    assert (digits == before).all()
    assert corrupt(digits[:0], kind, 2).shape == (0, 28, 28)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "inversion"])
def test_a_higher_severity_changes_more(kind: str, digits: np.ndarray) -> None:
    changes = [
        np.abs(corrupt(digits, kind, severity).astype(int) - digits).mean()
        for severity in SEVERITIES
    ]
    assert changes[0] < changes[1] < changes[2] or kind == "canny_edges"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError) as refused:
        corrupt(blank(), "zigzig", 1)
    assert "zigzag" in refused.value.hint
    with pytest.raises(UsageError):
        corrupt(blank(), "fog", 4)


def test_light_and_polarity() -> None:
    image = square(14)  # 14 · 14 of 28 · 28 pixels: a quarter is ink
    assert set(np.unique(corrupt(image, "brightness", 2))) == {round(0.5 * 255), 255}
    assert (corrupt(image, "inversion", 1) == 255 - image).all()
    grey = corrupt(image, "contrast", 2)  # the mean is 0.25, a fifth of the distances stays
    assert set(np.unique(grey)) == {round(0.2 * 255), round((0.25 + 0.2 * 0.75) * 255)}


def test_stripes_are_inverted_columns() -> None:
    striped = corrupt(blank(), "stripe", 2)[0]
    assert (striped[:, :7] == 255).all()
    assert (striped[:, 7:-7] == 0).all()
    assert (striped[:, -7:] == 255).all()


def test_noise_has_its_share() -> None:
    many = blank(200)
    salt = corrupt(many, "impulse_noise", 2) == 255
    assert salt.mean() == pytest.approx(0.17 / 2, abs=0.003)  # half of the share becomes ink
    photons = corrupt(np.full_like(many, 85), "shot_noise", 2)  # a third of full ink: 1 of 3
    assert set(np.unique(photons)) <= {0, 85, 170, 255}
    assert (photons == 0).mean() == pytest.approx(np.exp(-1), abs=0.01)  # Poisson's law
    noisy = corrupt(np.full_like(many, 128), "gaussian_noise", 1)
    assert noisy.std() / 255 == pytest.approx(0.12, abs=0.002)


def test_a_dot_is_moved_along_both_axes() -> None:
    dots = blank(50)
    dots[:, 14, 14] = 255
    moved = {tuple(np.argwhere(image)[0] - 14) for image in corrupt(dots, "translate", 2)}
    assert moved == {(3, 3), (3, -3), (-3, 3), (-3, -3)}


def test_size_and_turn() -> None:
    small = corrupt(square(20), "scale", 2)[0] > 127
    assert small.any(axis=0).sum() == small.any(axis=1).sum() == 20 * 0.7
    bars = blank(20)
    bars[:, 4:24, 13:15] = 255
    for kind, angle in (("rotate", 0.4), ("shear", 0.4)):
        found = []
        for image in corrupt(bars, kind, 2):
            rows, columns = np.nonzero(image > 127)
            slope = np.polyfit(rows, columns, 1)[0]
            found.append(np.arctan(slope))
        assert np.abs(found) == pytest.approx(angle, abs=0.03)
        assert np.min(found) < 0 < np.max(found)  # both ways


def test_strokes_lose_and_gain_width_on_both_sides() -> None:
    bar = blank()
    bar[:, :, 12:16] = 255  # 4 px wide
    for kind, severity, width in (("thin", 2, 4 - 2 * 0.5), ("thick", 2, 4 + 2 * 1.5)):
        row = corrupt(bar, kind, severity)[0, 14] / 255
        assert row.sum() == pytest.approx(width, abs=0.35)


def test_kernels_add_up_and_lie_where_they_should() -> None:
    assert disk(0.5).shape == (1, 1)
    assert disk(2.5).sum() == pytest.approx(1)
    assert disk(2.5).shape == (5, 5)
    kernel = trail(3.0, 0)
    assert kernel.sum() == pytest.approx(1)
    middle = len(kernel) // 2
    assert (np.delete(kernel, middle, axis=0) == 0).all()  # level
    assert (kernel[:, :middle] == 0).all()  # to one side
    assert kernel[middle].argmax() == middle


def test_blocks_have_one_value() -> None:
    coarse = corrupt(make_split(1, seed=0, workers=1).images, "pixelate", 1)[0]
    blocks = coarse.reshape(14, 2, 14, 2)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_edges_leave_the_inside_empty() -> None:
    outlined = corrupt(square(14), "canny_edges", 2)[0]
    assert set(np.unique(outlined)) == {0, 255}
    assert (outlined[10:18, 10:18] == 0).all()
    assert outlined[5:9, 14].max() == 255
    kept = corrupt(square(14), "canny_edges", 1)[0]
    assert (kept[10:18, 10:18] == round(0.5 * 255)).all()


def test_lines_are_where_they_belong() -> None:
    dotted = corrupt(blank(30), "dotted_line", 2)
    drawn = dotted.reshape(30, 28, 7, 4).max(axis=(1, 2))
    assert (drawn[:, :2] == 0).all()  # two columns of paper, two of ink
    assert (drawn[:, 2:] > 0).all()
    zigzag = corrupt(blank(30), "zigzag", 2)
    assert (zigzag[:, :, :2] == 0).all()
    assert (zigzag[:, :, 25:] == 0).all()
    assert (zigzag.max(axis=(1, 2)) > 200).all()
    half = corrupt(blank(30), "zigzag", 1).max()
    assert 110 < half <= round(0.5 * 255)


def test_fog_weakens_the_digit_to_its_share() -> None:
    strength = CORRUPTIONS["fog"].parameters[1][0]
    half = np.zeros((200, 28, 28), np.uint8)
    half[:, :, ::2] = 255  # cloud is alike in neighbouring columns, so it cancels out
    foggy = corrupt(half, "fog", 2).astype(float) / 255
    difference = (foggy[:, :, ::2] - foggy[:, :, 1::2]).mean()
    assert difference == pytest.approx(1 / (1 + strength), abs=0.01)


def test_mud_hides_ink_and_darkens_paper() -> None:
    ink, paper = (
        corrupt(np.full((50, 28, 28), level, np.uint8), "spatter", 2) for level in (255, 0)
    )
    assert ink.min() == paper.max() == 63  # the level of mud
    assert 0 < (paper > 0).mean() < 0.3


def test_blurs_keep_the_amount_of_ink() -> None:
    image = square(8)  # far from the border
    for kind in ("gaussian_blur", "defocus_blur", "glass_blur"):
        assert corrupt(image, kind, 1).mean() == pytest.approx(image.mean(), rel=0.1)
