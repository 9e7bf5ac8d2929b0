from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from drawing import one, paper, seven, zero
from numpy.typing import NDArray

from edge_hdr_device.annotate import LARGEST_PX, REJECTED, SMALLEST_PX, annotate, encode
from edge_hdr_device.classifier import Predictions
from edge_hdr_device.errors import ImageError
from edge_hdr_device.pipeline import Digit, Reader, Reading


class ByWidth:
    """Call narrow crops "1" and wide ones "0", and count the batches."""

    labels = ("0", "1")

    def __init__(self, threshold: float = 0.0) -> None:
        self.threshold = threshold
        self.batches: list[int] = []

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        self.batches.append(len(images))
        narrow = np.array([(image.max(axis=0) > 0).sum() < 6 for image in images], np.int64)
        confidences = np.where(narrow == 1, 0.9, 0.6).astype(np.float32)
        rows = np.zeros((len(images), 2), np.float32)
        return Predictions(rows, rows, narrow, confidences, confidences >= self.threshold)


def page() -> NDArray[np.uint8]:
    image = paper()
    zero(image, 100, 100, 80)
    one(image, 300, 100, 80)
    one(image, 110, 300, 80)
    zero(image, 300, 300, 80)
    return image


def test_lines_are_read_in_order_in_one_batch() -> None:
    classifier = ByWidth()
    reading = Reader(classifier).read(page())
    assert reading.lines == ("01", "10")
    assert classifier.batches == [4]
    assert [digit.label for digit in reading.digits] == ["0", "1", "1", "0"]
    assert all(digit.accepted for digit in reading.digits)


class Narrow(ByWidth):
    """Be sure of what is narrower than high."""

    def predict(self, images: NDArray[np.uint8]) -> Predictions:
        called = super().predict(images)
        wide = np.array([(image.max(axis=0) > 0).sum() > 16 for image in images], bool)
        sure = np.where(wide, 0.5, 0.99).astype(np.float32)
        return replace(called, confidences=sure, accepted=sure >= self.threshold)


def test_touching_digits_are_read_apart_in_a_second_batch() -> None:
    image = paper()
    zero(image, 200, 150, 100)
    zero(image, 258, 150, 100)
    classifier = Narrow()
    reading = Reader(classifier).read(image)
    assert reading.lines == ("00",)
    assert len(classifier.batches) == 2
    assert classifier.batches[0] == 1
    assert reading.digits[0].box[0] < reading.digits[1].box[0]


def test_a_rejected_digit_keeps_its_place_and_its_guess() -> None:
    reading = Reader(ByWidth(threshold=0.8)).read(page())
    assert reading.lines == ("?1", "1?")
    rejected = reading.digits[0]
    assert not rejected.accepted
    assert rejected.label == "0"
    assert rejected.reason == "low confidence"


def test_a_line_of_which_nothing_is_sure_is_left_out() -> None:
    image = page()
    seven(image, 100, 390, 70)
    reading = Reader(ByWidth(threshold=0.8)).read(image)
    assert reading.lines == ("?1", "1?")
    assert len(reading.digits) == 5


def test_a_picture_without_digits_gives_an_empty_reading() -> None:
    reading = Reader(ByWidth()).read(paper(80, 60))
    assert reading.lines == ()
    assert reading.digits == ()
    assert (reading.width, reading.height) == (80, 60)


def test_result_is_json_ready_and_complete() -> None:
    result = json.loads(json.dumps(Reader(ByWidth(threshold=0.8)).read(page()).to_dict()))
    assert result["lines"] == ["?1", "1?"]
    stages = {"locate_ms", "normalize_ms", "classify_ms", "total_ms"}
    assert result.keys() == {"lines", "digits", "width", "height"} | stages
    parts = result["locate_ms"] + result["normalize_ms"] + result["classify_ms"]
    assert result["total_ms"] == pytest.approx(parts, abs=0.01)
    first, second = result["digits"][:2]
    assert first == {
        "label": "0",
        "confidence": 0.6,
        "box": pytest.approx([100, 100, 48, 80], abs=4),
        "accepted": False,
        "reason": "low confidence",
        "line": 0,
    }
    assert second["accepted"] is True
    assert second["reason"] is None


def reading_of(image: NDArray[np.uint8], *digits: Digit) -> Reading:
    return Reading(("",), digits, image.shape[1], image.shape[0], 0.0, 0.0, 0.0)


def test_a_picture_one_pixel_high_is_drawn() -> None:
    thin = np.full((1, 5000), 255, np.uint8)
    assert annotate(thin, reading_of(thin)).shape == (1, LARGEST_PX, 3)


@pytest.mark.parametrize(
    ("width", "expected"),
    [(28, SMALLEST_PX), (SMALLEST_PX, SMALLEST_PX), (1000, 1000), (4000, LARGEST_PX)],
)
def test_annotated_picture_has_room_for_text_and_a_bounded_size(width: int, expected: int) -> None:
    image = paper(width, width // 2)
    digit = Digit("7", 0.9, (width // 4, width // 8, width // 10, width // 6))
    drawn = annotate(image, reading_of(image, digit))
    assert drawn.shape == (expected // 2, expected, 3)
    assert (drawn != drawn[0, -1]).any(axis=2).sum() > 200


@pytest.mark.parametrize("box", [(0, 0, 40, 60), (580, 410, 60, 70)])
def test_a_digit_at_the_edge_is_drawn_inside(box: tuple[int, int, int, int]) -> None:
    image = paper()
    drawn = annotate(image, reading_of(image, Digit("7", 0.2, box, "low confidence")))
    assert (drawn == REJECTED).all(axis=2).sum() > 100
    assert (image == 220).all()  # the picture itself is left as it was


def test_an_unknown_format_is_refused() -> None:
    assert encode(annotate(paper(), reading_of(paper())), ".png").startswith(b"\x89PNG")
    with pytest.raises(ImageError, match=r"cannot write pictures as '\.xyz'"):
        encode(paper(), ".xyz")


def test_a_reading_names_what_of_the_batch_each_digit_was() -> None:
    image = paper()
    one(image, 100, 150, 100)
    zero(image, 200, 150, 100)
    zero(image, 258, 150, 100)
    classifier = Narrow()
    reading = Reader(classifier).read(image)
    assert reading.lines == ("100",)
    assert len(set(reading.rows)) == 3
    assert reading.rows[0] < classifier.batches[0] == 2  # the 1, and the pair as one digit
    assert all(2 <= row < sum(classifier.batches) for row in reading.rows[1:])
