"""What is shown of an explanation: words, colours, page, sheet, terminal, document."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_hdr.cli.heat_view import heat_view
from edge_hdr.data.strokes import make_split
from edge_hdr.explain import words
from edge_hdr.explain.document import document
from edge_hdr.explain.explanation import Case, Explainer, Explanation, find_cases
from edge_hdr.explain.gradients import Gradients
from edge_hdr.explain.headline import tiles
from edge_hdr.explain.heat import AGAINST, FOR, GREY, outline, paint
from edge_hdr.explain.nearest import Examples
from edge_hdr.explain.page import maps, render_explanation
from edge_hdr.explain.scene import Naming, Scene, describe_model
from edge_hdr.explain.sheet import (
    EXAMPLES_PX,
    HEAD_PX,
    LINE_PX,
    MARGIN_PX,
    MOST,
    PICTURES_PX,
    TOLD_PX,
    WIDTH_PX,
    draw_sheet,
    shown,
)
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.pipeline import Digit

MODEL = Path(__file__).parents[2] / "data" / "tiny-int8.tflite"
LABELS = tuple("0123456789")
# of a digit with gradients, whose sentence takes two lines after three others
BAND_PX = TOLD_PX + (3 + 2) * LINE_PX + 10 + PICTURES_PX + EXAMPLES_PX


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Explain two digits, with gradients of known figures."""
    classifier = Classifier(MODEL)
    known = make_split(200, seed=3, workers=1)
    page = np.full((120, 200), 255, np.uint8)
    for place, image in enumerate(known.images[:2]):
        page[30:86, 30 + 80 * place : 86 + 80 * place] = 255 - np.kron(
            image, np.ones((2, 2), np.uint8)
        )
    reading, cases = find_cases(classifier, page)
    assert len(cases) == 2
    naming = Naming(classifier.labels, LABELS, 0.5)
    explainer = Explainer(classifier, examples=Examples(known), rival_of=naming.rival_of)
    found = tuple(
        replace(one, gradients=Gradients(np.eye(28) / 28, 1.0, 1.25, 64, 3))
        for one in explainer.explain(cases)
    )
    data = {"name": "strokes", "source": "drawn", "n": 200, "model_was_trained_on_it": False}
    return Scene(
        name="<b>two</b>.png",
        image=page,
        reading=reading,
        model=describe_model(MODEL, classifier),
        data=data,
        naming=naming,
        found=found,
        notes=("something is <missing>",),
    )


@pytest.fixture
def one(scene: Scene) -> Explanation:
    return scene.found[0]


def test_what_is_explained_is_what_the_reader_saw(scene: Scene) -> None:
    for found, digit in zip(scene.found, scene.reading.digits, strict=True):
        assert found.case.digit == digit
        assert LABELS[found.label] == digit.label
        assert found.probabilities[found.label] == pytest.approx(digit.confidence, abs=1e-5)
        assert found.probabilities.sum() == pytest.approx(1)
        assert found.lead_nats == pytest.approx(
            math.log(found.probabilities[found.label] / found.probabilities[found.runner_up])
        )


def test_a_tie_is_resolved_as_the_classifier_does_and_is_told() -> None:
    classifier = Classifier(MODEL)
    images = make_split(400, seed=3, workers=1).images
    answer = classifier.predict(images)
    ranked = np.sort(answer.logits, axis=1)
    place = int(np.flatnonzero(ranked[:, -1] == ranked[:, -2])[0])  # common in int8
    label = int(answer.labels[place])
    first, second = np.flatnonzero(answer.logits[place] == ranked[place, -1])[:2].tolist()
    assert label == first
    digit = Digit(LABELS[label], float(answer.confidences[place]), True, (0, 0, 28, 28), 0)
    case = Case(1, digit, images[place], images[place], answer.logits[place], label)
    (found,) = Explainer(classifier).explain([case])
    assert (found.label, found.runner_up, found.tied) == (first, second, (second,))
    assert found.margin == found.lead_nats == 0
    assert found.change is None or found.change.label != first
    naming = Naming(LABELS)
    assert f"Read as {first} with" in words.verdict(found, naming)
    assert f"a tie with {second}" in words.rivalry(found, naming)
    assert words.row(found, naming)[4] == "tie"
    assert next(drawn.title for drawn in maps(found, naming)) == f"{first}, not {second}"


def test_the_verdict_names_the_threshold(one: Explanation) -> None:
    sure = replace(one, scores=np.log([0.97, 0.03, *[1e-9] * 8]), label=0, runner_up=1)
    told = words.verdict(sure, Naming(LABELS, (), 0.5))
    assert "Read as 0 with 97.00 %" in told
    assert "threshold of 50.00 %" in told
    assert "no threshold" in words.verdict(sure, Naming(LABELS))
    assert "odds of 32 to 1" in words.rivalry(sure, Naming(LABELS))  # 0.97 / 0.03 = 32.3


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.5, "50.00 %"), (0.99995, "> 99.99 %"), (1e-6, "< 0.01 %"), (0.0002, "0.02 %")],
)
def test_a_probability_is_never_nought_or_all(probability: float, text: str) -> None:
    assert words.share(probability) == text


@pytest.mark.parametrize(
    ("nats", "text"),
    [(0.0, "1.0"), (math.log(1.74), "1.7"), (math.log(5770), "5,800"), (math.log(3e6), "3 × 10^6")],
)
def test_odds_have_two_digits(nats: float, text: str) -> None:
    assert words.odds(nats) == text


def test_incomplete_gradients_are_told(one: Explanation) -> None:
    told = words.completeness(one, Naming(LABELS))
    assert "add up to +1.000" in told
    assert "off by 25.00 %" in told  # |1 − 1.25| / 1
    assert "not complete" in told
    assert "reads 3" in told
    assert words.completeness(replace(one, gradients=None), Naming(LABELS)) == ""


def test_a_digit_that_nothing_flips_and_that_nothing_is_like(one: Explanation) -> None:
    alone = replace(one, change=None, likeness=None, gradients=None)
    naming = Naming(LABELS, (), 0.5)
    assert words.fragility(alone, naming).startswith("No patch of up to 8×8 px")
    assert len(words.sentences(alone, naming)) == 3
    assert len(words.row(alone, naming)) == len(words.HEADS) - 1


def test_colours_say_for_and_against() -> None:
    crop = np.zeros((28, 28), np.uint8)
    crop[5, 5:8] = 255
    values = np.zeros((28, 28))
    values[5, 5], values[5, 6] = 2.0, -2.0
    painted = paint(crop, values)
    assert painted[5, 5].tolist() == FOR.tolist()
    assert painted[5, 6].tolist() == AGAINST.tolist()
    assert painted[5, 7].tolist() == [round(255 * GREY)] * 3
    assert painted[0, 0].tolist() == [0, 0, 0]


def test_a_frame_is_drawn_around_the_patch() -> None:
    framed = outline(np.zeros((28, 28), np.uint8), top=4, left=6, size_px=3, scale=8)
    assert framed.shape == (224, 224, 3)
    assert framed[4 * 8 - 2, 6 * 8].tolist() == AGAINST.tolist()
    assert framed[4 * 8 + 1 : 7 * 8 - 1, 6 * 8 + 1 : 9 * 8 - 1].max() == 0


def test_the_page_needs_nothing_else_and_escapes_what_comes_from_outside(scene: Scene) -> None:
    page = render_explanation(scene)
    assert "&lt;missing&gt;" in page
    assert "<b>two" not in page
    assert re.findall(r'(?:src|href)="(?!data:image/|#digit-)', page) == []
    assert "http" not in page
    assert [int(n) for n in re.findall(r'id="digit-(\d+)"', page)] == [1, 2]
    assert page.count("Integrated gradients</b>") == 2


def test_the_headline_is_of_the_one_digit_or_of_the_weakest(scene: Scene) -> None:
    several = tiles(scene)
    assert several[0].value == "2 digits"
    least = min(found.probabilities[found.label] for found in scene.found)
    assert several[1].value == words.share(least)
    single = tiles(replace(scene, found=scene.found[1:]))
    assert single[0].value == LABELS[scene.found[1].label]


def sheet(scene: Scene) -> np.ndarray[Any, Any]:
    drawn = cv2.imdecode(np.frombuffer(draw_sheet(scene), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(drawn)


def test_the_sheet_has_a_band_for_each_digit(scene: Scene) -> None:
    image = sheet(scene)
    assert image.shape == (HEAD_PX + 2 * BAND_PX + MARGIN_PX // 2, WIDTH_PX, 3)
    words_drawn = image[20:50, MARGIN_PX : MARGIN_PX + 200]
    assert words_drawn.min() < 100 < words_drawn.max()
    # the longest sentence, that of the gradients, ends before the margin
    assert np.ptp(image[:, -MARGIN_PX:].astype(int), axis=(0, 1)).tolist() == [0, 0, 0]


def test_a_sheet_of_many_digits_shows_the_closest_decisions(scene: Scene) -> None:
    many = tuple(
        replace(one, case=replace(one.case, number=number),
                scores=np.log([1 - part, part, *[1e-9] * 8]), label=0, runner_up=1)
        for number, (one, part) in enumerate(
            zip(scene.found * (MOST // 2 + 1), np.linspace(0.01, 0.4, MOST + 2), strict=True), 1
        )
    )  # fmt: skip
    full = replace(scene, found=many)
    assert len(many) == MOST + 2
    assert [one.case.number for one in shown(full)] == list(range(3, MOST + 3))
    assert shown(scene) == scene.found


def test_from_five_digits_on_a_sheet_has_two_columns(scene: Scene) -> None:
    five = replace(scene, found=(*scene.found, *scene.found, scene.found[0]))
    height = HEAD_PX + 3 * BAND_PX + MARGIN_PX // 2
    assert sheet(five).shape == (height, 2 * WIDTH_PX, 3)


def test_a_map_for_each_question(one: Explanation) -> None:
    titles = [drawn.title for drawn in maps(one, Naming(LABELS))]
    first, second = LABELS[one.label], LABELS[one.runner_up]
    assert titles[:3] == [f"{first}, not {second}", f"For {first}", f"For {second}"]
    assert titles[-1] == "Integrated gradients"
    assert len(maps(replace(one, gradients=None), Naming(LABELS))) == len(titles) - 1


@pytest.mark.parametrize("colour", [True, False])
def test_the_terminal_shows_two_pixels_a_character(one: Explanation, colour: bool) -> None:
    lines = str(heat_view(one, colour=colour)).rstrip("\n").split("\n")
    assert len(lines) == 28 / 2
    assert {len(line) for line in lines} == {28 + 28 + (2 if colour else 0)}


def test_the_document_is_json_and_holds_every_number(scene: Scene) -> None:
    first = json.loads(json.dumps(document(scene)))["digits"][0]
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert np.array(first["crop"]).shape == (28, 28)
    assert {(part["fill"], part["size_px"]) for part in first["occlusion"]} == {
        ("erased", 3), ("erased", 6), ("inked", 3), ("inked", 6)
    }  # fmt: skip
    worth = first["occlusion"][0]["worth"]
    assert set(worth) == {first["label"], first["runner_up"]}
    assert np.array(worth[first["label"]]).shape == (28, 28)
    assert len(first["nearest"]["examples"]) == 8
    assert first["gradients"]["complete"] is False
    assert first["margin"] == pytest.approx(first["confidence"] - first["runner_up_confidence"])
