from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device.classifier import Classifier, softmax
from edge_hdr_device.errors import ModelError


def digits(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def test_a_batch_gives_what_single_images_give(tiny_int8: Path) -> None:
    classifier, images = Classifier(tiny_int8), digits(5)
    whole = classifier.logits(images)
    single = np.concatenate([classifier.logits(images[i : i + 1]) for i in range(5)])
    step = classifier.output_spec.scale
    np.testing.assert_allclose(whole, single, atol=step * 1.01)


def test_more_than_one_piece_keeps_order(tiny_float: Path) -> None:
    classifier, images = Classifier(tiny_float), digits(300)
    assert classifier.logits(images).shape == (300, 10)
    np.testing.assert_allclose(
        classifier.logits(images)[256:], classifier.logits(images[256:]), atol=1e-4
    )


def test_no_images_give_no_predictions(tiny_int8: Path) -> None:
    predictions = Classifier(tiny_int8).predict(digits(0))
    assert predictions.probabilities.shape == (0, 10)
    assert len(predictions.labels) == len(predictions.confidences) == 0


def test_predictions_of_two_batches_are_those_of_one(tiny_float: Path) -> None:
    classifier, images = Classifier(tiny_float), digits(5)
    parted = classifier.predict(images[:2]).followed_by(classifier.predict(images[2:]))
    together = classifier.predict(images)
    assert parted.labels.tolist() == together.labels.tolist()
    assert parted.accepted.tolist() == together.accepted.tolist()
    np.testing.assert_allclose(parted.probabilities, together.probabilities, atol=1e-5)
    np.testing.assert_allclose(parted.confidences, together.confidences, atol=1e-5)
    np.testing.assert_allclose(parted.logits, together.logits, atol=1e-4)


def test_int8_input_is_pixel_minus_128(tiny_int8: Path) -> None:
    classifier = Classifier(tiny_int8)
    assert classifier.input_spec.dtype == "int8"
    np.testing.assert_array_equal(classifier._lookup, (np.arange(256) - 128).astype(np.int8))


def test_float_input_range_is_respected(tiny_float: Path) -> None:
    assert Classifier(tiny_float)._lookup[255] == 1.0
    assert Classifier(tiny_float, input_range=(-1, 1))._lookup[0] == -1.0
    assert Classifier(tiny_float, input_range=(0, 255))._lookup[255] == 255.0


def test_a_manifest_knows_the_input_range_better(tiny_int8: Path) -> None:
    plain, forced = Classifier(tiny_int8), Classifier(tiny_int8, input_range=(5, 9))
    np.testing.assert_array_equal(forced._lookup, plain._lookup)


def test_confidence_below_the_threshold_is_not_accepted(tiny_int8: Path) -> None:
    classifier = Classifier(tiny_int8)
    assert classifier.manifest is not None
    predictions = classifier.predict(digits(50))
    expected = predictions.confidences >= classifier.manifest.threshold
    np.testing.assert_array_equal(predictions.accepted, expected)


def test_threads_and_delegate_do_not_change_the_reading(tiny_int8: Path) -> None:
    images = digits(20)
    plain = Classifier(tiny_int8, delegate="none").logits(images)
    fast = Classifier(tiny_int8, num_threads=2).logits(images)
    scale = Classifier(tiny_int8).output_spec.scale
    assert np.abs(plain - fast).max() <= 2.01 * scale  # kernels differ by a step or two


def test_other_class_count_is_refused(tiny_float: Path) -> None:
    with pytest.raises(ModelError, match=r"gives \(1, 10\), not \(1, 4\)"):
        Classifier(tiny_float, classes=4)


def test_softmax_is_a_distribution() -> None:
    probabilities = softmax(np.array([[1000.0, 1000.0, 0.0]], np.float32))
    np.testing.assert_allclose(probabilities, [[0.5, 0.5, 0.0]])
