"""Tables of a bench run."""

from __future__ import annotations

import io

import pytest
from bench_document import compared, document, throttled
from rich.console import Console

from edge_hdr.cli import bench_view, render
from edge_hdr.report import bench_tables
from edge_hdr.report.bench_facts import best, cold_ms, images_per_second, short_name, three
from edge_hdr.report.bench_unclean import attacks, robustness, severities
from edge_hdr.report.tables import calibration


def column(table, head):
    """Give the cells under the head that has these words."""
    at = [" ".join(text.split()) for text in table.head].index(head)
    return [row[at] for row in table.rows]


def strong(table, head):
    """Give the rows whose cell under a head stands out."""
    at = list(table.head).index(head)
    return {row for row, across in table.strong if across == at}


def printed(doc, monkeypatch, width):
    """Give what a terminal of some width shows of a document."""
    text = io.StringIO()
    monkeypatch.setattr(render, "console", lambda: Console(file=text, width=width))
    bench_view.show({**doc, "files": []})
    return text.getvalue()


@pytest.mark.parametrize(
    ("width", "rate", "interval"),
    [(100, True, True), (80, True, True), (60, False, True), (50, False, False)],
)
def test_a_terminals_table_breaks_no_name_and_no_number(monkeypatch, width, rate, interval):
    doc = document(25, sweep=True)
    text = printed(doc, monkeypatch, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    cells = [cell for row in bench_tables.summary(doc).rows for cell in row[: 3 if interval else 2]]
    assert {cell for cell in cells if cell not in text} == set()
    assert (text.count("images/s") == 2) is rate  # in the head, and in what explains it
    assert ("interval" in text) is interval
    assert ("images/s: the best of the sweep" in text) is rate
    assert "frame: 640×480 grey, 10 digits" in " ".join(text.split())


def test_short_names_stay_beside_their_figures(monkeypatch):
    (row,) = [line for line in printed(document(3), monkeypatch, 80).splitlines() if "nano" in line]
    assert row.split()[:4] == ["ds-cnn-nano-int8", "99.09", "98.88–99.26", "91"]


def test_the_comparison_on_a_terminal_has_no_empty_columns(monkeypatch):
    doc = compared(document(2))
    doc["comparison"]["models"][1]["baseline_name"] = "older"
    for model in doc["comparison"]["models"]:
        model["latency"] |= {"ratio": None, "low": None, "high": None}
    _, text = printed(doc, monkeypatch, 100).split("Against main/bench.json")
    assert text.split("─")[0].split() == ["model", "errors", "p", "bytes"]
    assert "ds-cnn-small-int8 (was older)" in text
    assert "43 → 47" in text


def test_times_of_a_disturbed_run_are_not_ranked(monkeypatch):
    doc = document(3, sweep=True)
    times = ("frame, ms", "kernels p50, µs", "images/s", "cold start, ms")
    assert all(strong(bench_tables.headline(doc), head) for head in times)
    assert bench_tables.against_first(doc).strong
    table = bench_tables.headline(throttled(doc))
    assert not any(strong(table, head) for head in times)
    assert strong(table, "errors") == {1}
    assert not bench_tables.latency(doc).strong | bench_tables.sweep(doc).strong
    beside = bench_tables.against_first(doc)
    assert {beside.head[at] for _, at in beside.strong} == {"errors ×", "bytes ×", "instructions ×"}
    text = " ".join(printed(doc, monkeypatch, 80).split())
    assert "Do not compare these times: the board was held back by heat" in text


def test_the_summary_shows_each_models_figures():
    table = bench_tables.summary(document(3))
    assert column(table, "model") == ["lenet5-float32", "ds-cnn-small-int8", "ds-cnn-nano-int8"]
    assert column(table, "right %") == ["99.07", "99.53", "99.09"]  # 93, 47, 91 of 10,000 wrong
    assert column(table, "errors") == ["93", "47", "91"]
    assert column(table, "95 % interval")[1] == "99.38–99.65"
    assert column(table, "file kB") == ["182", "39.5", "9.95"]
    doc = document(2)
    for model, p50_ms in zip(doc["models"], (0.4, 12.5), strict=True):
        model["latency"]["invoke"]["p50_ms"] = p50_ms
    assert column(bench_tables.summary(doc), "kernels µs") == ["400", "12,500"]  # never ms


def test_the_headline_has_every_figure_of_the_issue():
    head = bench_tables.headline(document(2)).head
    assert head == (
        "model", "accuracy, %", "95\u00a0% interval", "errors", "same as first, %", "file, kB",
        "gzip, kB", "arena, kB", "resident, MB", "kernels p50, µs", "p90, µs", "p99, µs",
        "frame, ms", "images/s", "cold start, ms",
    )  # fmt: skip


def test_the_best_of_a_column_stands_out_unless_all_are_equal():
    doc = document(3)
    table = bench_tables.headline(doc)
    assert strong(table, "accuracy, %") == strong(table, "errors") == {1}
    assert strong(table, "file, kB") == {2}
    for model in doc["models"]:
        model["file_bytes"] = 1000
    assert strong(bench_tables.headline(doc), "file, kB") == set()
    assert bench_tables.headline(document(1)).strong == frozenset()


def test_what_no_model_has_is_no_column_and_what_one_lacks_is_a_dash():
    head = bench_tables.headline(document(2, accuracy=False, frame=False, cold=False)).head
    assert head[:3] == ("model", "file, kB", "gzip, kB")
    assert not {"errors", "frame, ms", "cold start, ms", "resident, MB"} & set(head)
    doc = document(2)
    doc["models"][1] |= {"footprint": None, "file_bytes": None, "gzip_bytes": None}
    doc["models"][1]["latency"] |= {"frame": None, "cold": None}
    table = bench_tables.headline(doc)
    for name in ("file, kB", "gzip, kB", "arena, kB", "resident, MB", "frame, ms"):
        assert column(table, name)[1] == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05124, "0.0512"), (8.5, "8.50"), (17, "17.0"), (99.96, "100"), (13_312.4, "13,312")],
)
def test_figures_have_three_digits(value, text):
    assert three(value) == text


def test_long_names_lose_their_middle():
    assert short_name("ds-cnn-small-int8") == "ds-cnn-small-int8"
    short = short_name("mobilenet-transfer-float32-epoch-40", 20)
    assert len(short) == 20
    assert short.startswith("mobilenet-")
    assert short.endswith("poch-40")


def test_images_a_second_are_the_sweeps_best_or_ten_at_once():
    model = document(1)["models"][0]
    model["latency"]["ten"]["p50_ms"] = 0.5
    assert images_per_second(model) == 10 / 0.5e-3
    model["latency"]["best"] = {"images_per_second": 123.0}
    assert images_per_second(model) == 123.0
    assert images_per_second({"latency": None}) is None


def test_a_cold_start_is_the_sum_of_its_parts():
    model = document(1)["models"][0]
    model["latency"]["cold"] |= {"start_ms": 100.0, "open_ms": 20.0, "first_ms": 3.0}
    assert cold_ms(model) == 100 + 20 + 3
    model["latency"]["cold"]["open_ms"] = None
    assert cold_ms(model) is None


def test_the_best_model_has_the_fewest_errors_and_of_equals_the_smallest_file():
    doc = document(3)
    assert best(doc)["name"] == "ds-cnn-small-int8"
    for model in doc["models"]:
        model["test"]["errors"] = 50
    assert best(doc)["name"] == "ds-cnn-nano-int8"  # 9,948 bytes
    doc["models"][2]["file_bytes"] = None
    assert best(doc)["name"] == "ds-cnn-small-int8"
    assert best(document(2, accuracy=False)) is None


def test_models_stand_beside_the_first_in_ratios():
    doc = document(2)
    for model, size, call_ms in zip(doc["models"], (2000, 500), (0.4, 0.1), strict=True):
        model["file_bytes"] = size
        model["latency"]["invoke"]["p50_ms"] = call_ms
    table = bench_tables.against_first(doc)
    assert column(table, "bytes ×") == ["0.250"]  # 500 / 2000
    assert column(table, "kernels ×") == ["0.250"]  # 0.1 / 0.4
    assert column(table, "errors ×") == ["0.505"]  # 47 / 93
    assert column(table, "McNemar p") == ["< 0.001"]
    assert bench_tables.against_first(document(1)) is None


def test_the_sweeps_gain_is_over_one_digit_on_one_thread():
    doc = document(1, sweep=True)
    rows = [("xnnpack", 2, 1, 50.0), ("xnnpack", 1, 1, 100.0), ("none", 4, 32, 450.0)]
    keys = ("delegate", "threads", "batch", "images_per_second")
    points = [dict(zip(keys, row, strict=True)) for row in rows]
    doc["models"][0]["latency"] |= {"sweep": points, "best": points[2]}
    table = bench_tables.sweep(doc)
    assert table.rows == (("lenet5-float32", "none", "4", "32", "450", "100", "× 4.50"),)
    assert bench_tables.sweep(document(1)) is None


def test_the_comparison_says_what_is_worse():
    doc = compared(document(3))
    doc["comparison"]["models"][2] |= {
        "accuracy": None,
        "bytes": {"before": 1000, "after": 900, "regression": False},
        "latency": {**doc["comparison"]["models"][2]["latency"], "ratio": None},
    }
    table = bench_tables.comparison(doc)
    assert table.head[1] == "verdict"  # where a phone shows it
    assert column(table, "verdict") == ["not worse", "worse: latency", "not worse"]
    assert column(table, "accuracy, points") == ["−0.04 (−0.13 to +0.05)"] * 2 + ["–"]
    assert column(table, "bytes") == ["same", "same", "−10.0 %"]
    assert column(table, "time") == ["× 1.00 (0.98 to 1.02)", "× 1.21 (1.19 to 1.23)", "–"]
    assert "instructions" not in table.head
    assert bench_tables.comparison(document(3)) is None


def test_classes_show_what_is_missed():
    doc = document(2)
    scores = doc["models"][1]["test"]["per_class"]
    scores[7]["recall"] = 0.975
    scores[3]["recall"] = 1.0  # as of a model that calls everything a 3
    table = bench_tables.per_class(doc)
    assert {table.head[at] for _, at in table.strong} == {"macro F1, %"}
    assert column(table, "7")[1] == "2.50"  # 100 · (1 − 0.975)
    assert bench_tables.per_class(document(2, accuracy=False)) is None


def test_robustness_in_numbers():
    doc = document(2, robustness=True)
    found = doc["models"][1]["robustness"]
    found["mean"] = {"plain": 0.123, "normalized": 0.045}
    found["non_digits"]["letters"]["accepted"] = 0.25
    found["corruptions"] = {"dotted_line": {"plain": [0.1, 0.2, 0.3], "normalized": [0, 0, 0.02]}}
    found["mean_interval"] = {"plain": [0.11, 0.136], "normalized": [0.02, 0.07]}
    found["found"] = {"dotted_line": {"none": [0, 0, 0.03], "several": [0.1, 0.2, 0.3]}}
    found["mnist_c"] = {"plain": 0.08, "normalized": 0.031}
    table = robustness(doc)
    assert column(table, "damaged wrong, %")[1] == "12.3 (11.0–13.6)"
    assert column(table, "normalized first, %")[1] == "4.5 (2.0–7.0)"
    assert column(table, "as in MNIST-C wrong, %")[1] == "8.0"
    assert column(table, "as in MNIST-C, normalized first, %")[1] == "3.1"
    assert column(table, "letters accepted, %")[1] == "25.0"
    assert not table.strong
    (row,) = severities(doc["models"][1]).rows
    assert row == ("dotted line", "10.0", "20.0", "30.0", "0.0", "0.0", "2.0", "1.0", "20.0")
    doc["models"][1]["test"]["selective"]["threshold"] = 0.0
    assert column(robustness(doc), "letters accepted, %")[1] == "–"
    assert robustness(document(2)) is None


def test_nothing_is_covered_without_a_threshold():
    model = document(1)["models"][0]
    assert dict(calibration(model).rows)["Coverage"] == "99.68 %"
    model["test"]["selective"]["threshold"] = 0.0
    told = dict(calibration(model).rows)
    assert told["Rejection threshold"] == "none"
    assert {told["Coverage"], told["Errors among the accepted"]} == {"–"}


def test_attacks_show_the_attacked_model_too():
    doc = document(2, robustness=True)
    doc["models"][0]["robustness"]["adversarial"]["on_source"]["fgsm"]["0.3"] = 0.915
    table = attacks(doc)
    assert column(table, "model")[-1] == "ds-cnn-small-float32, attacked itself"
    assert column(table, "FGSM 0.3, %")[-1] == "91.5"
    for model in doc["models"]:
        model["robustness"]["adversarial"] = None
    assert attacks(doc) is None
