"""The HTML report."""

from __future__ import annotations

import re

import pytest
from html_page import Page
from report_metrics import least, whole_build

from edge_hdr.report.numbers import duration, interval, p_value, percent, size
from edge_hdr.report.page import render_report


@pytest.fixture(scope="module")
def page():
    return render_report(*whole_build())


def test_nothing_is_fetched_and_no_script_runs(page):
    found = Page(page)
    assert found.fetched
    assert all(item.startswith(("data:image/png;base64,", "#")) for item in found.fetched)
    assert "script" not in found.tags
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(page.encode()) < 2_000_000


def test_it_follows_the_readers_scheme_and_screen(page):
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_headline_figures_come_first_and_provenance_last(page):
    metrics, _ = whole_build()
    test, comparison = metrics["test"], metrics["comparison"]
    order = [
        "trained on strokes because MNIST was not found",
        f"{100 * test['accuracy']:.1f} %",
        f"n = {test['n']:,}",
        f"{comparison['candidate_errors']} : {comparison['reference_errors']}",
        "McNemar p",
        f"{metrics['footprint']['file_bytes']:,} B",
        "0.0514 ms",
        "Confusion matrix",
        "The worst mistakes",
        "Reliability",
        "Training",
        "What it costs",
        "Provenance",
        "edge-hdr build --quantize int8",
        "ab" * 32,
        "tensorflow 2.21.0",
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)


def test_the_gallery_shows_each_mistake(page):
    metrics, _ = whole_build()
    mistakes = metrics["test"]["mistakes"][:30]
    assert page.count("data:image/png;base64,") == len(mistakes) > 0


def test_a_page_needs_little():
    page = render_report(least())
    assert "theirs" in page
    assert "The worst mistakes" not in page
    assert "Training" not in page
    assert "Warning" not in page


def test_text_from_outside_is_escaped():
    metrics = least()
    evil = "<script>alert('x')</script>"
    metrics["model"] = {**metrics["model"], "name": evil, "architecture": evil}
    metrics |= {"warnings": [evil], "command": evil, "config": {"key": evil}}
    metrics["data"] = {"name": evil, "test_name": evil, "sha256": evil}
    metrics["test"] = {**metrics["test"], "classes": [evil, *metrics["test"]["classes"][1:]]}
    page = render_report(metrics)
    assert "<script" not in page
    assert "script" not in Page(page).tags
    assert "&lt;script&gt;" in page


def test_a_layer_that_the_delegate_left_is_told():
    metrics = least()
    cost = metrics["footprint"]
    operators = [{**row, "delegated": row["index"] != 0} for row in cost["operators"]]
    metrics["footprint"] = {**cost, "operators": operators, "delegated": len(operators) - 1}
    assert f"{len(operators) - 1} of {len(operators)} operators" in render_report(metrics)
    metrics["footprint"] = {**cost, "delegated": None, "delegate_note": "no plan to read"}
    page = render_report(metrics)
    assert "not known" in page
    assert "no plan to read" in page


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (percent(0.99425), "99.42 %"),
        (percent(None), "–"),
        (interval([0.9925, 0.9955], 10_000), "99.25–99.55 %"),
        (interval([0.9, 0.96], 200), "90.0–96.0 %"),
        (size(9_999), "9,999 B"),
        (size(39_512), "39.5 kB"),
        (size(1_900_000_000), "1.9 GB"),
        (size(2_350_000), "2.4 MB"),
        (p_value(0.00004), "< 0.001"),
        (p_value(0.0312), "0.031"),
        (p_value(1.0), "1.00"),
        (duration(4.25), "4.2 s"),
        (duration(41), "41 s"),
        (duration(725), "12 min 5 s"),
        (duration(7380), "2 h 3 min"),
    ],
)
def test_numbers_are_written_for_people(text, wanted):
    assert text == wanted
