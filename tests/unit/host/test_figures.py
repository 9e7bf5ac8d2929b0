"""Figures of the report."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from edge_hdr.report import figures
from edge_hdr.report.numbers import layer_name, short

BINS = {
    "edges": [0.0, 0.5, 1.0],
    "counts": [0, 9],
    "confidence": [0.0, 0.9],
    "accuracy": [0.0, 0.8],
}
OPERATOR = {
    "index": 3,
    "name": "CONV_2D",
    "kernel": (16, 3, 3, 4),
    "output_shape": (1, 14, 14, 16),
    "weight_bytes": 592,
    "macs": 112_896,
    "on_constants": False,
}


def epochs(*phases):
    return [
        {"phase": phase, "epoch": at, "loss": 1 / (at + 1), "val_loss": None, "val_accuracy": 0.9}
        for at, phase in enumerate(phases)
    ]


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]


DRAWN = {
    "training": lambda: figures.training_curves(epochs("float", "float", "qat")),
    "one epoch": lambda: figures.training_curves(epochs("float")),
    "confusion": lambda: figures.confusion_matrix([[5, 1], [0, 7]], ["0", "1"]),
    "without a mistake": lambda: figures.confusion_matrix([[5, 0], [0, 7]], ["0", "1"]),
    "reliability": lambda: figures.reliability_diagram(BINS),
    "classes": lambda: figures.class_errors([{"label": "0", "recall": 1.0, "precision": 0.5}]),
    "layers": lambda: figures.layer_sizes([OPERATOR]),
    "no layers": lambda: figures.layer_sizes([]),
    "rejection": lambda: figures.rejection_curve(
        np.array([[0.9, 0.1], [0.4, 0.6]], np.float32), np.array([0, 0]), 0.7
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_is_svg_in_the_pages_colours_without_a_size(name):
    svg = DRAWN[name]()
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("viewBox")
    assert root.get("width") is root.get("height") is None
    assert "currentColor" in svg
    assert not re.search(r"#01020[3-6]", svg)
    assert "<image" not in svg


def test_the_same_numbers_draw_the_same_bytes():
    assert DRAWN["training"]() == DRAWN["training"]()


def test_phases_are_named():
    assert {"float", "pruning", "QAT"} <= set(
        texts(figures.training_curves(epochs("float", "float", "prune", "qat")))
    )


def test_the_confusion_matrix_shows_counts_and_leaves_zeros_out():
    found = texts(figures.confusion_matrix([[51, 13], [0, 72]], ["a", "b"]))
    assert {"51", "13", "72"} <= set(found)
    assert "0" not in found


def test_class_names_are_text_not_markup_nor_formulas():
    name = "<b>$x^2$</b>"
    svg = figures.confusion_matrix([[1, 0], [0, 1]], [name, "1"])
    assert "<b>" not in svg
    assert name in texts(svg)


def test_a_digit_is_a_png_of_the_same_pixels():
    image = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28)
    uri = figures.digit_uri(image)
    content = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(decoded, image)


@pytest.mark.parametrize(
    ("name", "kernel", "text"),
    [
        ("CONV_2D", (16, 3, 3, 4), "3 conv 3×3, 16"),
        ("DEPTHWISE_CONV_2D", (1, 5, 5, 16), "3 depthwise 5×5, 16"),
        ("FULLY_CONNECTED", (10, 64), "3 dense 10"),
        ("SPACE_TO_DEPTH", (), "3 space to depth"),
    ],
)
def test_layers_are_named_for_people(name, kernel, text):
    assert layer_name({**OPERATOR, "name": name, "kernel": kernel}) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (14_112, "14.1k"), (2_350_000, "2.35M")]
)
def test_counts_are_short(value, text):
    assert short(value) == text
