"""The report of a bench run."""

from __future__ import annotations

import re

import pytest
from bench_document import compared, document, pictures, throttled
from html_page import Page

from edge_hdr.report.bench_page import render_bench


@pytest.fixture(scope="module")
def whole():
    doc = compared(document(3, sweep=True, robustness=4))
    doc["failed"] = [{"file": "bad.tflite", "code": "model", "message": "damaged", "hint": ""}]
    return doc, render_bench(doc, pictures())


def seen(page):
    """Give the words of a page, a space between two."""
    return " ".join(" ".join(Page(page).words).split())


def sections(page):
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def test_nothing_is_fetched_and_no_script_runs(whole):
    _, page = whole
    found = Page(page)
    assert found.fetched
    assert all(item.startswith(("data:image/png;base64,", "#")) for item in found.fetched)
    assert "script" not in found.tags
    assert not re.search(r"@import|url\((?!#)", page)


def test_it_goes_from_the_verdict_to_the_details(whole):
    _, page = whole
    assert sections(page) == [
        "Side by side",
        "Against the baseline",
        "Errors against cost",
        "Beside lenet5-float32",
        "Time",
        "Right and wrong: ds-cnn-small-int8",
        "Robustness",
        "Environment and provenance",
    ]


def test_the_figures_are_there_with_n_and_method(whole):
    _, page = whole
    text = seen(page)
    for words in (
        "99.53 %",
        "47 errors of 10,000, 95 % interval 99.38–99.65 %",
        "MNIST test, n = 10,000",
        "5 windows, 10 s of timed calls",
        "640×480 grey, 10 digits",
        "n = 1,000 digits",
        "n = 200",
        "Raspberry Pi 4 Model B Rev 1.5",
        "45 °C → 51 °C",
        "governor ondemand",
        "others took 1.2 % of the processors",
        "bad.tflite was left out: damaged",
    ):
        assert words in text


def test_each_figure_says_what_it_shows(whole):
    _, page = whole
    labels = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert len(labels) == page.count("<svg ") == 9
    assert len(set(labels)) == 9


def test_what_is_wider_than_a_phone_scrolls_and_has_a_name(whole):
    _, page = whole
    assert page.count("<table>") == len(re.findall(r'<div class="scroll[^>]*>\s*<table>', page)) > 8
    assert all('aria-label="' in tag for tag in re.findall(r"<[^>]*tabindex[^>]*>", page))


def test_a_disturbed_run_is_not_to_be_compared():
    page = render_bench(throttled(document(1, accuracy=False, frame=False, cold=False)))
    text = seen(page)
    assert text.index("Do not compare these times.") < text.index("Side by side")
    assert "the board was held back by heat or a weak supply; the processor was too hot" in text
    assert "Undisturbed" not in text


def test_times_of_a_disturbed_run_are_not_ranked(whole):
    text = seen(render_bench(throttled(document(3))))
    assert "except for times: the run was disturbed" in text
    assert "No Pareto front is drawn: the run was disturbed" in text
    assert "Smallest file" in text
    _, page = whole
    for words in ("Fastest kernels", "Fastest frame", "Most images a second"):
        assert words not in text
        assert words in seen(page)
    alone = seen(render_bench(throttled(document(1))))
    assert "Kernels, median" in alone


def test_this_computer_is_no_board(whole):
    doc = throttled(document(1, accuracy=False))
    doc["target"] = None
    doc["measurement"]["remarks"] = ["instructions were not counted: no counter"]
    text = seen(render_bench(doc))
    assert "the machine was held back by heat" in text
    assert "Machine Raspberry Pi 4" in text
    assert "Remarks instructions were not counted: no counter" in text
    assert "Warning" not in text
    _, page = whole
    assert "Board Raspberry Pi 4" in seen(page)
    assert len(re.findall(r"[Ll]oad a core 0\.04 → 0\.97", seen(page))) == 2


def test_an_undisturbed_run_says_so(whole):
    _, page = whole
    assert "Undisturbed run" in seen(page)
    assert "Do not compare" not in page


def test_an_unsteady_run_says_so_and_may_be_compared():
    doc = document(1, accuracy=False, frame=False, cold=False)
    doc["measurement"]["marks"] = ["unsteady"]
    assert "Undisturbed run, but times changed" in seen(render_bench(doc))


def test_regressions_stand_at_the_top_in_words(whole):
    doc, page = whole
    text, sentence = seen(page), doc["comparison"]["regressions"][0]
    assert text.index(sentence) < text.index("Side by side")
    assert "main/bench.json: 1 regression, at a tolerance of 5 %." in text
    assert "In the baseline, but not in this run: ds-cnn-large-int8" in text
    assert "each divided by the time of lenet5-float32" in text


def test_a_comparison_without_regressions_says_so():
    doc = compared(document(2))
    doc["comparison"] |= {"regressions": [], "missing": [], "why_not": "another processor"}
    for model in doc["models"]:
        model |= {"test": None, "latency": None}
    text = seen(render_bench(doc))
    assert "nothing became worse beyond noise" in text
    assert "Times were not compared: another processor." in text
    assert "Worse than" not in text


def test_the_gallery_tells_who_else_was_wrong(whole):
    doc, page = whole
    chosen = doc["models"][1]
    mistakes = chosen["test"]["mistakes"][:30]
    assert page.count("data:image/png;base64,") == len(mistakes) == 30
    index = mistakes[0]["index"]
    others = sum(index in model["wrong"] for model in doc["models"])
    assert f"{others} of 3" in page
    every = set.intersection(*(set(model["wrong"]) for model in doc["models"]))
    some = set().union(*(model["wrong"] for model in doc["models"]))
    assert not every
    assert f"No digit is read wrong by every model, {len(some)} by at least one." in seen(page)


def test_what_was_not_measured_leaves_no_trace():
    page = render_bench(document(2, accuracy=False, frame=False, cold=False))
    assert sections(page) == [
        "Side by side",
        "Beside lenet5-float32",
        "Time",
        "Environment and provenance",
    ]
    text = seen(page)
    for words in ("Where a frame", "Accuracy", "Threads, delegate", "cold start", "None"):
        assert words not in text
    assert not re.search(r"\bnan\b", text)


def test_a_model_that_is_no_tflite_file_has_dashes():
    doc = document(2, accuracy=False, frame=False, cold=False)
    doc["models"][1] |= {
        "kind": "onnx", "runtime": "onnxruntime 1.23.2", "footprint": None, "file_bytes": 26_454,
    }  # fmt: skip
    doc["models"][1]["latency"]["delegate"] = ""
    page = render_bench(doc)
    assert ">26.5</td>" in page
    assert "<td>–</td>" in page
    assert "onnxruntime 1.23.2" in page


def test_text_from_outside_is_escaped():
    evil = "<script>alert('x')</script>"
    doc = compared(document(2))
    for model in doc["models"]:
        model |= {"name": evil, "path": evil, "kind": evil, "source": evil, "notes": [evil]}
        model["test"]["classes"] = [evil, *model["test"]["classes"][1:]]
        model["latency"] |= {"delegate": evil, "frame": None}
    doc |= {"command": evil, "target": evil, "warnings": [evil], "measured": evil}
    doc["data"] |= {"test_name": evil, "source": evil}
    doc["comparison"] |= {"regressions": [evil], "baseline": evil, "why_not": evil}
    doc["comparison"]["missing"] = [evil]
    doc["measurement"] |= {"interpreter": evil, "marks": [evil], "comparable": False}
    doc["measurement"]["environment"] |= {"board": evil, "processor": evil, "features": [evil]}
    page = render_bench(doc)
    assert "<script" not in page
    assert "script" not in Page(page).tags
    assert page.count("&lt;script&gt;") > 20
