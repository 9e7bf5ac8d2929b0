"""Likeness to a training split, and where that split is looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr.data.dataset import Split
from edge_hdr.errors import DataError
from edge_hdr.explain.nearest import BLUR_PX, NEAREST, TOGETHER, Examples, Likeness, blur
from edge_hdr.explain.sources import find_examples, find_float_model


def dot(row: int, column: int) -> NDArray[np.uint8]:
    crop = np.zeros((28, 28), np.uint8)
    crop[row, column] = 255
    return crop


def split(*images: NDArray[np.uint8], labels: list[int]) -> Split:
    return Split(np.stack(images), np.array(labels))


def like(
    examples: Examples, crop: NDArray[np.uint8], rival: int | None, k: int = NEAREST
) -> Likeness:
    (found,) = examples.like(crop[None], [rival], k=k)
    return found


def test_digits_are_compared_each_with_its_own_rival() -> None:
    known = split(dot(8, 8), dot(20, 20), labels=[0, 1])
    crops = np.stack([dot(8, 9), *[dot(20, 21)] * TOGETHER])  # one more than fit in a batch
    found = Examples(known).like(crops, [1, *[0] * TOGETHER])
    assert [(one.nearest[0].index, one.rivals[0].index) for one in found] == [
        (0, 1), *[(1, 0)] * TOGETHER
    ]  # fmt: skip


def test_of_equally_near_examples_the_first_is_given() -> None:
    known = split(*[dot(9, 9)] * 20, labels=[0] * 20)
    assert [one.index for one in like(Examples(known), dot(8, 8), 0, k=3).nearest] == [0, 1, 2]


def test_a_blur_keeps_the_ink_and_loses_what_leaves_the_field() -> None:
    assert blur(dot(14, 14)[None]).sum() == pytest.approx(1, abs=1e-5)
    assert blur(dot(0, 14)[None]).sum() == pytest.approx(0.7, abs=0.01)  # half, and its middle row


def test_the_distance_is_that_of_blurred_pixels() -> None:
    found = like(Examples(split(dot(20, 20), labels=[3])), dot(8, 8), None)
    (example,) = found.nearest
    # two bells far apart: the square of each is 1 / (4 π σ²)
    assert example.distance == pytest.approx(np.sqrt(2 / (4 * np.pi * BLUR_PX**2)), rel=1e-3)
    assert (example.index, example.label) == (0, 3)


def test_a_small_shift_is_nearer_than_another_place() -> None:
    known = split(dot(20, 8), dot(9, 8), dot(8, 8), dot(8, 11), labels=[0, 1, 2, 3])
    found = like(Examples(known), dot(8, 8), None, k=3)
    assert [example.label for example in found.nearest] == [2, 1, 3]
    assert found.nearest[0].distance == 0
    np.testing.assert_array_equal(found.nearest[1].image, dot(9, 8))


def test_rivals_are_of_the_one_class() -> None:
    known = split(dot(8, 8), dot(9, 8), dot(20, 8), dot(22, 8), labels=[0, 0, 1, 1])
    found = like(Examples(known), dot(8, 8), 1)
    assert [(example.index, example.label) for example in found.rivals] == [(2, 1), (3, 1)]
    assert like(Examples(known), dot(8, 8), None).rivals == ()
    assert len(found.nearest) == 4  # all there are, of eight asked for


def test_the_share_of_examples_that_are_closer_to_their_like() -> None:
    # nearest neighbours of the five: twins at 0 (two pairs), and a loner
    known = split(
        dot(5, 5), dot(5, 5), dot(20, 20), dot(20, 20), dot(20, 5), labels=[0, 0, 1, 1, 2]
    )
    examples = Examples(known)
    assert like(examples, dot(6, 5), None).closer_share == pytest.approx(4 / 5)
    assert like(examples, dot(5, 5), None).closer_share == 0
    assert like(examples, np.full((28, 28), 255, np.uint8), None).closer_share == 1


def test_no_data_are_asked_for() -> None:
    assert find_examples("none", None, None) == (None, "")


def test_missing_mnist_is_a_note_and_nothing_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("EDGE_HDR_DATA", raising=False)
    dataset, note = find_examples("mnist", tmp_path, None)
    assert dataset is None
    assert note.startswith("no similar training examples: MNIST is not in --data-dir")
    assert "edge-hdr data fetch" in note
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("spec", ["auto", "nowhere", "mnits"])
def test_data_of_another_name_are_an_error(spec: str) -> None:
    with pytest.raises(DataError, match=spec):
        find_examples(spec, None, None)


def test_a_model_without_a_build_has_no_float_model(tmp_path: Path) -> None:
    assert find_float_model(None, 10) == (None, "")
    model, note = find_float_model(tmp_path, 10)
    assert model is None
    assert note.startswith("no integrated gradients: ")
