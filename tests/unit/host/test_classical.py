from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_hdr import classical
from edge_hdr.classical import METHODS, Classical, fit, load
from edge_hdr.classical_features import deskew, hog
from edge_hdr.data.dataset import Split
from edge_hdr.errors import ConfigError, DataError, ModelError

SYSTEMS = sorted(METHODS)


def digits(each: int, seed: int) -> Split:
    """Give ten kinds of bars at a place of their own, shaken by a pixel and noise."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(10), each)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for index, label in enumerate(labels):
        image = images[index]
        row, column = 4 + 4 * (label % 5) + rng.integers(0, 2), 4 + rng.integers(0, 2)
        if label < 5:
            image[row : row + 3, column : column + 20] = 255
        else:
            image[column : column + 20, row : row + 3] = 255
    images += rng.integers(0, 60, images.shape, dtype=np.uint8) * (images == 0)
    return Split(images, labels)


@pytest.fixture(scope="module")
def train() -> Split:
    return digits(16, seed=1)


@pytest.fixture(scope="module")
def held() -> Split:
    return digits(4, seed=2)


@pytest.fixture(scope="module")
def knn(train: Split) -> Classical:
    return fit("knn", train, settings={"k": 4})


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_learns_and_its_softmax_is_a_confidence(
    system: str, train: Split, held: Split
) -> None:
    found = fit(system, train, held)
    logits = found.logits(held.images)
    assert logits.shape == (40, 10)
    assert logits.dtype == np.float32
    accuracy = (logits.argmax(axis=1) == held.labels).mean()
    assert accuracy > 0.9
    assert found.validation_accuracy == accuracy
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidences = 1 / shares.sum(axis=1)  # the largest of the softmax
    assert abs(confidences.mean() - accuracy) < 0.15


def test_votes_become_logarithms_of_smoothed_shares() -> None:
    near, far = np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)
    middle = np.full((28, 28), 128, np.uint8)
    train = Split(np.stack([near, near, middle, far]), np.array([0, 0, 1, 2]))
    one = fit("knn", train, settings={"k": 2}, classes=("a", "b", "c"))
    logits = one.logits(near[np.newaxis])
    total = 2 + 3 * 0.1  # votes, and a tenth of one for each of three classes
    expected = np.log([[(2 + 0.1) / total, 0.1 / total, 0.1 / total]])
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


def test_the_setting_with_the_fewest_errors_on_validation_is_chosen(train: Split) -> None:
    """A quarter is labelled wrongly; on the same digits k = 1 repeats just these labels."""
    wrong = train.labels.copy()
    wrong[::4] = (wrong[::4] + 1) % 10
    noisy, held = Split(train.images, wrong), Split(train.images, train.labels)
    found = fit("knn", noisy, held)
    right = {
        k: fit("knn", noisy, held, settings={"k": k}).validation_accuracy for k in (1, 3, 4, 5, 7)
    }
    assert right[1] == 3 / 4
    assert right[found.settings["k"]] == max(right.values())  # type: ignore[type-var]


def test_the_temperature_is_fitted_on_validation(train: Split, held: Split) -> None:
    plain = fit("hog-svm-linear", train, settings={"c": 1.0})
    scaled = fit("hog-svm-linear", train, held, settings={"c": 1.0})
    assert plain.temperature == 1
    assert scaled.temperature != 1
    np.testing.assert_allclose(
        scaled.logits(held.images), plain.logits(held.images) / scaled.temperature, rtol=1e-4
    )


def test_numbers_and_products_are_counted(train: Split) -> None:
    n = len(train)
    knn = fit("knn", train, settings={"k": 1})
    assert (knn.parameters, knn.macs) == (n * 784, n * 784)
    linear = fit("hog-svm-linear", train, settings={"c": 1.0})
    assert linear.macs == 10 * 324
    assert linear.parameters == 10 * 324 + 10
    kernel = fit("svm-rbf", train, settings={"c": 1.0, "gamma": 0.02})
    vectors = len(kernel.estimator.support_vectors_)
    assert kernel.macs == vectors * 784 + vectors * 9  # each vector is in nine of the 45 pairs
    assert kernel.parameters == kernel.macs + 45
    reduced = fit("svm-rbf-pca", train, settings={"c": 1.0, "gamma": 0.02})
    vectors = len(reduced.estimator[-1].support_vectors_)
    assert reduced.macs == 784 * 64 + vectors * 64 + vectors * 9


def test_one_that_was_saved_is_the_same(train: Split, held: Split, tmp_path: Path) -> None:
    found = fit("svm-rbf-pca", train, held, name="mine", settings={"c": 10.0, "gamma": 0.02})
    assert found.file_bytes is None
    found.save(tmp_path / "seed0")
    again = load(tmp_path / "seed0")
    np.testing.assert_allclose(again.logits(held.images), found.logits(held.images), rtol=1e-5)
    told = ("name", "settings", "temperature", "trained_on", "validation_accuracy", "classes")
    assert [getattr(again, key) for key in told] == [getattr(found, key) for key in told]
    assert again.path == tmp_path / "seed0" / classical.FILE
    assert again.file_bytes == again.path.stat().st_size == found.file_bytes


def test_files_that_cannot_be_used_are_named(knn: Classical, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no classifier\.joblib"):
        load(tmp_path)
    knn.save(tmp_path)
    path = tmp_path / classical.FILE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="is damaged"):
        load(tmp_path)


def test_another_scikit_learn_is_refused(
    knn: Classical, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sklearn

    knn.save(tmp_path)
    monkeypatch.setattr(sklearn, "__version__", "0.1")
    with pytest.raises(ModelError, match=r"written by scikit-learn .*, this is 0\.1"):
        load(tmp_path)


def test_it_is_measured_as_any_subject(knn: Classical, held: Split) -> None:
    from edge_hdr_device.bench.subject import Subject, describe

    subject: Subject = knn
    subject.logits(held.images[:1])
    subject.invoke()
    assert (subject.reader(), subject.reopened(1, "none"), subject.cold_argv()) == (None,) * 3
    told = describe(subject)
    assert told["kind"] == "sklearn"
    assert told["classes"] == list("0123456789")


def test_a_limit_is_stratified_and_stated(train: Split) -> None:
    found = fit("knn", train, n=20, settings={"k": 1})
    assert found.trained_on == 20
    assert np.bincount(found.estimator._y).tolist() == [2] * 10


@pytest.mark.parametrize(
    ("system", "settings", "problem"),
    [("kn", None, "unknown classifier 'kn'"), ("knn", {"c": 1.0}, "knn has no settings c")],
)
def test_unknown_words_are_refused(
    train: Split, system: str, settings: dict[str, float] | None, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        fit(system, train, settings=settings)


def test_too_few_examples_are_refused(train: Split) -> None:
    ones = train.take(np.arange(10))
    with pytest.raises(DataError, match="10 examples have no 11 neighbours"):
        fit("knn", ones, settings={"k": 11})
    with pytest.raises(DataError, match="no example of 9"):
        fit("knn", train.take(np.arange(9)))
    assert fit("knn", ones, digits(1, seed=3)).settings["k"] <= 10


def test_a_vertical_edge_falls_into_two_opposite_orientations() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, :, 9:12] = 255  # in the second column of cells, edges at 8 | 9 and 11 | 12
    found = hog(image).reshape(3, 3, 4, 9)
    first = found[0, 0]  # cells: 0 left, 1 right, 2 and 3 the same below
    assert first[[0, 2]].max() == 0
    # angle 0 is position 0; angle 180° is 4.5, shared by 4 and 5: 2 px of 1 a row at each edge
    strengths = np.array([14.0, 0, 0, 0, 7, 7, 0, 0, 0])
    norm = np.sqrt(2 * (strengths**2).sum())
    clipped = np.minimum(strengths / norm, 0.2)
    expected = clipped / np.sqrt(2 * (clipped**2).sum())
    np.testing.assert_allclose(first[1], expected, atol=1e-4)


def test_a_slanted_bar_is_made_upright() -> None:
    image = np.zeros((28, 28), np.uint8)
    for row in range(4, 24):
        column = 20 - row // 2
        image[row, column : column + 3] = 255

    def slant(picture: np.ndarray) -> float:
        rows, columns = np.mgrid[:28, :28]
        weights = picture / picture.sum()
        dr, dc = rows - (weights * rows).sum(), columns - (weights * columns).sum()
        return float((weights * dr * dc).sum() / (weights * dr * dr).sum())

    assert slant(image) == pytest.approx(-0.5, abs=0.02)
    assert slant(deskew(image)) == pytest.approx(0, abs=0.02)
    blank = np.zeros((28, 28), np.uint8)
    np.testing.assert_array_equal(deskew(blank), blank)
