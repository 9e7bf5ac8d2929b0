"""The Markdown model card."""

from __future__ import annotations

import json

import pytest
from report_metrics import least, whole_build

from edge_hdr.report.card import model_card


@pytest.fixture(scope="module")
def card():
    return model_card(whole_build()[0])


def test_it_has_the_sections_of_a_model_card_in_order(card):
    titles = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert titles == [
        "What it is",
        "Intended use and limits",
        "Data and licence",
        "Training recipe",
        "Figures",
        "Sizes",
        "How to rebuild",
        "How to use",
    ]


def test_each_figure_has_split_and_n(card):
    metrics, _ = whole_build()
    test = metrics["test"]
    n = f"{test['n']:,}"
    assert f"| errors | {test['errors']} | strokes test | {n} |" in card
    low, high = (100 * end for end in test["interval"])
    accuracy = f"{100 * test['accuracy']:.1f} % ({low:.1f}–{high:.1f} %)"
    assert f"| top-1 accuracy (95 % interval) | {accuracy} | strokes test | {n} |" in card
    assert "| top-1 accuracy | 97.30 % | validation | 5,000 |" in card


def test_it_says_how_to_rebuild_and_what_it_was_trained_on(card):
    assert "```sh\nedge-hdr build --quantize int8\n```" in card
    assert "ab" * 32 in card
    assert "> **Warning.** trained on strokes because MNIST was not found" in card
    assert "drawn by edge-hdr itself" in card
    assert "| float | 3 | 6.0 s |" in card


def test_the_head_is_yaml_with_json_strings(card):
    head = card.split("---\n")[1]
    (name,) = [line.split(": ", 1)[1] for line in head.splitlines() if line.startswith("- name:")]
    assert json.loads(name) == "tiny-int8"
    assert "license: apache-2.0" in head


def test_a_card_needs_little():
    text = model_card(least())
    assert "# theirs" in text
    assert "The command was not recorded." in text
    assert text.endswith("\n")


def test_no_blank_lines_pile_up(card):
    assert "\n\n\n" not in card
    assert "\n\n\n" not in model_card(least())


def test_text_from_outside_is_no_markup():
    metrics = least()
    metrics["model"] = {**metrics["model"], "name": "a|b <i>\n# c"}
    metrics |= {"warnings": ["[x](javascript:alert)"], "command": "echo ```\n# not a title"}
    text = model_card(metrics)
    assert "# a\\|b \\<i\\> \\# c\n" in text
    assert "\\[x\\](javascript:alert)" in text
    assert text.count("```") % 2 == 0
    assert "<i>" not in text.split("---\n", 2)[2]
