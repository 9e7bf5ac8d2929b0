"""Tables of a bench run."""

from __future__ import annotations

import io

import pytest
from bench_document import compared, document
from rich.console import Console

from edge_hdr.cli import render
from edge_hdr.report import bench_tables
from edge_hdr.report.bench_facts import best, cold_ms, images_per_second, short_name, three
from edge_hdr.report.bench_facts import time_unit as unit_of
from edge_hdr.report.bench_unclean import attacks, robustness, severities


def column(table, head):
    """Give the cells under the head that has these words."""
    at = [" ".join(text.split()) for text in table.head].index(head)
    return [row[at] for row in table.rows]


def strong(table, head):
    """Give the rows whose cell under a head stands out."""
    at = list(table.head).index(head)
    return {row for row, across in table.strong if across == at}


@pytest.mark.parametrize("name", ["summary", "latency", "sweep"])
def test_a_table_for_the_terminal_fits_100_columns(name):
    table = getattr(bench_tables, name)(document(25, sweep=True))
    text = io.StringIO()
    shown = render.table("", list(table.head), [list(row) for row in table.rows])
    Console(file=text, width=100).print(shown)
    lines = text.getvalue().splitlines()
    rows = [line for line in lines if line.strip() and "─" not in line]
    heads = max(head.count("\n") + 1 for head in table.head)
    assert len(rows) == heads + len(table.rows)  # no cell was folded


def test_the_summary_shows_each_models_figures():
    table = bench_tables.summary(document(3))
    assert column(table, "model") == ["lenet5-float32", "ds-cnn-small-int8", "ds-cnn-nano-int8"]
    assert column(table, "right %") == ["99.07", "99.53", "99.09"]  # 93, 47, 91 of 10,000 wrong
    assert column(table, "errors") == ["93", "47", "91"]
    assert column(table, "95 % interval")[1] == "99.38–99.65"
    assert column(table, "file kB") == ["182", "39.5", "9.95"]


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


def test_a_column_of_times_has_one_unit():
    assert unit_of([0.0085, 13.3, None]) == ("µs", 1e3)
    assert unit_of([0.1, 13.3]) == ("ms", 1.0)
    assert unit_of([None]) == ("ms", 1.0)


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
    assert column(table, "verdict") == ["not worse", "worse: latency", "not worse"]
    assert column(table, "accuracy, points") == ["−0.04 (−0.13 to +0.05)"] * 2 + ["–"]
    assert column(table, "bytes") == ["same", "same", "−10.0 %"]
    assert column(table, "time") == ["× 1.00 (0.98 to 1.02)", "× 1.21 (1.19 to 1.23)", "–"]
    assert bench_tables.comparison(document(3)) is None


def test_classes_show_what_is_missed():
    doc = document(2)
    scores = doc["models"][1]["test"]["per_class"]
    scores[7]["recall"] = 0.975
    table = bench_tables.per_class(doc)
    assert column(table, "7")[1] == "2.50"  # 100 · (1 − 0.975)
    assert bench_tables.per_class(document(2, accuracy=False)) is None


def test_robustness_in_numbers():
    doc = document(2, robustness=True)
    found = doc["models"][1]["robustness"]
    found["mean"] = {"plain": 0.123, "normalized": 0.045}
    found["non_digits"]["letters"]["accepted"] = 0.25
    found["corruptions"] = {"dotted_line": {"plain": [0.1, 0.2, 0.3], "normalized": [0, 0, 0.02]}}
    table = robustness(doc)
    assert column(table, "damaged wrong, %")[1] == "12.3"
    assert column(table, "normalized first, %")[1] == "4.5"
    assert column(table, "letters accepted, %")[1] == "25.0"
    rows = severities(doc["models"][1]).rows
    assert rows == (("dotted line", "10.0", "20.0", "30.0", "0.0", "0.0", "2.0"),)
    assert robustness(document(2)) is None


def test_attacks_show_the_attacked_model_too():
    doc = document(2, robustness=True)
    doc["models"][0]["robustness"]["adversarial"]["on_source"]["fgsm"]["0.3"] = 0.915
    table = attacks(doc)
    assert column(table, "model")[-1] == "ds-cnn-small-float32, attacked itself"
    assert column(table, "FGSM 0.3, %")[-1] == "91.5"
    for model in doc["models"]:
        model["robustness"]["adversarial"] = None
    assert attacks(doc) is None
